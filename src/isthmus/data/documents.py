"""Texts as they are handed over: a list, a column, or a column of a table."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from isthmus.data.frames import as_arrow, is_frame
from isthmus.errors import DataError, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 1_000
"""Cells that are looked at."""

WORDS = 4
"""Words of a cell, on average, above which a column is free text."""


class Documents(NamedTuple):
    """Texts, and the name of the column that held them."""

    texts: list[str]
    column: str | None = None

    def take(self, picked: NDArray[np.int64]) -> Documents:
        """The texts at these places, in their order."""
        return self._replace(texts=[self.texts[i] for i in picked])


def are_documents(X: Any) -> bool:
    """Whether ``X`` can be nothing but texts: a list, a column, or a frame of one."""
    if isinstance(X, pa.Array | pa.ChunkedArray):
        X = X.slice(0, FEW).to_pylist()
    if not is_frame(X):
        return _axes(X) == 1 and _all_text(list(islice(X, FEW)))
    columns = as_arrow(X)
    if len(columns) != 1:
        return False
    (cells,) = columns.values()
    some = cells.slice(0, FEW).to_pylist()
    known = [cell for cell in some if cell is not None]
    words = sum(len(str(cell).split()) for cell in known)
    long, different = words > WORDS * len(known), 2 * len(set(known)) > len(known)
    return _all_text(some) and long and different


def open_documents(X: Any, column: str | None = None) -> Documents:
    """Texts, of which a missing one is empty."""
    name, cells = None, X
    if isinstance(X, pa.Array | pa.ChunkedArray):
        cells = X.to_pylist()
    elif is_frame(X):
        name, cells = _column(X, column)
    elif _axes(X) == 2:
        cells = np.asarray(X, dtype=object)
        if cells.shape[1] != 1:
            raise DataError(
                f"Texts are one column. Got {cells.shape[1]}: give one of them."
            )
        cells = cells[:, 0]
    elif _axes(X) != 1:
        raise DataError("Texts must be a list, a column, or a table that holds one.")
    cells = cells.to_pylist() if hasattr(cells, "to_pylist") else list(cells)
    return Documents([_text(cell, row) for row, cell in enumerate(cells)], name)


def _column(X: Any, column: str | None) -> tuple[str, Any]:
    """The column that is named, or the only one."""
    columns = as_arrow(X)
    if column is None and len(columns) > 1:
        shown = ", ".join(map(repr, list(columns)[:20]))
        raise DataError(
            f"Which column holds the texts? Say kind=isthmus.Text(column=...), in the "
            f"terminal --column. There are {shown}."
        )
    name = next(iter(columns)) if column is None else column
    if name not in columns:
        raise DataError(unknown("column", name, list(columns)[:50]))
    return name, columns[name]


def _axes(X: Any) -> int:
    """Axes of an array, a column or a list; a text alone has none."""
    if isinstance(X, str | bytes) or not hasattr(X, "__iter__"):
        return 0
    if not isinstance(X, list | tuple):
        return int(getattr(X, "ndim", 1))
    first = next((x for x in X if x is not None), None)
    return 2 if isinstance(first, list | tuple | np.ndarray) else 1


def _all_text(cells: list[Any]) -> bool:
    return any(isinstance(cell, str) for cell in cells) and all(
        isinstance(cell, str) or _is_missing(cell) for cell in cells
    )


def _text(cell: Any, row: int) -> str:
    if isinstance(cell, str):
        return cell
    if _is_missing(cell):
        return ""
    raise DataError(
        f"Row {row} holds no text, but {cell!r}. Leave it out, or write it in words."
    )


def _is_missing(cell: Any) -> bool:
    """None, or what is not equal to itself: NaN, NaT, NA."""
    return cell is None or str(cell) in {"<NA>", "NaT"} or cell != cell  # noqa: PLR0124
