"""Additive Gaussian noise of one scale, or of a range of scales."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

import torch
from pydantic import NonNegativeFloat, PositiveFloat, model_validator

from isthmus.parts import Clue, Corruption
from isthmus.trace import Corrupted

if TYPE_CHECKING:
    from torch import Size, Tensor

    from isthmus.layout import Layout


class GaussianNoise(Corruption):
    """x + s e, e ~ N(0, I), on continuous entries (Vincent et al., 2010).

    ``scale`` is s in the units of x (standard deviations for a table), or a pair
    (low, high): then s is log-uniform, one draw per example, and the encoder is
    ``told``, unless it is to be blind to it. The power of e falls as 1 / f^a with
    the frequency f along the last axis, and its variance stays 1: ``slope`` is a, or
    a pair from which it is drawn, uniform; 0 is white noise, 1 pink, 2 brown (Timmer &
    Koenig, 1995).
    """

    told: bool = True
    scale: PositiveFloat | tuple[PositiveFloat, PositiveFloat] = 0.3
    slope: NonNegativeFloat | tuple[NonNegativeFloat, NonNegativeFloat] = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("scale", "slope"):
            pair = getattr(self, name)
            if isinstance(pair, tuple) and pair[0] > pair[1]:
                message = f"{name} must be (low, high) with low <= high. Got {pair}."
                raise ValueError(message)
        return self

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """One scale, and a range, told or not; and noise of many colours."""
        some = 0.01, 1.0
        blind = cls(scale=some, told=False)
        return cls(), cls(scale=some), blind, cls(scale=some, slope=(0.0, 2.0))

    def clues(self) -> frozenset[Clue]:
        """The level, where it varies."""
        varies = isinstance(self.scale, tuple)
        return frozenset({"level"} if varies and self.told else ())

    def __call__(
        self, x: Tensor, layout: Layout, visible: Tensor | None = None
    ) -> Corrupted:
        """Damage ``x``, (B, *event)."""
        rows = x.shape[: x.dim() - len(layout.event)]
        noise = torch.randn_like(x)
        if self.slope != 0:
            noise = _colored(noise, self._slopes(rows, noise))
        if not layout.contents <= {"real", "unit", "binary"}:
            noise = noise * layout.holding("real", "unit", "binary").to(x)
        if not isinstance(self.scale, tuple):
            return Corrupted(x + self.scale * noise)
        low, high = map(math.log, self.scale)
        level = torch.empty(rows, dtype=x.dtype, device=x.device)
        level = level.uniform_(low, high).exp()
        spread = level.reshape(*rows, *[1] * len(layout.event))
        return Corrupted(x + spread * noise, level=level if self.told else None)

    def _slopes(self, rows: Size, like: Tensor) -> Tensor:
        """One for each row, with an axis of one in place of each of the event's."""
        low, high = self.slope if isinstance(self.slope, tuple) else (self.slope,) * 2
        drawn = torch.empty(rows, dtype=like.dtype, device=like.device)
        ones = [1] * (like.dim() - len(rows))
        return drawn.uniform_(low, high).reshape(*rows, *ones)


def _colored(white: Tensor, slope: Tensor) -> Tensor:
    """The same noise with a power that falls along the last axis, of variance 1."""
    steps = white.shape[-1]
    at = torch.arange(steps // 2 + 1, dtype=white.dtype, device=white.device)
    weight = at.clamp_min(1) ** (-slope / 2)
    # the frequencies between the first and the last stand for two each
    twice = torch.where((at == 0) | (2 * at == steps), 1.0, 2.0)
    power = (weight.square() * twice).sum(-1, keepdim=True) / steps
    spectrum = torch.fft.rfft(white) * (weight / power.sqrt())
    colored: Tensor = torch.fft.irfft(spectrum, n=steps)
    return colored
