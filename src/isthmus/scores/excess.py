"""How much rarer is a cell than the rarest cell of a usual row?"""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor

from isthmus.scores.ranks import Ranks
from isthmus.scores.role import Buffers

POINTS = 256
"""Contributions of a column that are kept, at most."""

WEIGHT = 0.4
"""Spreads of the first question that a nat of excess counts."""


class Excess(Buffers):
    """Adds to each cell of a row what its rarity says beyond chance.

    The contributions of E cells sum to how odd a row is, and one wrong cell among many
    that are a little noisy is lost in the sum. With p the share of rows in which the
    column contributes as much, -log p - log E is positive where p would be small even
    for the smallest of E (Bonferroni). That part counts `WEIGHT` times, and as much as
    the question that counts most.
    """

    weight: Tensor
    values: Tensor
    below: Tensor
    upto: Tensor
    known: Tensor
    """These four: `Ranks`."""

    @classmethod
    def learned(
        cls, cells: Tensor, visible: Tensor | None, weight: float = 1.0
    ) -> Self:
        """From contributions (n, E) of rows whose model has not learned them."""
        ranks = Ranks.of(cells, visible, [POINTS] * cells.shape[1])
        return cls(**ranks._asdict(), weight=torch.tensor(WEIGHT * weight))

    def forward(self, cells: Tensor, visible: Tensor | None = None) -> Tensor:
        """Contributions (B, E) with their excess; 0 stays where a cell is missing."""
        ranks = Ranks(self.values, self.below, self.upto, self.known)
        p = (ranks.counts(cells)[1] + 1) / (self.known + 1)
        found = cells + self.weight * (-p.log() - math.log(cells.shape[1])).clamp(min=0)
        return found if visible is None else found * visible
