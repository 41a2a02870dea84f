"""Exact sums of columns, so that no order or cutting of the rows changes a bit."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LOW = 27
"""Bits of a 53-bit mantissa that are summed apart, so that no sum overflows."""

BINS = 2200
"""One per binary exponent of a float64, the subnormal ones included."""

OFFSET = 1100

PIECE = 2**18
"""Cells that are taken in at a time, to keep what is computed on the way small."""

SMALL = 2**23
"""Whole numbers below this, and the squares of a piece of them, are summed as such."""


def pieces_of(values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Rows of ``values``, (n, columns), some at a time."""
    step = max(PIECE // max(values.shape[1], 1), 256)
    for start in range(0, len(values), step):
        yield values[start : start + step]


class ExactSum:
    """The sum of float64 numbers per column, without rounding.

    Numbers are sorted into bins by their binary exponent, and in a bin their integer
    mantissas are added, which is exact (Malcolm, 1971). Hence sums of parts, in any
    order, `merge` to the very bits of the sum of the whole.
    """

    def __init__(self, columns: int) -> None:
        self.high = np.zeros((columns, BINS), dtype=np.int64)
        self.low = np.zeros((columns, BINS), dtype=np.int64)
        self.whole = [0] * columns

    def add_whole(self, column: int, total: int) -> None:
        """Add a sum that is known already."""
        self.whole[column] += total

    def update(self, values: NDArray[np.float64], columns: NDArray[np.int64]) -> None:
        """Add the rows of ``values``, (n, len(columns)), all finite."""
        mantissa, exponent = np.frexp(values)
        integer = np.ldexp(mantissa, 53).astype(np.int64)
        high, low = integer >> LOW, integer & (2**LOW - 1)
        for j, column in enumerate(columns):
            bins = exponent[:, j] + OFFSET
            for total, part in ((self.high, high), (self.low, low)):
                # float64 weights are exact here: below 2^27 each, 2^26 rows at most
                counts = np.bincount(bins, weights=part[:, j])
                total[column, : len(counts)] += counts.astype(np.int64)

    def merge(self, other: Self) -> None:
        """Add the sum of another part."""
        self.high += other.high
        self.low += other.low
        self.whole = [a + b for a, b in zip(self.whole, other.whole, strict=True)]

    def total(self, column: int) -> Fraction:
        """The exact sum of a column."""
        total = Fraction(self.whole[column])
        for i in np.flatnonzero(self.high[column] | self.low[column]):
            integer = (int(self.high[column, i]) << LOW) + int(self.low[column, i])
            total += integer * Fraction(2) ** (int(i) - OFFSET - 53)
        return total


class Moments:
    """Count, mean, standard deviation, smallest and largest value of each column.

    Missing values (NaN) are left out. The sums, and the squares in them, are exact, so
    that the same rows give the same bits however they arrive.
    """

    def __init__(self, columns: int) -> None:
        self.count = np.zeros(columns, dtype=np.int64)
        self.sum, self.squares = ExactSum(columns), ExactSum(columns)
        self.smallest = np.full(columns, np.inf)
        self.largest = np.full(columns, -np.inf)
        self.whole = np.ones(columns, dtype=bool)

    def update(self, values: NDArray[np.float64]) -> None:
        """Take in the rows of ``values``, (n, columns), of magnitude below 1e150."""
        for piece in pieces_of(values):
            self._update(piece)

    def _update(self, values: NDArray[np.float64]) -> None:
        seen = ~np.isnan(values)
        filled = np.where(seen, values, 0.0)
        self.count += seen.sum(axis=0)
        whole = (filled == np.rint(filled)).all(axis=0)
        self.whole &= whole
        small = whole & (np.abs(filled) < SMALL).all(axis=0)
        for j in np.flatnonzero(small).tolist():
            numbers = filled[:, j].astype(np.int64)
            self.sum.add_whole(j, int(numbers.sum()))
            self.squares.add_whole(j, int((numbers * numbers).sum()))
        others = np.flatnonzero(~small)
        filled = filled[:, others]
        self.sum.update(filled, others)
        for square in _squares(filled):
            self.squares.update(square, others)
        low, high = np.where(seen, values, np.inf), np.where(seen, values, -np.inf)
        self.smallest = np.minimum(self.smallest, low.min(axis=0, initial=np.inf))
        self.largest = np.maximum(self.largest, high.max(axis=0, initial=-np.inf))

    def merge(self, other: Self) -> None:
        """Take in what another part has seen."""
        self.count += other.count
        self.sum.merge(other.sum)
        self.squares.merge(other.squares)
        self.smallest = np.minimum(self.smallest, other.smallest)
        self.largest = np.maximum(self.largest, other.largest)
        self.whole &= other.whole

    def mean(self, columns: list[int]) -> NDArray[np.float64]:
        """Mean of columns; 0 where nothing was seen."""
        n = self.count
        return np.array([float(self.sum.total(j) / max(int(n[j]), 1)) for j in columns])

    def deviation(self, columns: list[int]) -> NDArray[np.float64]:
        """Standard deviation (divisor n) of columns; 0 where nothing was seen."""
        deviations = []
        for j in columns:
            n = int(self.count[j])
            total = self.sum.total(j)
            variance = (self.squares.total(j) * n - total * total) / max(n * n, 1)
            # squares of numbers below 1e-146 are not exact: they underflow
            deviations.append(math.sqrt(max(variance, Fraction(0))))
        return np.array(deviations)


def _squares(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x^2 as an exact sum of two numbers (Dekker, 1971)."""
    split = x * (2.0**27 + 1)
    a = split - (split - x)
    b = x - a
    square = x * x
    return square, ((a * a - square) + 2 * a * b) + b * b
