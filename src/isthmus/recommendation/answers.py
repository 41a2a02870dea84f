"""Answers in the form of what was asked: a frame, or arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.data.frames import Origin, like
from isthmus.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.recommendation.interactions import Interactions
    from isthmus.recommendation.ranking import Ranking
    from isthmus.recommendation.reasons import Reasons


def recommendations(asked: Interactions, found: Ranking) -> Any:
    """Of a frame: a row per user and item. Of a matrix: the ranking as it is."""
    if asked.backend is None:
        return found
    user, item = _names(asked)
    who, rank = np.nonzero(found.items >= 0)
    columns = {
        user: asked.users.take(pa.array(who)),
        "rank": rank + 1,
        item: asked.items.take(pa.array(found.items[who, rank])),
        "score": found.scores[who, rank],
    }
    return framed(asked.backend, columns)


def reasons(asked: Interactions, found: Ranking, why: Reasons) -> Any:
    """Of a frame: a row per user, item and reason. Of a matrix: arrays."""
    if asked.backend is None:
        return why
    user, item = _names(asked)
    who, rank, place = np.nonzero(why.because >= 0)
    at = who, rank, place
    columns = {
        user: asked.users.take(pa.array(who)),
        "rank": rank + 1,
        item: asked.items.take(pa.array(found.items[who, rank])),
        "because": asked.items.take(pa.array(why.because[at])),
        "effect": why.effects[at],
    }
    return framed(asked.backend, columns)


def framed(backend: str, columns: dict[str, Any]) -> Any:
    """Columns as a frame of a library."""
    return like(Origin(backend), Origin(backend), columns)


def _names(asked: Interactions) -> tuple[str, str]:
    columns = asked.columns
    return ("user", "item") if columns is None else (columns.user, columns.item)


def places_of(known: pa.Array, items: Any) -> NDArray[np.int64]:
    """Numbers of one item, or of some."""
    wanted = [items] if isinstance(items, str) or np.ndim(items) == 0 else list(items)
    places = pc.index_in(pa.array(wanted).cast(known.type), value_set=known)
    if places.null_count:
        strange = wanted[places.is_null().to_pylist().index(True)]
        raise DataError(f"The model knows no item {strange!r}.")
    return np.asarray(places.to_numpy()).astype(np.int64)
