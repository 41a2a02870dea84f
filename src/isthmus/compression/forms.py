"""Containers of tables as Arrow tables, and back with all their types."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from isthmus.data.frames import is_frame
from isthmus.errors import DataError

FORM = dict[str, Any]


def as_table(X: Any) -> tuple[pa.Table, FORM]:
    """An Arrow table with rows, and what it came in."""
    table, form = _opened(X)
    if not table.num_rows:
        raise DataError("X holds no row.")
    return table, form


def _opened(X: Any) -> tuple[pa.Table, FORM]:
    if not is_frame(X):
        return _of_array(X)
    if type(X).__module__.startswith("pandas"):
        if not X.columns.is_unique:
            twice = X.columns[X.columns.duplicated()][0]
            raise DataError(f"Two columns are called {twice!r}. Rename one of them.")
        try:
            return pa.Table.from_pandas(X), {"kind": "pandas"}
        except pa.ArrowException as error:
            raise DataError(f"A column cannot be compressed: {error}") from None
    if isinstance(X, pa.Table):
        return _unique(X), {"kind": "pyarrow"}
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return _unique(pa.table(X)), {"kind": "pyarrow"}
    return frame.to_arrow(), {"kind": str(frame.implementation.value)}


def restored(table: pa.Table, form: FORM) -> Any:
    """The container of `as_table`."""
    kind = form["kind"]
    if kind == "array":
        found = np.empty((table.num_rows, table.num_columns), form["dtype"])
        for j, column in enumerate(table.columns):
            found[:, j] = column.to_numpy()
        return found.reshape(form["shape"])
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return table


def _of_array(X: Any) -> tuple[pa.Table, FORM]:
    values = np.asarray(X)
    if values.ndim not in {1, 2} or values.dtype.kind not in "biuf":
        raise DataError(
            f"X must be a table, or an array (n, columns) of numbers. Got an array "
            f"{values.shape} of {values.dtype}."
        )
    wide = values.reshape(len(values), -1)
    cells = [pa.array(column.copy(), from_pandas=True) for column in wide.T]
    form = {"kind": "array", "dtype": str(values.dtype), "shape": list(values.shape)}
    return pa.table({f"x{j}": c for j, c in enumerate(cells)}), form


def _unique(table: pa.Table) -> pa.Table:
    names = table.column_names
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"More than one column is called {twice[0]!r}.")
    return table
