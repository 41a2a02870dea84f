"""Finite scalar quantisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from pydantic import model_validator

from isthmus.parts import Bottleneck, BottleneckModule
from isthmus.trace import Code

if TYPE_CHECKING:
    from torch import Tensor


class FiniteScalar(Bottleneck):
    """Rounds each bounded feature to one of ``levels`` values (Mentzer et al., 2023).

    z = round(r tanh(h)) / r with r = (levels - 1) / 2: evenly spaced from -1 to 1,
    symmetric about zero, hence ``levels`` odd. Gradients pass straight through.
    """

    levels: int = 5

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.levels < 3 or self.levels % 2 == 0:
            message = f"levels must be odd and at least 3. Got {self.levels}."
            raise ValueError(message)
        return self

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Three entries of five levels."""
        return (cls(size=3),)

    def build(self) -> BottleneckModule:
        """A fresh module."""
        return _FiniteScalar(self.levels)


class _FiniteScalar(BottleneckModule):
    def __init__(self, levels: int) -> None:
        super().__init__()
        self.reach = (levels - 1) / 2

    def forward(self, features: Tensor) -> Code:
        bounded = torch.tanh(features)
        z = self.mode(features).detach() + (bounded - bounded.detach())
        return Code(z)

    def mode(self, features: Tensor) -> Tensor:
        return (torch.tanh(features) * self.reach).round() / self.reach
