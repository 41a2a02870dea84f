"""Fitting to a stream: what its columns are, and its entries on a disk."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import torch

from isthmus.data import dialect
from isthmus.data.arrow import type_of
from isthmus.data.counts import CountRows
from isthmus.data.forms import name_of
from isthmus.data.frames import as_arrow, is_frame, open_frame
from isthmus.data.rows import Column
from isthmus.data.sparse import Sparse
from isthmus.data.store import Store
from isthmus.data.streams import at_hand, is_stream, stream, whole
from isthmus.data.windows import Crops, Windows
from isthmus.errors import DataError
from isthmus.estimator.preparation import Data, split
from isthmus.estimator.reading import form_for, learner_for, read_rows
from isthmus.estimator.tables import wanted_types
from isthmus.estimator.wishes import form_of, series_of
from isthmus.ranks import ALONE
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isthmus.data.pieces import Stream
    from isthmus.estimator.reading import Learner
    from isthmus.ranks import Ranks

MOST_CHECKED = 100_000
"""Rows that are kept out of training, at most; they are held in memory."""

MOST_CELLS = 2**25
"""Cells that are held in memory where all rows must be at once."""

Method = TypeVar("Method", bound=Callable[..., Any])


def piecewise(method: Method) -> Method:
    """Answer to a stream with the answers to its pieces, one after the other.

    A series is one thing, and answered as such.
    """

    @functools.wraps(method)
    def asked(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_stream(X):
            return method(self, X, *args, **kwargs)
        pieces = stream(X)
        if series_of(self) is not None:
            return method(self, whole(pieces), *args, **kwargs)
        return np.concatenate([method(self, X, *args, **kwargs) for X in pieces])

    return asked  # type: ignore[return-value]


def in_memory(X: Any) -> Any:
    """``X``, or of a stream its rows; of more than `MOST_CELLS`, some, by lot."""
    return whole(stream(X), MOST_CELLS) if is_stream(X) else at_hand(X)


def examples(
    estimator: Any, X: Any, validation: Any, ranks: Ranks = ALONE
) -> tuple[Batch | Crops | Sparse | Store, Data | None]:
    """Entries to train on and to check on, in memory or on a disk.

    Of several processes each reads a part of a stream, and has a part of the rows to
    check on; of rows in memory each has all to train on.
    """
    if is_stream(X):
        X = _held(estimator, stream(X))
    if not is_stream(X):
        data, held_out = split(estimator, estimator.prepared(X), validation)
        held = None if held_out is None else _mine(held_out, ranks)
        return in_passes(data, ranks), held
    learner, origin, rows = learned(estimator, source := stream(X), ranks)
    estimator._settle(learner, origin)  # noqa: SLF001 - it is prepared here
    if not getattr(estimator._converter, "whole", True):  # noqa: SLF001
        return examples(estimator, whole(source), validation, ranks)  # patches
    share = estimator.validation if validation is None else 0.0
    store, held_out = stored(estimator, source, rows, share, ranks)
    if validation is not None:
        checked = read_rows(estimator, validation, reset=False).rows
        held_out = _mine(estimator._converter.encode(checked), ranks)  # noqa: SLF001
    device = estimator._device  # noqa: SLF001
    return store, None if held_out is None else held_out.to(device)


def _held(estimator: Any, source: Stream) -> Any:
    """The rows of a stream, where all must be at hand at once; else the stream.

    That is so of series, texts, sound and counts, of which only what is not 0 is held.
    """
    form = _form(estimator, source)
    if form in {"series", "text", "audio"}:
        return whole(source)
    if form != "counts":
        return source
    parts = [read_rows(estimator, piece, reset=True) for piece in source]
    if not parts:
        raise DataError("The stream holds no rows.")
    rows = CountRows.joined([part.rows for part in parts])
    if len(rows) < 2:
        raise DataError(f"A stream of two rows or more is needed. Got {len(rows)}.")
    return parts[0]._replace(rows=rows)


def _form(estimator: Any, source: Stream) -> str:
    """Which form a stream has: as its files are, as is said, or as it looks."""
    if source.form != "table" or estimator.kind is not None:
        return name_of(form_of(estimator)) if source.form == "table" else source.form
    return form_for(estimator, next(iter(source), ()))


def in_passes(data: Data, ranks: Ranks) -> Batch | Crops | Sparse:
    """What a trainer goes through: examples, or windows drawn afresh in each pass."""
    if isinstance(data, Windows):
        return Crops(data, ranks)
    return replace(data, ranks=ranks) if isinstance(data, Sparse) else data


def _mine(batch: Data, ranks: Ranks) -> Data:
    if ranks.world_size == 1:
        return batch
    rows = torch.arange(len(batch), device=batch.x.device)
    return batch.rows(ranks.mine(rows))


def learned(
    estimator: Any, source: Stream, ranks: Ranks = ALONE
) -> tuple[Learner, Any, int]:
    """What the columns of a stream hold, where they came from, and the rows.

    Columns of text need a pass of their own, since all their cells together say what
    they can be read as. What several processes have learned is put together.
    """
    first = next(iter(source), None)  # a pass that is not kept open holds no memory
    if first is None:
        raise DataError("The stream holds no rows.")
    rows, origin = read_rows(estimator, first, reset=True)
    types: dict[str, str] = {}
    if is_frame(first):
        columns = _columns(source, wanted_types(estimator, reset=True), ranks)
        rows = rows._replace(columns=columns)
        types = {column.name: column.type for column in columns}
    learner, count = learner_for(estimator, rows), 0
    for piece in _read_here(source, ranks):
        if is_frame(piece):
            rows, _ = open_frame(piece, types, list(types))
        else:
            rows = read_rows(estimator, piece, reset=True).rows
        learner.update(rows)
        count += rows.height
    learner, *others = ranks.all_gather(learner)
    for other in others:
        learner.merge(other)  # type: ignore[arg-type]
    counts = ranks.all_gather(count)
    if sum(counts) < 2:
        raise DataError(f"A stream of two rows or more is needed. Got {sum(counts)}.")
    if not min(counts):
        raise DataError(
            f"{ranks.world_size} processes share {sum(counts):,} rows, and one of them "
            f"gets none: Parquet is shared by row groups. Write more of them, or use "
            f"fewer processes."
        )
    return learner, origin._replace(index=None), sum(counts)


def stored(
    estimator: Any, source: Stream, rows: int, share: float, ranks: Ranks = ALONE
) -> tuple[Store, Batch | None]:
    """Entries of a stream on a disk, and a share of its rows in memory."""
    converter, seed = estimator._converter, estimator._seed  # noqa: SLF001 - prepared
    event = converter.layout().event
    store = Store(event, rows, missing=converter.missing, seed=seed, ranks=ranks)
    lots = np.random.Generator(np.random.PCG64(seed + 1))
    share, held = min(share, MOST_CHECKED / rows), []
    for piece in source.share(ranks):
        if isinstance(piece, int):
            store.skip(int((lots.random(piece) >= share).sum()))
            continue
        batch = converter.encode(read_rows(estimator, piece, reset=False).rows)
        out = torch.from_numpy(lots.random(len(batch)) < share)
        store.append(batch.rows((~out).nonzero()[:, 0]))
        held.append(batch.rows(out.nonzero()[:, 0]))
    checked = Batch.joined(held)
    anywhere = sum(ranks.all_gather(len(checked)))
    return store.finish(), checked if anywhere else None


def _read_here(
    source: Stream, ranks: Ranks, columns: list[str] | None = None
) -> Iterator[Any]:
    """Pieces that this process reads."""
    return (p for p in source.share(ranks, columns) if not isinstance(p, int))


def _columns(
    source: Stream, wanted: dict[str, str], ranks: Ranks
) -> tuple[Column, ...]:
    """Columns as all pieces together have them."""
    known, unread = source.schema, None
    if known is not None:
        unread = [f.name for f in known if _is_open(f.type, f.name, wanted)]
    passes = iter(()) if unread == [] else _read_here(source, ranks, unread)
    found = {field.name: _typed(field.name, field.type) for field in known or ()}
    readings: dict[str, str] = {}
    for seen in ranks.all_gather(_seen(passes, wanted)):
        for name, here in seen.columns.items():
            if name not in seen.filled:
                found.setdefault(name, here)
            else:
                is_word = name in seen.readings
                found[name] = here if is_word else _wider(found.get(name), here)
        for name, reading in seen.readings.items():
            readings[name] = dialect.join(readings.get(name, "empty"), reading)
    settled = (_settled(c, readings.get(n), wanted) for n, c in found.items())
    return tuple(map(_as_read, settled) if source.words else settled)


class _Seen(NamedTuple):
    """What one process has seen of columns."""

    columns: dict[str, Column]
    readings: dict[str, str]
    """What the cells of columns of text can be read as."""
    filled: set[str]
    """Columns of which some cell is not missing."""


def _seen(pieces: Iterable[Any], wanted: dict[str, str]) -> _Seen:
    seen = _Seen({}, {}, set())
    for piece in pieces:
        for name, cells in as_arrow(piece).items():
            here = _typed(name, cells.type)
            if cells.null_count == len(cells):
                seen.columns.setdefault(name, here)
                continue
            before = seen.columns.get(name) if name in seen.filled else None
            seen.filled.add(name)
            if _is_open(cells.type, name, wanted):
                reading = dialect.type_of(cells)
                known = seen.readings.get(name, "empty")
                seen.readings[name] = dialect.join(known, reading)
            is_word = name in seen.readings
            seen.columns[name] = here if is_word else _wider(before, here)
    return seen


def _is_open(kind: Any, name: str, wanted: dict[str, str]) -> bool:
    """Whether the cells of a column of text must say what they are."""
    return dialect.is_text(kind) and wanted.get(name) != "text"


def _typed(name: str, kind: Any) -> Column:
    return Column(name, type_of(name, kind), str(kind))


def _settled(column: Column, reading: str | None, wanted: dict[str, str]) -> Column:
    """A column as it will be read."""
    wish: Any = wanted.get(column.name)
    if reading in {None, "text"}:
        return column._replace(type=wish or column.type)
    kind = dialect.arrow_of(reading or "empty")
    return Column(column.name, wish or type_of(column.name, kind), f"text<{kind}>")


def _as_read(column: Column) -> Column:
    """A column of a CSV file, as it is where the file is read at once."""
    if column.arrow.startswith("text<"):
        return column._replace(arrow=column.arrow[5:-1])
    return column._replace(arrow="large_string")


def _wider(known: Column | None, new: Column) -> Column:
    """A column of which two pieces have different types."""
    order = ["boolean", "integer", "float"]
    if known is None or known.arrow in {new.arrow, "null"}:
        return new
    if known.type == new.type:
        return known
    if not {known.type, new.type} <= set(order):
        raise DataError(
            f"Column {new.name!r} holds {known.type} in one piece and {new.type} in "
            f"another."
        )
    return max(known, new, key=lambda column: order.index(column.type))
