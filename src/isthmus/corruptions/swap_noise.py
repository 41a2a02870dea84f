"""Swap noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from isthmus.parts import Corruption, Share
from isthmus.trace import Corrupted

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout


class SwapNoise(Corruption):
    """With probability ``rate`` a cell takes the value of another row's.

    The row is drawn uniformly from the batch, so that every column keeps its
    distribution (Jahrer, 2017, Porto Seguro winning solution; dfencoder, 2019).
    """

    rate: Share = 0.15

    def mixes(self) -> bool:
        """Rows lend each other cells."""
        return True

    def __call__(
        self, x: Tensor, layout: Layout, visible: Tensor | None = None
    ) -> Corrupted:
        """Damage ``x``, (B, *event)."""
        batch = x.dim() - 1 - len(layout.event)
        donor = (layout.chance(x) * x.shape[batch]).long().clamp_max(x.shape[batch] - 1)
        swapped = layout.chance(x) < self.rate
        if visible is not None:  # a missing cell has nothing to give
            swapped &= visible.gather(batch, donor) > 0
        return Corrupted(torch.where(swapped, x.gather(batch, donor), x))
