"""What a person hands over: a table, images, series, counts, sound or texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.data.counts import CountLearner, CountRows, CountTable
from isthmus.data.documents import are_documents
from isthmus.data.forms import Audio, Counts, Images, Series, name_of
from isthmus.data.frames import Origin, is_frame
from isthmus.data.learner import TableLearner
from isthmus.data.pictures import Pictures, are_pictures, open_pictures
from isthmus.data.pixels import PixelLearner, Pixels
from isthmus.data.recordings import Recordings, are_recordings, open_recordings
from isthmus.data.series import SeriesLearner, SeriesTable
from isthmus.data.sounds import SoundLearner, Sounds
from isthmus.data.steps import Steps, steps_of
from isthmus.data.streams import at_hand
from isthmus.data.table import Table
from isthmus.errors import DataError, RecipeError, unknown
from isthmus.estimator.counting import are_counts, read_counts
from isthmus.estimator.suggestions import wished_content
from isthmus.estimator.tables import Read, read_table
from isthmus.estimator.texts import read_texts, text_of
from isthmus.estimator.wishes import columns_of, form_of

if TYPE_CHECKING:
    from collections.abc import Iterable

Converter = Table | Pixels | SeriesTable | CountTable | Sounds
Learner = TableLearner | PixelLearner | SeriesLearner | CountLearner | SoundLearner


LOOKS = {
    "audio": are_recordings,
    "images": are_pictures,
    "counts": are_counts,
    "text": are_documents,
}
"""Data that can be but of one form."""


def read_rows(estimator: Any, X: Any, *, reset: bool, least: int = 1) -> Read:
    """Return the rows of X, or X itself if it has been read for this estimator.

    With ``reset`` the estimator learns number and names of the columns; otherwise
    they must be the same, and named columns are brought into the order of fitting.
    """
    if isinstance(X, Read):
        return X
    X = at_hand(X)
    known = None if reset else estimator._converter  # noqa: SLF001
    form = form_for(estimator, X) if reset else getattr(known, "form", "table")
    readers = {
        "images": _read_images,
        "audio": _read_audio,
        "series": _read_series,
        "counts": read_counts,
        "text": read_texts,
    }
    return readers.get(form, read_table)(estimator, X, reset=reset, least=least)


def learner_for(estimator: Any, rows: Any) -> Learner:
    """Learns what an estimator wants to know of rows like these."""
    content, said = wished_content(estimator), form_of(estimator)
    if isinstance(rows, Pictures):
        return PixelLearner(rows, content, said if isinstance(said, Images) else None)
    if isinstance(rows, Recordings):
        return SoundLearner(rows, content, said if isinstance(said, Audio) else None)
    if isinstance(rows, CountRows):
        totals = said.totals if isinstance(said, Counts) else True
        text = None if rows.documents is None else text_of(estimator, rows.documents)
        return CountLearner(rows.names, totals=totals, text=text)
    if estimator.scaling not in {"robust", "standard"}:
        raise RecipeError(
            f"scaling must be 'robust' or 'standard'. Got {estimator.scaling!r}."
        )
    robust, wishes = estimator.scaling == "robust", columns_of(estimator)
    if not isinstance(rows, Steps):
        return TableLearner(rows.columns, content, wishes, robust=robust)
    assert isinstance(said, Series)
    if wishes.weights:
        raise RecipeError(
            "Columns of a series have no weights: scale them, or leave some out."
        )
    named = [name for name in (said.time, said.by) if name is not None]
    kinds = {**wishes.kinds, **dict.fromkeys(named, "identifier")}
    wishes = wishes.changed(kinds=kinds)
    table = TableLearner(rows.columns, content or "real", wishes, robust=robust)
    return SeriesLearner(table, said)


def converter_from(data: dict[str, Any]) -> Converter:
    """Rebuild a converter from its plain data."""
    kinds: dict[str, type[Converter]] = {
        "images": Pixels,
        "series": SeriesTable,
        "counts": CountTable,
        "text": CountTable,
        "audio": Sounds,
    }
    return kinds.get(data.get("form", "table"), Table).from_dict(data)


def form_for(estimator: Any, X: Any) -> str:
    """Which form data has that is fitted to: as the user says, or as it looks."""
    if isinstance(X, Read):
        kinds = {
            Pictures: "images",
            Steps: "series",
            CountRows: "counts",
            Recordings: "audio",
        }
        found = kinds.get(type(X.rows), "table")
        return "text" if getattr(X.rows, "documents", None) is not None else found
    said = form_of(estimator)
    if said is not None:
        return name_of(said)
    if estimator.kind is not None:
        return "table"
    return next((form for form, looks_so in LOOKS.items() if looks_so(X)), "table")


def form_among(task: Any, X: Any, known: Iterable[str]) -> str:
    """The form of the data, which must be one that a task knows."""
    return _refused_if_strange(task, form_for(task, X), known)


def said_among(task: Any, known: Iterable[str]) -> str:
    """The form that is said of the data, which must be one that a task knows."""
    return _refused_if_strange(task, name_of(form_of(task)), known)


def _refused_if_strange(task: Any, form: str, known: Iterable[str]) -> str:
    if form in known:
        return form
    dense = " kind='table' takes a sparse matrix for a table."
    raise DataError(
        f"{type(task).__name__} takes data of kind {' or '.join(known)}. Got {form}, "
        f"which Autoencoder takes: its codes can be learned from."
        f"{dense if form == 'counts' else ''}"
    )


def _read_images(estimator: Any, X: Any, *, reset: bool, least: int) -> Read:
    if not are_pictures(X):
        raise DataError(
            "Images must be an array (n, height, width) or (n, height, width, "
            "channels), or a list of images."
        )
    rows = open_pictures(X, least)
    if reset:
        estimator.n_features_in_ = rows.channels
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    return Read(rows, Origin())


def _read_audio(estimator: Any, X: Any, *, reset: bool, least: int) -> Read:
    said = form_of(estimator)
    wish = said if isinstance(said, Audio) else Audio()
    rows = open_recordings(X, wish.rate, least)
    if reset:
        estimator.n_features_in_ = 1 if wish.view == "wave" else wish.bands
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    return Read(rows, Origin())


def _read_series(estimator: Any, X: Any, *, reset: bool, least: int) -> Read:
    said = form_of(estimator)
    assert isinstance(said, Series)
    if not is_frame(X):
        return _read_series_array(estimator, X, reset=reset, least=least)
    rows, origin = read_table(estimator, X, reset=reset, least=least)
    times = names = None
    if said.by is not None:
        names = _cells(rows, said.by)
    if said.time is not None:
        times = _times(rows, said.time)
    elif origin.index is not None and origin.index.dtype.kind == "M":
        times = np.asarray(origin.index, "datetime64[ns]").astype(np.int64) / 1e9
    return Read(steps_of(rows, times, names), origin)


def _read_series_array(estimator: Any, X: Any, *, reset: bool, least: int) -> Read:
    """(n, columns), (n,) of one column, (series, n, columns), or a list of such."""
    names: Any = None
    shape: Any = ()
    if isinstance(X, list | tuple) and all(np.ndim(x) for x in X) and len(X):
        if _are_series(X):
            parts = [np.asarray(x) for x in X]
            shape = "list" if parts[0].ndim == 2 else "flat list"
            parts = [p[:, None] if p.ndim == 1 else p for p in parts]
            if len(widths := sorted({part.shape[1] for part in parts})) > 1:
                raise DataError(
                    f"Series must have the same columns. Got arrays of {widths}."
                )
            names = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
            X = np.concatenate(parts)
    elif np.ndim(X) == 1:
        X, shape = np.asarray(X)[:, None], (-1,)
    elif np.ndim(X) == 3:
        X = np.asarray(X)
        shape, names = X.shape, np.repeat(np.arange(len(X)), X.shape[1])
        X = X.reshape(-1, X.shape[2])
    rows, origin = read_table(estimator, X, reset=reset, least=least)
    return Read(steps_of(rows, None, names, shape), origin)


def _are_series(X: Any) -> bool:
    """Whether a list holds series, and no rows: lists of numbers of one length."""
    arrays = any(not isinstance(x, list | tuple) for x in X)
    return arrays or np.ndim(X[0]) == 2 or len({len(x) for x in X}) > 1


def _cells(rows: Any, name: str) -> list[Any]:
    if name in rows.texts:
        found: list[Any] = rows.texts[name].to_pylist()
        return found
    if name in rows.numeric:
        return list(rows.numbers[:, rows.numeric.index(name)])
    raise DataError(unknown("column", name, [c.name for c in rows.columns][:50]))


def _times(rows: Any, name: str) -> Any:
    if name in rows.texts:
        raise DataError(
            f"Column {name!r} holds text that cannot be read as times. The first cell "
            f"is {rows.texts[name][0].as_py()!r}; ISO 8601 is read, as 2024-01-31 "
            f"12:00:00."
        )
    return np.array(_cells(rows, name), dtype=np.float64)
