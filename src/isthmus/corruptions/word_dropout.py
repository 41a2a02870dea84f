"""Words left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import torch

from isthmus.parts import Corruption, Share
from isthmus.trace import Corrupted

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout


class WordDropout(Corruption):
    """Each occurrence of a word is left out with probability ``rate``.

    (Compare Iyyer et al., 2015.) So a count n becomes binomial(n, 1 - rate); what is
    no count is left out as a whole. A pair (low, high) draws the rate anew for every
    example. ``judge="dropped"`` counts in the loss what was left out alone, each
    example in full however much that was: a text is told from a part of it. What is 0
    is judged in any case.
    """

    rate: Share | tuple[Share, Share] = 0.5
    judge: Literal["all", "dropped"] = "dropped"

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """One rate, and a range of them."""
        return cls(), cls(rate=(0.1, 0.9), judge="all")

    def __call__(
        self, x: Tensor, layout: Layout, visible: Tensor | None = None
    ) -> Corrupted:
        """Damage ``x``, (B, *event)."""
        low, high = self.rate if isinstance(self.rate, tuple) else (self.rate,) * 2
        rows = x.shape[: x.dim() - len(layout.event)]
        rate = torch.empty(rows, dtype=x.dtype, device=x.device).uniform_(low, high)
        kept = 1 - rate.reshape(*rows, *[1] * len(layout.event)).expand_as(x)
        counts = layout.holding("count").to(x.device)
        times = torch.where(counts, x, torch.ones_like(x))
        share = torch.binomial(times, kept) / times.clamp_min(1)
        if self.judge == "all":
            return Corrupted(x * share)
        axes = tuple(range(len(rows), x.dim()))
        judged = 1 - share
        whole = x.abs().sum(axes, keepdim=True)
        lost = (x.abs() * judged).sum(axes, keepdim=True)
        judged = judged * whole / lost.clamp_min(1e-6)
        return Corrupted(x * share, judged=torch.where(x == 0, 1.0, judged))
