"""A sample of rows that does not depend on their order or on how they are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = 2**22
"""Cells that a sample holds, unless that makes fewer than `FEWEST` rows."""

FEWEST, MOST = 4096, 65_536
"""Rows that a sample holds."""

_ODD = np.uint64(0x9E3779B97F4A7C15)


class RowSample:
    """The distinct rows of the smallest hash, and how often each came.

    A bottom-k sample (Cohen and Kaplan, 2007): whether a row is in it depends on the
    row alone, and the counts are complete. Up to its size it is the data itself.
    """

    def __init__(self, columns: int) -> None:
        self.most = min(max(CELLS // max(columns, 1), FEWEST), MOST)
        self.hashes = np.empty(0, dtype=np.uint64)
        self.counts = np.empty(0, dtype=np.int64)
        self.places = np.empty(0, dtype=np.int64)
        self.cells = np.empty((self.most, columns))  # no memory until it is filled

    @property
    def rows(self) -> NDArray[np.float64]:
        """The rows in the order of their hashes."""
        return self.cells[self.places]

    def update(self, values: NDArray[np.float64]) -> None:
        """Take in the rows of ``values``, (n, columns)."""
        for start in range(0, len(values), MOST):
            piece = values[start : start + MOST]
            self._keep(_hash(piece), piece, np.ones(len(piece), dtype=np.int64))

    def merge(self, other: Self) -> None:
        """Take in what another part has seen."""
        self._keep(other.hashes, other.rows, other.counts)

    def _keep(
        self,
        hashes: NDArray[np.uint64],
        rows: NDArray[np.float64],
        counts: NDArray[np.int64],
    ) -> None:
        if len(self.hashes) == self.most:  # most rows of a long table come too late
            near = hashes <= self.hashes[-1]
            hashes, rows, counts = hashes[near], rows[near], counts[near]
        if not len(hashes):
            return
        hashes = np.concatenate([self.hashes, hashes])
        kept, first, group = np.unique(hashes, return_index=True, return_inverse=True)
        total = np.bincount(group, weights=np.concatenate([self.counts, counts]))
        first = first[: self.most]
        old = first < len(self.hashes)
        places = np.empty(len(first), dtype=np.int64)
        places[old] = self.places[first[old]]
        free = np.ones(self.most, dtype=bool)
        free[places[old]] = False
        places[~old] = np.flatnonzero(free)[: int((~old).sum())]
        self.cells[places[~old]] = rows[first[~old] - len(self.hashes)]
        self.hashes, self.places = kept[: self.most], places
        self.counts = total[: self.most].astype(np.int64)

    def column(self, j: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Values of a column in rising order, and their counts; without the missing."""
        values = self.cells[self.places, j]
        order = np.argsort(values, kind="stable")  # NaN comes last
        order = order[: len(values) - int(np.isnan(values).sum())]
        return values[order], self.counts[order]


def quantiles(
    values: NDArray[np.float64], counts: NDArray[np.int64], shares: tuple[float, ...]
) -> NDArray[np.float64]:
    """Smallest values of which at least these shares are no larger."""
    below = np.cumsum(counts)
    at = np.searchsorted(below, np.array(shares) * below[-1])
    found: NDArray[np.float64] = values[np.minimum(at, len(values) - 1)]
    return found


def _hash(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """64 mixed bits of each row (Steele et al., 2014); 0.0 and -0.0 are the same."""
    bits = np.ascontiguousarray(values + 0.0).view(np.uint64)
    found = np.zeros(len(bits), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for j in range(bits.shape[1]):
            found = (found ^ bits[:, j]) * _ODD
            found ^= found >> np.uint64(29)
        found *= np.uint64(0xBF58476D1CE4E5B9)
    return found ^ (found >> np.uint64(32))
