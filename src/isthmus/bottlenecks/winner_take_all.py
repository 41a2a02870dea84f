"""The winner-take-all bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from pydantic import Field

from isthmus.parts import Bottleneck, BottleneckModule, Trait
from isthmus.trace import Code

if TYPE_CHECKING:
    from torch import Tensor


class WinnerTakeAll(Bottleneck):
    """z = max(0, h); in training, each entry only where it is largest in the batch.

    Every entry wins ``share`` of the rows of a batch, at least one, and is 0 in all
    others: so none is idle, and each learns from what it answers to most (lifetime
    sparsity; Makhzani & Frey, 2015). Of a code with places, the places of one example
    compete (spatial sparsity). After training there is no contest.
    """

    share: float = Field(default=0.05, gt=0, le=1)

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Each entry wins in a fifth of the rows."""
        return (cls(size=5, share=0.2),)

    def traits(self) -> frozenset[Trait]:
        """Linear in the answers that win."""
        return frozenset({"differentiable"})

    def mixes(self) -> bool:
        """Rows of a batch compete."""
        return True

    def build(self) -> BottleneckModule:
        """A fresh module."""
        return _WinnerTakeAll(self.share)


class _WinnerTakeAll(BottleneckModule):
    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, features: Tensor) -> Code:
        z = self.mode(features)
        winners = max(round(self.share * z.shape[-2]), 1)
        least = z.topk(winners, dim=-2).values[..., -1:, :]
        return Code(z * (z >= least))

    def typical(self, features: Tensor) -> Code:
        """The code without a contest."""
        return Code(self.mode(features))

    def mode(self, features: Tensor) -> Tensor:
        return torch.relu(features)
