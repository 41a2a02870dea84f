"""Masking noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import torch

from isthmus.parts import Clue, Corruption, Share
from isthmus.trace import Corrupted

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout


class Masking(Corruption):
    """Each cell is hidden (set to zero) with probability ``rate``.

    (Vincent et al., 2008.) All entries of a cell
    are hidden together. A pair (low, high) draws the rate anew for every example.
    ``told`` tells the encoder which entries were hidden; ``judge="hidden"`` counts
    only those in the loss, as a masked autoencoder does (He et al., 2022).
    """

    rate: Share | tuple[Share, Share] = 0.25
    told: bool = True
    judge: Literal["all", "hidden"] = "all"

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Classical, blind, and masked."""
        return cls(), cls(told=False), cls(rate=(0.1, 0.6), judge="hidden")

    def clues(self) -> frozenset[Clue]:
        """What is visible."""
        return frozenset({"visible"} if self.told else ())

    def __call__(
        self, x: Tensor, layout: Layout, visible: Tensor | None = None
    ) -> Corrupted:
        """Damage ``x``, (B, *event)."""
        if isinstance(self.rate, tuple):
            rows = x.shape[: x.dim() - len(layout.event)]
            rate = torch.empty(rows, dtype=x.dtype, device=x.device)
            rate = rate.uniform_(*self.rate).reshape(*rows, *[1] * len(layout.event))
            visible = (layout.chance(x) >= rate).to(x)
        else:
            visible = (layout.chance(x) >= self.rate).to(x)
        judged = 1 - visible if self.judge == "hidden" else None
        return Corrupted(x * visible, visible if self.told else None, judged=judged)
