"""Tables in any container, as rows; and back into the same container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.data.arrow import from_arrow
from isthmus.data.rows import Column, Rows
from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray


class Origin(NamedTuple):
    """Where a table came from, so that answers can go back in the same form."""

    backend: str | None = None
    """``pandas``, ``polars``, ``pyarrow``; None for an array."""
    names: tuple[Any, ...] | None = None
    """Column names; None for an array."""
    index: Any = None
    """The index of a pandas frame."""
    dtypes: tuple[Any, ...] | None = None
    """Data types of a pandas or polars frame."""


def is_frame(X: Any) -> bool:
    """Whether ``X`` is a data frame, rather than an array."""
    if isinstance(X, np.ndarray | list | tuple):
        return False
    return hasattr(X, "__arrow_c_stream__") or _is_native(X)


def open_frame(
    X: Any,
    wanted: Mapping[str, str],
    names: list[str] | None = None,
    optional: Collection[str] = (),
) -> tuple[Rows, Origin]:
    """Take the columns of a frame out of it.

    Takes pandas, polars and Arrow tables and whatever narwhals or the Arrow capsule
    interface opens. ``wanted`` says what some columns are to be read as; others are
    what they are, and columns of text are what all their cells can be read as.
    ``names`` are the columns that must be there, in this order, but for ``optional``
    ones. All that is wrong stands in one error.
    """
    frame = _frame(X)
    labels = tuple(frame.columns)
    series = {
        str(label): cells
        for label, cells in zip(labels, frame.iter_columns(), strict=True)
    }
    wrong = []
    if names is not None:
        absent = [n for n in names if n not in series and n not in optional]
        surplus = [n for n in series if n not in names]
        for what, which in (("missing", absent), ("not known", surplus)):
            if which:
                wrong.append(f"{what}: {', '.join(map(repr, which[:10]))}")
    cells = {}
    for name in series if names is None else [n for n in names if n in series]:
        try:
            cells[name] = from_arrow(name, _arrow(series[name]), wanted.get(name))
        except DataError as error:
            wrong.append(str(error))
    if wrong:
        raise DataError("; ".join(wrong[:10]))
    return _rows(cells, len(frame)), _origin(frame, labels)


def open_cells(X: NDArray[Any], names: list[str], wanted: Mapping[str, str]) -> Rows:
    """Take apart an array of objects, (n, columns), column by column."""
    columns = zip(names, X.T, strict=True)
    cells = {n: from_arrow(n, _objects(n, c), wanted.get(n)) for n, c in columns}
    return _rows(cells, len(X))


def _rows(cells: dict[str, tuple[Column, Any]], height: int) -> Rows:
    numbers = [made for column, made in cells.values() if column.type != "text"]
    texts = {n: made for n, (column, made) in cells.items() if column.type == "text"}
    matrix = np.column_stack(numbers) if numbers else np.empty((height, 0))
    return Rows(tuple(column for column, _ in cells.values()), matrix, texts)


def like(origin: Origin, fitted: Origin, columns: Mapping[str, Any]) -> Any:
    """Put columns, numpy or Arrow by name, into the container of ``origin``.

    Names and data types are those of the container that was ``fitted``.
    """
    if origin.backend is None:
        return _array(columns)
    # a container of another kind has no use for these data types
    dtypes = fitted.dtypes if fitted.backend == origin.backend else None
    table = pa.table(dict(columns))
    if origin.backend == "polars":
        return _polars(table, dtypes)
    if origin.backend == "pyarrow":
        return table
    if origin.backend != "pandas":
        backend: Any = origin.backend
        return nw.from_arrow(table, backend=backend).to_native()
    frame = table.to_pandas()
    for name, dtype in zip(frame.columns, dtypes or (), strict=dtypes is not None):
        frame[name] = _as_type(frame[name], dtype)
    names = fitted.names or origin.names
    if names is not None:
        frame.columns = list(names)
    if origin.index is not None and len(origin.index) == len(frame):
        frame.index = origin.index
    return frame


def _as_type(series: Any, dtype: Any) -> Any:
    """A pandas column in its data type, unless missing cells have no place in it."""
    try:
        return series.astype(dtype)
    except (TypeError, ValueError):
        return series


def _polars(table: pa.Table, dtypes: tuple[Any, ...] | None) -> Any:
    import polars as pl

    frame = pl.from_arrow(table)
    if dtypes is None:
        return frame
    casts = zip(table.column_names, dtypes, strict=True)
    return frame.with_columns(  # type: ignore[union-attr]
        [pl.col(name).cast(dtype, strict=False) for name, dtype in casts]
    )


def _array(columns: Mapping[str, Any]) -> Any:
    """A matrix of float64, or of objects where a column is no number."""
    made = [c if isinstance(c, np.ndarray) else c.to_pandas() for c in columns.values()]
    if not made:
        return np.empty((0, 0))
    kinds = {cells.dtype.kind for cells in made}
    matrix: Any = np.column_stack(made)
    return matrix.astype(np.float64 if kinds <= set("fiub") else object)


def _origin(frame: nw.DataFrame[Any], labels: tuple[Any, ...]) -> Origin:
    backend, native = str(frame.implementation.value), frame.to_native()
    if frame.implementation.is_pandas():
        return Origin(backend, labels, native.index, tuple(native.dtypes))
    dtypes = tuple(native.dtypes) if frame.implementation.is_polars() else None
    return Origin(backend, labels, dtypes=dtypes)


def _is_native(X: Any) -> bool:
    try:
        nw.from_native(X, eager_only=True)
    except TypeError:
        return False
    return True


def _frame(X: Any) -> nw.DataFrame[Any]:
    try:
        frame: nw.DataFrame[Any] = nw.from_native(X, eager_only=True)
    except TypeError:
        return nw.from_arrow(X, backend="pyarrow")
    if twice := [n for n in frame.columns if list(frame.columns).count(n) > 1]:
        raise DataError(f"More than one column is called {twice[0]!r}.")
    return frame


def _arrow(series: nw.Series[Any]) -> pa.ChunkedArray:
    try:
        cells = series.to_arrow()
    except (pa.ArrowException, TypeError, ValueError):
        return _objects(str(series.name), series.to_numpy())
    return cells if isinstance(cells, pa.ChunkedArray) else pa.chunked_array([cells])


def _objects(name: str, cells: Any) -> pa.ChunkedArray:
    """Python objects as an Arrow column; of several kinds, as text."""
    if odd := next(
        (c for c in cells if isinstance(c, dict | list | set | bytes)), None
    ):
        raise DataError(
            f"Column {name!r} holds a {type(odd).__name__}: every cell must be a "
            f"number, a text, a time or missing. Leave it out."
        )
    try:
        return pa.chunked_array([pa.array(cells, from_pandas=True)])
    except (pa.ArrowException, TypeError, ValueError):
        missing = [c is None or c != c for c in cells]  # noqa: PLR0124 - NaN is not NaN
        words = [
            None if gone else str(c) for c, gone in zip(cells, missing, strict=True)
        ]
        return pa.chunked_array([pa.array(words, pa.string())])


def count_missing(rows: Rows) -> int:
    """Number of missing cells."""
    found = int(np.isnan(rows.numbers).sum())
    return found + sum(pc.sum(pc.is_null(t)).as_py() or 0 for t in rows.texts.values())
