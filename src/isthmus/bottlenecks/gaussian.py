"""The variational bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import torch
from pydantic import PositiveInt

from isthmus.parts import Bottleneck, BottleneckModule, Trait
from isthmus.trace import Code

if TYPE_CHECKING:
    from torch import Tensor

REACH = 10.0
"""Bound on |log s|: log s = REACH tanh(raw / REACH), so that gradients stay finite."""


class Gaussian(Bottleneck):
    """q(z|x) = N(m(x), diag s(x)^2) against p(z) = N(0, I) (Kingma & Welling, 2014).

    The first half of the features is m, the second half log s before its bound.
    ``draws`` is K, the codes drawn per example in training.
    """

    terms: ClassVar[tuple[str, ...]] = ("reconstruction", "rate")

    draws: PositiveInt = 1

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """One draw, and several."""
        return cls(size=3), cls(size=3, draws=4)

    def features(self) -> int:
        """A mean and a log standard deviation per code entry."""
        return 2 * self.width

    def traits(self) -> frozenset[Trait]:
        """Drawn from a Gaussian that is charged for."""
        return frozenset({"drawn at random", "priced", "Gaussian", "differentiable"})

    def build(self) -> BottleneckModule:
        """A fresh module."""
        return _Gaussian(self.width, self.draws)


class _Gaussian(BottleneckModule):
    origin: Tensor

    def __init__(self, size: int, draws: int) -> None:
        super().__init__()
        self.size, self.draws = size, draws
        self.register_buffer("origin", torch.zeros(()), persistent=False)

    def forward(self, features: Tensor) -> Code:
        mean, log_scale = self._posterior(features)
        shape = mean.shape if self.draws == 1 else (self.draws, *mean.shape)
        noise = torch.randn(shape, dtype=mean.dtype, device=mean.device)
        return _code(mean, log_scale, noise)

    def mode(self, features: Tensor) -> Tensor:
        return features[..., : self.size]

    def typical(self, features: Tensor) -> Code:
        mean, log_scale = self._posterior(features)
        return _code(mean, log_scale, torch.zeros_like(mean))

    def sample(self, n: int) -> Tensor:
        like = self.origin
        return torch.randn(n, self.size, dtype=like.dtype, device=like.device)

    def _posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = features.split(self.size, dim=-1)
        return mean, REACH * torch.tanh(raw / REACH)


def _code(mean: Tensor, log_scale: Tensor, noise: Tensor) -> Code:
    """The code m + s e, with what it costs."""
    z = mean + log_scale.exp() * noise
    # log N(z; m, s) - log N(z; 0, 1): the constants log(2 pi) / 2 cancel
    log_ratio = (0.5 * (z.square() - noise.square()) - log_scale).sum(-1)
    # KL = (s^2 + m^2 - 1) / 2 - log s (Kingma & Welling, 2014, appendix B)
    rate = 0.5 * ((2 * log_scale).exp() + mean.square() - 1) - log_scale
    return Code(z, rate, log_ratio, mean, log_scale)
