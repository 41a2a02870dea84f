"""From rows to entries, a piece at a time, and from entries to columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from isthmus.data.categories import Categories
from isthmus.data.numbers import Numbers
from isthmus.data.times import Times
from isthmus.trace import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.rows import Rows

Converter = Numbers | Times | Categories
"""Columns converted together: their ``names``, and ``field``, their entries."""

PIECE = 2**13
"""Rows that are converted at a time, to keep what is computed on the way small."""

Strange = dict[str, Counter[str]]
"""Cells by column that fitting has not seen the like of, and how often."""


def to_batch(parts: list[Converter], rows: Rows) -> tuple[Batch, Strange]:
    """Entries (n, E) of rows, and what is strange in them."""
    stops = np.cumsum([0, *(part.field.shape[0] for part in parts)])
    shape = rows.height, int(stops[-1])
    x, visible = np.empty(shape, dtype=np.float32), None
    strange: Strange = {}
    for start in range(0, rows.height, PIECE):
        piece = rows.slice(start, start + PIECE)
        here = slice(start, start + piece.height)
        for part, first, stop in zip(parts, stops, stops[1:], strict=False):
            entries, known = _converted(part, piece, strange)
            x[here, first:stop] = entries
            if not known.all():
                visible = np.ones(shape, np.float32) if visible is None else visible
                visible[here, first:stop] = known
    if visible is None:
        return Batch(torch.from_numpy(x)), strange
    x *= visible
    return Batch(torch.from_numpy(x), torch.from_numpy(visible)), strange


def to_columns(
    parts: list[Converter], entries: NDArray[np.float32]
) -> dict[str, NDArray[np.float64] | pa.Array]:
    """Columns by name that entries (n, E) stand for: numbers, or texts."""
    found: dict[str, Any] = {}
    start = 0
    for part in parts:
        stop = start + part.field.shape[0]
        run, start = entries[:, start:stop], stop
        if isinstance(part, Categories):
            index = part.decode(run)
            levels = pa.array(part.levels, pa.string())
            found[part.name] = levels.take(pa.array(index, mask=index < 0))
        elif isinstance(part, Times):
            found[part.names[0]] = part.decode(run)
        else:
            cells = part.decode(run)
            found |= {name: cells[:, j] for j, name in enumerate(part.names)}
    return found


def _converted(
    part: Converter, rows: Rows, strange: Strange
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Entries of some columns, and which cells are there."""
    if isinstance(part, Categories):
        text = rows.texts[part.name]
        tell(strange, part.name, part.unseen(text))
        known: NDArray[np.bool_] = text.is_valid().to_numpy()
        return part.encode(text), known[:, None]
    place = {name: j for j, name in enumerate(rows.numeric)}
    columns = [place[name] for name in part.names]
    whole = columns == list(range(rows.numbers.shape[1]))
    cells = rows.numbers if whole else rows.numbers[:, columns]
    if isinstance(part, Times):
        return part.encode(cells[:, 0]), ~np.isnan(cells)
    part.refuse_the_unfit(cells)
    for name, odd in part.strange(cells):
        tell(strange, name, odd)
    return part.encode(cells), ~np.isnan(cells)


def tell(strange: Strange, name: str, cells: dict[str, int]) -> None:
    """Count strange cells of a column."""
    if cells:
        strange.setdefault(name, Counter()).update(cells)
