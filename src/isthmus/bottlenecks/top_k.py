"""The k-sparse bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from pydantic import PositiveInt, model_validator

from isthmus.parts import Bottleneck, BottleneckModule, Trait
from isthmus.trace import Code

if TYPE_CHECKING:
    from torch import Tensor


class TopK(Bottleneck):
    """Keeps the ``k`` largest features, zeroes the rest (Makhzani & Frey, 2013)."""

    k: PositiveInt = 4

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.size is not None and self.k > self.size:
            message = f"k must lie between 1 and size={self.size}. Got {self.k}."
            raise ValueError(message)
        return self

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Two of five."""
        return (cls(size=5, k=2),)

    def traits(self) -> frozenset[Trait]:
        """Linear in the features that are kept."""
        return frozenset({"differentiable"})

    def build(self) -> BottleneckModule:
        """A fresh module."""
        return _TopK(self.k)


class _TopK(BottleneckModule):
    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, features: Tensor) -> Code:
        return Code(self.mode(features))

    def mode(self, features: Tensor) -> Tensor:
        values, indices = features.topk(self.k, dim=-1)
        return torch.zeros_like(features).scatter(-1, indices, values)
