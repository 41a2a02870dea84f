"""Which cells are missing together, and how often."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Gaps(NamedTuple):
    """Patterns of missing cells, as often as they are among codes of a kind.

    A row that is made has the pattern of a random row of fitting whose code comes from
    the same normal distribution of the density. So cells are missing at their rate,
    together with those they are missing with, and more often among rows of which it is
    usual.
    """

    patterns: Tensor
    """(P, columns): True where a cell is missing."""
    shares: Tensor
    """(K, P): how often, among codes of each distribution."""

    @classmethod
    def learned(cls, hidden: NDArray[np.bool_], chosen: Tensor, count: int) -> Self:
        """Learn from rows (n, columns) whose codes come from ``chosen``, (n,)."""
        patterns, which = np.unique(hidden, axis=0, return_inverse=True)
        shares = torch.zeros(count, len(patterns))
        places = chosen, torch.from_numpy(which.reshape(-1))
        shares.index_put_(places, torch.ones(len(chosen)), accumulate=True)
        shares[shares.sum(1) == 0] = shares.sum(0)  # nobody is known to come from there
        shares /= shares.sum(1, keepdim=True)
        return cls(torch.from_numpy(patterns), shares)

    def sample(self, chosen: Tensor) -> Tensor:
        """Which cells are missing, (n, columns), given where codes (n,) come from."""
        return self.patterns[self.shares[chosen].multinomial(1)[:, 0]]
