"""How much of a code is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STILL = 0.01
"""Share of the largest standard deviation below which an entry does not vary."""


class CodeUse(NamedTuple):
    """What of codes z (n, D) says something."""

    active: float
    """Entries of a row that are not 0, on average."""
    dead: int
    """Entries that never vary: by less than a hundredth of that which varies most."""
    rank: float
    """Effective rank, exp H(p) (Roy & Vetterli, 2007): p_i is the share of the i-th
    singular value, of codes less their mean, in the sum of all."""

    @classmethod
    def of(cls, z: NDArray[np.float64]) -> Self:
        """The use of codes of some rows."""
        spread = z.std(axis=0)
        active = float((np.abs(z) > 1e-6 * max(np.abs(z).max(), 1e-12)).sum(1).mean())
        dead = int((spread <= STILL * spread.max()).sum())
        values = np.linalg.svd(z - z.mean(axis=0), compute_uv=False)
        shares = values / max(values.sum(), 1e-300)
        shares = shares[shares > 0]
        return cls(active, dead, float(np.exp(-(shares * np.log(shares)).sum())))
