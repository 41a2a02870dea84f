"""How far off each column of a table may be, in its own units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from isthmus.compression.arrow import is_number
from isthmus.errors import DataError, unknown


def bounds(
    table: pa.Table, error: float | Mapping[str, float], *, absolute: bool
) -> dict[str, float]:
    """The largest error of each column; 0: it is exact."""
    names = table.column_names
    if not isinstance(error, Mapping):
        wished = {n: error for n in names if not _is_identifier(table[n])}
        wished = {n: _checked(n, e) for n, e in wished.items()}
    else:
        wished = {n: _checked(n, e) for n, e in error.items()}
        for name in [n for n, e in wished.items() if e]:
            if name not in names:
                raise DataError(unknown("column", name, names))
            if not is_number(table[name].type):
                raise DataError(
                    f"Column {name!r} holds no numbers, and is exact whatever the "
                    f"error. Leave it out."
                )
    if not absolute and (far := [n for n, e in wished.items() if e > 1]):
        raise DataError(
            f"error is a share of the range of a column, from 0 to 1. Got "
            f"{wished[far[0]]:g} for {far[0]!r}. absolute=True takes it in units "
            f"of the column."
        )
    ranges = {n: 1.0 if absolute else _range(table[n]) for n, e in wished.items() if e}
    return {n: wished.get(n, 0.0) * ranges.get(n, 0.0) for n in names}


def _checked(name: str, error: float) -> float:
    if not 0 <= error < np.inf:
        raise DataError(f"error must be 0 or more. Got {error!r} for {name!r}.")
    return float(error)


def _is_identifier(cells: pa.ChunkedArray) -> bool:
    """Whether these are whole numbers of which no two are the same."""
    if not pa.types.is_integer(cells.type) or len(cells) < 2:
        return False
    return len(cells.unique()) == len(cells)


def _range(cells: pa.ChunkedArray) -> float:
    """Largest less smallest finite number; 0 where there is none."""
    if not is_number(cells.type):
        return 0.0
    values = cells.drop_null().to_numpy().astype(np.float64)
    values = values[np.isfinite(values)]
    return float(np.ptp(values)) if len(values) else 0.0
