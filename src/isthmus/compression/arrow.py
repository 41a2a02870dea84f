"""Columns of Arrow as whole numbers or names, and back into their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from isthmus.compression import symbols
from isthmus.compression.column import COARSE, Column
from isthmus.compression.exact import FINE
from isthmus.compression.whole import Grid, of_floats, of_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]
    Gone = NDArray[np.bool_]

NAMES = 1024
"""Different names of a column that is no number; with more it is kept as it is."""

SHARED = 4
"""Cells of each name, on average, below which a column is kept as it is."""

FOLLOWS = 0.5
"""Share of the entropy of cells that is left in their steps, where these are coded."""


class Coded(NamedTuple):
    """A column as whole numbers, and how these are to be read."""

    column: Column
    cells: tuple[Whole, Gone]
    grid: Grid | None
    """Of numbers; None: they are places in ``names``."""
    names: Any
    """An Arrow array of different values, or None."""


def code(cells: pa.ChunkedArray, error: float) -> Coded | None:
    """A column of which no number is further off than ``error``; None: as it is."""
    whole = cells.combine_chunks()
    made = _numbers(whole, error) or _names(whole)
    if made is None:
        return None
    k, gone, grid, names = made
    k = np.where(gone, 0, k)
    return Coded(_column(k, gone, named=grid is None), (k, gone), grid, names)


def decode(
    cells: tuple[Whole, Gone], kind: pa.DataType, grid: Grid | None, names: Any
) -> pa.Array:
    """The inverse of `code`, in an Arrow type."""
    k, gone = cells
    if grid is None:
        index = pa.array(k, mask=gone)
        if pa.types.is_dictionary(kind):
            indices = index.cast(kind.index_type)
            return pa.DictionaryArray.from_arrays(indices, names, ordered=kind.ordered)
        return names.take(index).cast(kind)
    values = grid.values(k)
    if is_number(kind):
        return pa.array(values.astype(kind.to_pandas_dtype()), kind, mask=gone)
    whole = np.int64 if kind.bit_width == 64 else np.int32
    return pa.array(values.astype(whole), mask=gone).view(kind)


def is_number(kind: pa.DataType) -> bool:
    """Whether an error may be asked for."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _numbers(cells: pa.Array, error: float) -> tuple[Whole, Gone, Grid, None] | None:
    """Numbers and times as steps on a grid."""
    kind, gone = cells.type, np.asarray(cells.is_null())
    timed = pa.types.is_temporal(kind) and not pa.types.is_interval(kind)
    if not (is_number(kind) or timed) or gone.all():
        return None
    there = cells.drop_null()
    if pa.types.is_floating(kind):
        values = there.to_numpy(zero_copy_only=False)
        found = of_floats(values, error) if np.isfinite(values).all() else None
    else:
        if timed:
            there = there.view(pa.int64() if kind.bit_width == 64 else pa.int32())
        try:
            found = of_whole(np.asarray(there.cast(pa.int64())), error)
        except pa.ArrowInvalid:  # beyond 63 bits
            found = None
    if found is None:
        return None
    k = np.zeros(len(gone), dtype=np.int64)
    k[~gone], grid = found
    return k, gone, grid, None


def _names(cells: pa.Array) -> tuple[Whole, Gone, None, pa.Array] | None:
    """Cells by their place among the different ones; a dictionary stays as it is."""
    if pa.types.is_nested(cells.type) or pa.types.is_null(cells.type):
        return None
    if not pa.types.is_dictionary(cells.type):
        try:
            cells = cells.dictionary_encode()
        except pa.ArrowNotImplementedError:
            return None
    gone = np.asarray(cells.indices.is_null())
    k = np.asarray(cells.indices.fill_null(0)).astype(np.int64)
    count = len(cells.dictionary)
    if not count or count > NAMES or count * SHARED > max(len(k), 256):
        return None
    return k, gone, None, cells.dictionary


def _column(k: Whole, gone: Gone, *, named: bool) -> Column:
    """What the network is to know of a column."""
    seen, missing = k[~gone], bool(gone.any())
    follows = not named and not missing and _follows(seen)
    asked = np.diff(seen, prepend=0) if follows else seen
    if named:
        starts = np.arange(int(k.max(initial=0)) + 1)
        made = symbols.Symbols(starts, starts + 1)
    else:
        made = symbols.learn(asked)
    index = np.where(gone, made.number, 0)
    index[~gone] = made.split(asked)[0]
    counts = np.bincount(index, minlength=made.number + missing)
    values, times = np.unique(seen, return_counts=True)
    low, middle, high = np.quantile(seen, [0.1, 0.5, 0.9], method="nearest")
    spread = max(round(float(np.std(seen))), int(high - low) // 4, 1)
    base = np.rint(np.log((counts + 0.25) / len(k)) * FINE / COARSE) * COARSE
    return Column(
        named=named,
        symbols=made,
        missing=missing,
        center=int(middle),
        scale=spread,
        usual=int(values[times.argmax()]),
        follows=follows,
        base=base.astype(np.int64),
    )


def _follows(k: Whole) -> bool:
    """Whether steps from row to row are easier to tell than the cells themselves."""
    return len(k) > 1 and _entropy(np.diff(k)) < FOLLOWS * _entropy(k)


def _entropy(k: Whole) -> float:
    shares = np.unique(k, return_counts=True)[1] / len(k)
    return float(-(shares * np.log2(shares)).sum())
