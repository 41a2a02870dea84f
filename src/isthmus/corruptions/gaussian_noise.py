"""Additive Gaussian noise of one scale, or of a range of scales."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

import torch
from pydantic import PositiveFloat, model_validator

from isthmus.parts import Clue, Corruption
from isthmus.trace import Corrupted

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout


class GaussianNoise(Corruption):
    """x + s e, e ~ N(0, I), on continuous entries (Vincent et al., 2010).

    ``scale`` is s in the units of x (standard deviations for a table), or a pair
    (low, high): then s is log-uniform, one draw per example, and the encoder is
    ``told``, unless it is to be blind to it.
    """

    told: bool = True
    scale: PositiveFloat | tuple[PositiveFloat, PositiveFloat] = 0.3

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if isinstance(self.scale, tuple) and self.scale[0] > self.scale[1]:
            message = f"scale must be (low, high) with low <= high. Got {self.scale}."
            raise ValueError(message)
        return self

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """One scale, and a range, told or not."""
        return cls(), cls(scale=(0.01, 1.0)), cls(scale=(0.01, 1.0), told=False)

    def clues(self) -> frozenset[Clue]:
        """The level, where it varies."""
        varies = isinstance(self.scale, tuple)
        return frozenset({"level"} if varies and self.told else ())

    def __call__(
        self, x: Tensor, layout: Layout, visible: Tensor | None = None
    ) -> Corrupted:
        """Damage ``x``, (B, *event)."""
        noise = torch.randn_like(x)
        if not layout.contents <= {"real", "unit", "binary"}:
            noise = noise * layout.holding("real", "unit", "binary").to(x)
        if not isinstance(self.scale, tuple):
            return Corrupted(x + self.scale * noise)
        low, high = map(math.log, self.scale)
        rows = x.shape[: x.dim() - len(layout.event)]
        level = torch.empty(rows, dtype=x.dtype, device=x.device)
        level = level.uniform_(low, high).exp()
        spread = level.reshape(*rows, *[1] * len(layout.event))
        return Corrupted(x + spread * noise, level=level if self.told else None)
