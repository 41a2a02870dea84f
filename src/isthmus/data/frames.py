"""Tables in any container, as rows; and back into the same container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa

from isthmus.data.arrow import as_text, from_arrow
from isthmus.data.dialect import is_text
from isthmus.data.dtypes import is_categorical
from isthmus.data.rows import Rows
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
    if isinstance(X, np.ndarray | list | tuple) or _is_native(X, series_only=True):
        return False
    return hasattr(X, "__arrow_c_stream__") or _is_native(X, eager_only=True)


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
    labels = {str(label): label for label in frame.columns}
    if len(labels) < len(frame.columns):
        twice = [str(label) for label in frame.columns]
        name = next(name for name in twice if twice.count(name) > 1)
        raise DataError(
            f"Two columns are called {name!r}, one by a number. Rename one."
        )
    series = dict(zip(labels, frame.iter_columns(), strict=True))
    wrong: list[str] = []
    if names is not None:
        absent = [n for n in names if n not in series and n not in optional]
        surplus = [n for n in series if n not in names]
        for what, which in (("missing", absent), ("not known", surplus)):
            if which:
                wrong.append(f"{what}: {', '.join(map(repr, which[:10]))}")
    taken = list(series) if names is None else [n for n in names if n in series]
    rows = _rows({name: _arrow(series[name]) for name in taken}, wanted, wrong)
    return rows, _origin(frame, [labels[name] for name in taken])


def container_of(X: Any) -> Origin:
    """Library and index of a frame, for answers in columns of their own."""
    if not is_frame(X):
        return Origin()
    return _origin(_frame(X), [])._replace(names=None, dtypes=None)


def as_arrow(X: Any) -> dict[str, pa.ChunkedArray]:
    """Columns of a frame by name, as they are."""
    frame = _frame(X)
    return {str(n): _arrow(frame.get_column(n)) for n in frame.columns}


def open_cells(X: NDArray[Any], names: list[str], wanted: Mapping[str, str]) -> Rows:
    """Take apart an array of objects, (n, columns), column by column."""
    cells = {n: _objects(n, cells) for n, cells in zip(names, X.T, strict=True)}
    return _rows(cells, wanted, [])


def _rows(
    given: dict[str, pa.ChunkedArray], wanted: Mapping[str, Any], wrong: list[str]
) -> Rows:
    """Read every column; all that is wrong stands in one error."""
    columns, numbers, texts = [], [], {}
    for name, cells in given.items():
        try:
            column, made = from_arrow(name, cells, wanted.get(name))
        except DataError as error:
            wrong.append(str(error))
            continue
        columns.append(column)
        if column.type == "text":
            texts[name] = made
        else:
            numbers.append(made)
    if wrong:
        raise DataError("; ".join(wrong[:10]))
    height = max((len(cells) for cells in given.values()), default=0)
    matrix = np.column_stack(numbers) if numbers else np.empty((height, 0))
    return Rows(tuple(columns), matrix, texts, given)


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
    if dtype is None:
        return series
    if is_categorical(dtype):
        place = {word: i for i, word in enumerate(_words(dtype.categories.to_series()))}
        codes = [-1 if word is None else place.get(word, -1) for word in _words(series)]
        return _categorical(codes, dtype)
    try:
        return series.astype(dtype)
    except (TypeError, ValueError):
        return series


def _categorical(codes: list[int], dtype: Any) -> Any:
    import pandas as pd

    return pd.Categorical.from_codes(codes, dtype=dtype)


def _words(cells: Any) -> list[str | None]:
    """Cells of a pandas column or index in the words by which levels are known."""
    made = _arrow(nw.from_native(cells, series_only=True))
    words = made if is_text(made.type) else as_text(made)
    found: list[str | None] = words.to_pylist()
    return found


def _polars(table: pa.Table, dtypes: tuple[Any, ...] | None) -> Any:
    import polars as pl

    frame = pl.from_arrow(table)
    if dtypes is None:
        return frame
    casts = zip(table.column_names, dtypes, strict=True)
    return frame.with_columns(  # type: ignore[union-attr]
        [pl.col(n).cast(dtype, strict=False) for n, dtype in casts if dtype is not None]
    )


def _array(columns: Mapping[str, Any]) -> Any:
    """A matrix of float64, or of objects where a column is no number."""
    made = [c if isinstance(c, np.ndarray) else c.to_pandas() for c in columns.values()]
    if not made:
        return np.empty((0, 0))
    kinds = {cells.dtype.kind for cells in made}
    matrix: Any = np.column_stack(made)
    return matrix.astype(np.float64 if kinds <= set("fiub") else object)


def _origin(frame: nw.DataFrame[Any], labels: list[Any]) -> Origin:
    backend, native = str(frame.implementation.value), frame.to_native()
    dtypes = None
    if frame.implementation.is_pandas() or frame.implementation.is_polars():
        dtypes = tuple(native[label].dtype for label in labels)
    index = native.index if frame.implementation.is_pandas() else None
    return Origin(backend, tuple(labels), index, dtypes)


def _is_native(X: Any, **what: Any) -> bool:
    try:
        nw.from_native(X, **what)
    except TypeError:
        return False
    except nw.exceptions.DuplicateError:
        return "eager_only" in what  # `_frame` refuses it
    return True


def _frame(X: Any) -> nw.DataFrame[Any]:
    try:
        frame: nw.DataFrame[Any] = nw.from_native(X, eager_only=True)
        names = list(frame.columns)
    except TypeError:
        return nw.from_arrow(X, backend="pyarrow")
    except nw.exceptions.DuplicateError:
        frame, names = nw.from_dict({}, backend="pyarrow"), list(X.columns)
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"More than one column is called {twice[0]!r}.")
    return frame


def _arrow(series: nw.Series[Any]) -> pa.ChunkedArray:
    try:
        made: Any = series.to_arrow()
    except Exception:  # noqa: BLE001 - every backend has errors of its own
        if series.dtype.is_integer():  # of 128 bits
            return _arrow(series.cast(nw.Float64))
        return _objects(str(series.name), series.to_numpy())
    inner = getattr(made.type, "value_type", made.type)
    if isinstance(inner, pa.BaseExtensionType):  # an interval, say
        return _objects(str(series.name), series.to_numpy())
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


_NO_CELLS = (dict, list, tuple, set, bytes, complex, np.complexfloating)


def _objects(name: str, cells: Any) -> pa.ChunkedArray:
    """Python objects as an Arrow column; of several kinds, as text."""
    if odd := next((c for c in cells if isinstance(c, _NO_CELLS)), None):
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
