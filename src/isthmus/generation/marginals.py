"""What the numbers of a column are, so that made ones are like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KNOTS = 1025
"""Quantiles that stand for a distribution."""

FEW = 1000
"""Different numbers of a column up to which no others are made."""

DIGITS = 6
"""Decimals that are looked for, at most."""

GRID = np.linspace(0, 1, KNOTS)


class Marginal(NamedTuple):
    """T = F^-1 G: numbers y of distribution G become numbers of distribution F.

    F is that of a column, G that of what a model makes of it. T never falls, so that
    ranks stay, and with them what a column has to do with others.
    """

    values: NDArray[np.float64]
    """Numbers of the column, in their order: all, or `KNOTS` quantiles."""
    shares: NDArray[np.float64]
    """Share of the column up to each."""
    made: NDArray[np.float64]
    """(KNOTS,): quantiles of what the model makes."""
    few: bool
    """Whether the column holds these values alone, and none in between."""
    digits: int | None
    """Decimals of the column; None: as many as there are."""

    @classmethod
    def learned(cls, real: NDArray[np.float64], made: NDArray[np.float64]) -> Self:
        """Learn from numbers of a column, (n,), and from what a model makes, (m,)."""
        values, counts = np.unique(real, return_counts=True)
        shares = np.cumsum(counts) / len(real)
        few = len(values) <= min(FEW, max(len(real) // 2, 20))
        digits = _digits(values)
        if not few:
            values, shares = np.quantile(real, GRID), GRID
        return cls(values, shares, np.quantile(made, GRID), few, digits)

    def __call__(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """T(y), with as many decimals as the column has."""
        share = np.interp(y, self.made, GRID)
        if self.few:
            place = np.searchsorted(self.shares, share - 1e-12)
            return self.values[np.minimum(place, len(self.values) - 1)]
        found = np.interp(share, self.shares, self.values)
        return found if self.digits is None else np.round(found, self.digits)

    def interval(
        self, x: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Between which y T(y) is x, or the number of the column next to it."""
        if self.few:
            middle = (self.values[1:] + self.values[:-1]) / 2
            place = np.searchsorted(middle, x)
            low = np.where(place > 0, self.shares[place - 1], 0.0)
            high = self.shares[place]
        else:
            half = 0.0 if self.digits is None else 0.5 * 10.0**-self.digits
            low = np.interp(x - half, self.values, self.shares)
            high = np.interp(x + half, self.values, self.shares)
            thin = np.maximum(1 / KNOTS - (high - low), 0) / 2
            low, high = np.maximum(low - thin, 0), np.minimum(high + thin, 1)
        below, above = np.interp(low, GRID, self.made), np.interp(high, GRID, self.made)
        # what is made may lie farther out than all that was made when this was learned
        return np.where(low <= 0, -np.inf, below), np.where(high >= 1, np.inf, above)

    def to_plain(self) -> dict[str, Any]:
        """What is no array."""
        return {"few": self.few, "digits": self.digits}


def _digits(values: NDArray[np.float64]) -> int | None:
    """The fewest decimals that write all values; None if more than `DIGITS`."""
    for digits in range(DIGITS + 1):
        if np.allclose(values, np.round(values, digits), rtol=1e-12, atol=0):
            return digits
    return None
