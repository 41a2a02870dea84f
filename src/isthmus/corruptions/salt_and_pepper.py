"""Salt-and-pepper noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from isthmus.parts import Corruption, Share
from isthmus.trace import Corrupted

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout


class SaltAndPepper(Corruption):
    """With probability ``rate`` an entry becomes an extreme (Vincent et al., 2010).

    The extremes are the largest and the smallest value of that entry in the batch,
    each with probability one half, so that they fit every scale.
    """

    rate: Share = 0.1

    def mixes(self) -> bool:
        """The extremes are those of the batch."""
        return True

    def __call__(
        self, x: Tensor, layout: Layout, visible: Tensor | None = None
    ) -> Corrupted:
        """Damage ``x``, (B, *event)."""
        batch = -1 - len(layout.event)
        salt, pepper = x.amax(batch, keepdim=True), x.amin(batch, keepdim=True)
        chance = torch.rand_like(x)
        damaged = torch.where(chance < self.rate / 2, salt, x)
        return Corrupted(torch.where(chance > 1 - self.rate / 2, pepper, damaged))
