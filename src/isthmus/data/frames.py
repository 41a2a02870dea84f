"""Tables in any container, as an array and names; and back into the same container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw
import numpy as np
import torch

from isthmus.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


_BACKENDS = {kind.value: kind for kind in nw.Implementation}


class Origin(NamedTuple):
    """Where a table came from, so that answers can go back in the same form."""

    backend: str | None = None
    """``pandas``, ``polars``, ``pyarrow``; None for an array."""
    names: tuple[Any, ...] | None = None
    """Column names; None for an array."""
    index: Any = None
    """The index of a pandas frame."""


def open_table(X: Any) -> tuple[Any, Origin]:
    """Return a frame as an object array-like of numbers, and where it came from.

    Takes pandas, polars and Arrow tables and whatever narwhals or the Arrow capsule
    interface opens. Other input (arrays, lists, tensors) is returned as it is.
    """
    if isinstance(X, torch.Tensor):
        return X.detach().cpu().numpy(), Origin()
    frame = _frame(X)
    if frame is None:
        return X, Origin()
    names, series = tuple(frame.columns), list(frame.iter_columns())
    if wrong := [s for s in series if not _is_number(s.dtype)]:
        kinds = ", ".join(f"{s.name!r} ({s.dtype})" for s in wrong[:5])
        raise DataError(
            f"{len(wrong)} of {len(names)} columns hold no numbers: {kinds}. Leave "
            f"them out, or turn them into numbers first."
        )
    columns = [_numbers(s) for s in series]
    values = np.column_stack(columns) if columns else np.empty((len(frame), 0))
    native = frame.to_native()
    index = getattr(native, "index", None) if frame.implementation.is_pandas() else None
    return values, Origin(str(frame.implementation.value), names, index)


def like(origin: Origin, values: NDArray[Any]) -> Any:
    """Put an array (n, columns) into the container of ``origin``."""
    if origin.backend is None:
        return values
    backend: Any = origin.backend
    columns = [str(name) for name in origin.names or ()]
    data = {name: values[:, j] for j, name in enumerate(columns)}
    native = nw.from_dict(data, backend=backend).to_native()
    if origin.names and not all(isinstance(name, str) for name in origin.names):
        native.columns = list(origin.names)  # only pandas has names that are no text
    if origin.index is not None and len(origin.index) == len(values):
        native.index = origin.index
    return native


def _frame(X: Any) -> nw.DataFrame[Any] | None:
    if isinstance(X, np.ndarray | list | tuple):
        return None
    try:
        frame: nw.DataFrame[Any] = nw.from_native(X, eager_only=True)
    except TypeError:
        if not hasattr(X, "__arrow_c_stream__"):
            return None
        return nw.from_arrow(X, backend="pyarrow")
    if twice := [n for n in frame.columns if frame.columns.count(n) > 1]:
        raise DataError(f"More than one column is called {twice[0]!r}.")
    return frame


def _is_number(dtype: nw.dtypes.DType) -> bool:
    return dtype.is_numeric() or dtype == nw.Boolean


def _numbers(column: nw.Series[Any]) -> NDArray[np.float64]:
    """One column as float64, nulls as NaN."""
    return column.cast(nw.Float64).to_numpy().astype(np.float64, copy=False)
