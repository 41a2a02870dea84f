"""Fitting to a stream: what its columns are, and its entries on a disk."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from isthmus.data import dialect
from isthmus.data.arrow import type_of
from isthmus.data.frames import as_arrow, is_frame, open_frame
from isthmus.data.rows import Column
from isthmus.data.store import Store
from isthmus.data.streams import is_stream, stream, whole
from isthmus.errors import DataError
from isthmus.estimator.preparation import learner_for, split
from isthmus.estimator.rows import read_rows, wanted_types
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isthmus.data.learner import TableLearner
    from isthmus.data.streams import Stream

MOST_CHECKED = 100_000
"""Rows that are kept out of training, at most; they are held in memory."""

MOST_CELLS = 2**25
"""Cells that are held in memory where all rows must be at once."""

Method = TypeVar("Method", bound=Callable[..., Any])


def piecewise(method: Method) -> Method:
    """Answer to a stream with the answers to its pieces, one after the other."""

    @functools.wraps(method)
    def asked(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_stream(X):
            return method(self, X, *args, **kwargs)
        pieces = stream(X)
        return np.concatenate([method(self, X, *args, **kwargs) for X in pieces])

    return asked  # type: ignore[return-value]


def in_memory(X: Any) -> Any:
    """``X``, or of a stream its rows; of more than `MOST_CELLS`, some, by lot."""
    return whole(stream(X), MOST_CELLS) if is_stream(X) else X


def examples(
    estimator: Any, X: Any, validation: Any
) -> tuple[Batch | Store, Batch | None]:
    """Entries to train on and to check on, in memory or on a disk."""
    if not is_stream(X):
        return split(estimator, estimator.prepared(X), validation)
    learner, origin, rows = learned(estimator, source := stream(X))
    estimator._settle(learner, origin)  # noqa: SLF001 - it is prepared here
    share = estimator.validation if validation is None else 0.0
    data, held_out = stored(estimator, source, rows, share)
    if validation is not None:
        checked = read_rows(estimator, validation, reset=False).rows
        held_out = estimator._converter.encode(checked)  # noqa: SLF001
    device = estimator._device  # noqa: SLF001
    return data, None if held_out is None else held_out.to(device)


def learned(estimator: Any, source: Stream) -> tuple[TableLearner, Any, int]:
    """What the columns of a stream hold, where they came from, and the rows.

    Columns of text need a pass of their own, since all their cells together say what
    they can be read as.
    """
    first = next(iter(source), None)  # a pass that is not kept open holds no memory
    if first is None:
        raise DataError("The stream holds no rows.")
    rows, origin = read_rows(estimator, first, reset=True)
    columns = rows.columns
    if is_frame(first):
        columns = _columns(source, wanted_types(estimator, reset=True))
    types = {column.name: column.type for column in columns}
    learner, count = learner_for(estimator, columns), 0
    for piece in source:
        if is_frame(piece):
            rows, _ = open_frame(piece, types, list(types))
        else:
            rows = read_rows(estimator, piece, reset=True).rows
        learner.update(rows)
        count += rows.height
    if count < 2:
        raise DataError(f"A stream of two rows or more is needed. Got {count}.")
    return learner, origin._replace(index=None), count


def stored(
    estimator: Any, source: Stream, rows: int, share: float
) -> tuple[Store, Batch | None]:
    """Entries of a stream on a disk, and a share of its rows in memory."""
    converter, seed = estimator._converter, estimator._seed  # noqa: SLF001 - prepared
    entries = converter.layout().event.numel()
    store = Store(entries, rows, missing=converter.missing, seed=seed)
    lots = np.random.Generator(np.random.PCG64(seed + 1))
    share, held = min(share, MOST_CHECKED / rows), []
    for piece in source:
        batch = converter.encode(read_rows(estimator, piece, reset=False).rows)
        out = torch.from_numpy(lots.random(len(batch)) < share)
        store.append(batch.rows((~out).nonzero()[:, 0]))
        held.append(batch.rows(out.nonzero()[:, 0]))
    checked = Batch.joined(held)
    return store.finish(), checked if len(checked) else None


def _columns(source: Stream, wanted: dict[str, str]) -> tuple[Column, ...]:
    """Columns as all pieces together have them."""
    found: dict[str, Column] = {}
    readings: dict[str, str] = {}
    known = source.schema
    if known is not None:
        found = {field.name: _typed(field.name, field.type) for field in known}
        unread = [f.name for f in known if _is_open(f.type, f.name, wanted)]
        passes: Iterator[Any] = iter(source.pieces(unread)) if unread else iter(())
    else:
        passes = iter(source)
    for piece in passes:
        for name, cells in as_arrow(piece).items():
            here = _typed(name, cells.type)
            if cells.null_count == len(cells):
                found.setdefault(name, here)
                continue
            if _is_open(cells.type, name, wanted):
                reading = dialect.type_of(cells)
                readings[name] = dialect.join(readings.get(name, "empty"), reading)
            found[name] = here if name in readings else _wider(found.get(name), here)
    settled = (_settled(c, readings.get(n), wanted) for n, c in found.items())
    return tuple(map(_as_read, settled) if source.words else settled)


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
