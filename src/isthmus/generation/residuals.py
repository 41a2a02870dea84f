"""By how much numbers differ from their mean given a code."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

FAR = 1e-3
"""Probability that a residual is one of a normal distribution `WIDE` times as wide: so
that of two that lie farther out than all in fitting, the nearer one is likelier."""

WIDE = 4.0


class Residuals(NamedTuple):
    """Quantiles of x - E[x|z], entry by entry, as they were in fitting.

    A likelihood such as the squared error fixes a spread that nobody measured; this is
    the one that was.
    """

    places: Tensor
    """(J,): which entries, flattened, have residuals."""
    quantiles: Tensor
    """(J, Q): their quantiles, at equal steps from 0 to 1."""

    @classmethod
    def learned(
        cls, errors: Tensor, visible: Tensor | None, places: Tensor, knots: int
    ) -> Self:
        """Learn from errors (n, E) at ``places`` (J,), where cells are visible."""
        grid = torch.linspace(0, 1, knots)
        found = []
        for j in places.tolist():
            column = errors[:, j]
            if visible is not None:
                column = column[visible[:, j] > 0]
            column = column if len(column) else errors.new_zeros(1)
            found.append(torch.from_numpy(np.quantile(column.numpy(), grid.numpy())))
        empty = torch.zeros(0, knots)
        return cls(places, torch.stack(found).float() if found else empty)

    def sample(self, n: int) -> Tensor:
        """Draw residuals, (n, J), each entry by itself."""
        knots = self.quantiles.shape[1] - 1
        at = torch.rand(n, len(self.places)) * knots
        left = at.long().clamp_max(knots - 1)
        low = self.quantiles.T.gather(0, left)
        high = self.quantiles.T.gather(0, left + 1)
        return low + (at - left) * (high - low)

    def share(self, entry: int, below: Tensor) -> Tensor:
        """P(residual < ``below``) of an entry, in the shape of ``below``."""
        (row,) = (self.places == entry).nonzero(as_tuple=True)
        table = self.quantiles[int(row)].double().numpy()
        table = table + 1e-9 * np.arange(len(table))  # where several are alike
        grid = np.linspace(0, 1, len(table))
        share = torch.from_numpy(np.interp(below.double().numpy(), table, grid))
        scale = WIDE * self.variance([entry]).double().sqrt()
        wide: Tensor = torch.special.ndtr(below.double() / scale)
        return share + FAR * (wide - share)

    def variance(self, entries: list[int]) -> Tensor:
        """Mean squared residual of entries, (len(entries),)."""
        rows = [int((self.places == j).nonzero()[0, 0]) for j in entries]
        return self.quantiles[rows].square().mean(1).clamp_min(1e-6)
