"""Cells as whole numbers, at most a given error away, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

MOST = 2**52
"""Whole numbers up to here are exact in float64, sums and differences too."""

DECIMALS = 6
"""Digits behind the point of numbers that are tried as decimals."""

SHORT = 1 - 2.0**-30
"""Steps are shorter than twice the error by this share, for rounding."""


class Grid(NamedTuple):
    """v = clip(low + k step, low, high) for k = 0, 1, ...; or k / scale."""

    low: float | int
    high: float | int
    step: float | int
    scale: int = 0
    """If not 0: v = (low + k step) / scale, in whole numbers but for the division."""

    def values(self, k: Whole) -> NDArray[Any]:
        """Numbers that whole numbers k stand for."""
        if self.scale:
            return (self.low + k * self.step) / self.scale
        found: NDArray[Any] = np.clip(self.low + k * self.step, self.low, self.high)
        return found


def of_whole(cells: Whole, error: float) -> tuple[Whole, Grid] | None:
    """Whole numbers (n,) in steps of what the error allows, or of what they share."""
    low, high = int(cells.min()), int(cells.max())
    if high - low >= MOST:
        return None
    off = cells - low
    step = int(np.gcd.reduce(off)) or 1
    wide = 2 * int(min(error, high - low)) + 1
    if wide > step:
        return (off + wide // 2) // wide, Grid(low, high, wide)
    return off // step, Grid(low, high, step)


def of_floats(
    cells: NDArray[np.floating[Any]], error: float
) -> tuple[Whole, Grid] | None:
    """Finite numbers (n,) on a grid; None where there is none that keeps the error.

    Decimals of few digits are kept as they are, where that takes no more steps.
    """
    exact = _decimals(cells)
    if error <= 0:
        return exact
    wide = cells.astype(np.float64)
    low, high, step = float(wide.min()), float(wide.max()), 2 * error * SHORT
    if exact is not None and exact[0].max() <= (high - low) / step:
        return exact
    if not (high - low) / step < MOST:
        return exact
    k = np.rint((wide - low) / step).astype(np.int64)
    grid = Grid(low, high, step)
    back = grid.values(k).astype(cells.dtype).astype(np.float64)
    return (k, grid) if (abs(back - wide) <= error).all() else exact


def _decimals(cells: NDArray[np.floating[Any]]) -> tuple[Whole, Grid] | None:
    """Numbers that are k / 10^d to the last bit."""
    for scale in (10**d for d in range(DECIMALS + 1)):
        scaled = np.rint(cells.astype(np.float64) * scale)
        if not (abs(scaled) < MOST).all():
            return None
        found = of_whole(scaled.astype(np.int64), 0)
        if found is None:
            return None
        k, grid = found[0], found[1]._replace(scale=scale)
        if grid.values(k).astype(cells.dtype).tobytes() == cells.tobytes():
            return k, grid
    return None
