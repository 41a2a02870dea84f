"""The discrete bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import torch
from pydantic import PositiveInt
from torch import nn

from isthmus.parts import Bottleneck, BottleneckModule, Share, Trait
from isthmus.trace import Code

if TYPE_CHECKING:
    from torch import Tensor

MEMORY = 0.99
"""Share of its old value that the running count of a vector's use keeps per batch."""


class VectorQuantizer(Bottleneck):
    """z = the nearest of ``codes`` learned vectors (van den Oord et al., 2017).

    The gradient of z is copied straight to the features; the ``Commitment`` term
    teaches the vectors. In training, a vector that fewer than ``revive`` of its fair
    share of examples choose is moved onto a random example (Dhariwal et al., 2020).
    """

    terms: ClassVar[tuple[str, ...]] = ("reconstruction", "commitment")

    stackable: ClassVar[bool] = False

    codes: PositiveInt = 256
    revive: Share = 0.05

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """A small codebook."""
        return (cls(size=3, codes=7),)

    def traits(self) -> frozenset[Trait]:
        """From a codebook."""
        return frozenset({"from a codebook"})

    def mixes(self) -> bool:
        """Vectors move to where the batch is."""
        return True

    def build(self) -> BottleneckModule:
        """A fresh module with a codebook of its own."""
        return _VectorQuantizer(self)


class _VectorQuantizer(BottleneckModule):
    usage: Tensor

    def __init__(self, spec: VectorQuantizer) -> None:
        super().__init__()
        self.revive = spec.revive / spec.codes
        self.codebook = nn.Parameter(torch.randn(spec.codes, spec.width))
        self.register_buffer("usage", torch.zeros(spec.codes))

    def forward(self, features: Tensor) -> Code:
        if self.training:
            self._revive(features.detach())
        indices = self._nearest(features)
        chosen = self.codebook[indices]
        if self.training:
            flat = indices.flatten()
            one = self.usage.new_full(flat.shape, 1 / len(flat))
            share = torch.zeros_like(self.usage).scatter_add(0, flat, one)
            self.usage.lerp_(share, 1 - MEMORY)
        z = chosen.detach() + (features - features.detach())
        return Code(z, chosen=chosen, indices=indices)

    def mode(self, features: Tensor) -> Tensor:
        return self.codebook[self._nearest(features)]

    def _nearest(self, features: Tensor) -> Tensor:
        exact = torch.promote_types(features.dtype, torch.float32)
        h, e = features.detach().to(exact), self.codebook.detach().to(exact)
        return torch.cdist(h, e).argmin(-1)

    def _revive(self, features: Tensor) -> None:
        """Move idle vectors onto random examples; the first batch places them all."""
        rows = features.flatten(0, -2)
        idle = self.usage < self.revive
        lucky = rows[torch.randint(len(rows), idle.shape, device=rows.device)]
        moved = lucky.to(self.codebook).where(idle.unsqueeze(1), self.codebook.data)
        self.codebook.data.copy_(moved)
        self.usage.masked_fill_(idle, 1 / len(idle))
