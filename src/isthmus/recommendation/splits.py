"""Which interactions are kept out of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Known(NamedTuple):
    """Interactions of users: those a model may see, and those it is to find."""

    kept: csr_matrix
    out: csr_matrix
    times: csr_matrix | None = None
    """When, in the places of ``kept``."""

    def some(self, users: int) -> Known:
        """Of so many users, evenly spread, who have any that were held out."""
        which = self.out.getnnz(axis=1).nonzero()[0]
        few = which[:: max(-(-len(which) // users), 1)]
        times = None if self.times is None else self.times[few]
        return Known(self.kept[few], self.out[few], times)


def held_out(
    rows: csr_matrix,
    share: float,
    seed: int,
    times: csr_matrix | None = None,
) -> Known:
    """A ``share`` of the interactions of every user held out.

    They are the latest where times are known, and else drawn by lot. At least one is
    held out of a user with two or more, and one is always kept.
    """
    many = np.diff(rows.indptr)
    who = np.repeat(np.arange(len(many)), many)
    chance = np.random.default_rng(seed).random(rows.nnz)
    when = chance if times is None else times.data
    order = np.lexsort((chance, when, who))
    count = np.where(many < 2, 0, np.maximum((share * many).astype(np.int64), 1))
    place = np.arange(rows.nnz) - np.repeat(rows.indptr[:-1], many)
    out = np.empty(rows.nnz, dtype=bool)
    out[order] = place >= np.repeat(many - count, many)
    kept = None if times is None else _kept(times, ~out)
    return Known(_kept(rows, ~out), _kept(rows, out), kept)


def empty(shape: tuple[int, int]) -> csr_matrix:
    """No interactions."""
    ends = np.zeros(shape[0] + 1, dtype=np.int32)
    return csr_matrix((np.empty(0, np.float32), ends[:0], ends), shape=shape)


def _kept(rows: csr_matrix, mask: NDArray[np.bool_]) -> csr_matrix:
    ends = np.concatenate([[0], np.cumsum(mask)])[rows.indptr]
    return csr_matrix((rows.data[mask], rows.indices[mask], ends), shape=rows.shape)
