"""Shares that sum to one, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import torch
from pydantic import PositiveFloat

from isthmus.parts import Bottleneck, BottleneckModule, Trait
from isthmus.trace import Code

if TYPE_CHECKING:
    from torch import Tensor

REACH = 10.0
"""Bound on |m| and |log s|, smooth, so that gradients stay finite."""


class LogisticNormal(Bottleneck):
    """z = softmax(u), q(u|x) = N(m(x), diag s(x)^2) against p(u) = N(0, v I).

    The prior is the Laplace approximation of a symmetric Dirichlet distribution of
    ``concentration`` a over K shares, v = (1 / a) (1 - 1 / K) (Srivastava & Sutton,
    2017): the smaller a, the more rows are of one share. The first half of the
    features is m, the second log s. The mode is softmax(m).
    """

    terms: ClassVar[tuple[str, ...]] = ("reconstruction", "rate")

    concentration: PositiveFloat = 1.0

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Rows of many shares, and of few."""
        return cls(size=3), cls(size=4, concentration=0.1)

    def features(self) -> int:
        """A mean and a log standard deviation per share."""
        return 2 * self.width

    def traits(self) -> frozenset[Trait]:
        """Drawn from the simplex, and charged for."""
        return frozenset(
            {"drawn at random", "priced", "between 0 and 1", "differentiable"}
        )

    def build(self) -> BottleneckModule:
        """A fresh module."""
        variance = max(1 - 1 / self.width, 0.5) / self.concentration
        return _LogisticNormal(self.width, variance)


class _LogisticNormal(BottleneckModule):
    variance: Tensor

    def __init__(self, size: int, variance: float) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("variance", torch.tensor(variance), persistent=False)

    def forward(self, features: Tensor) -> Code:
        mean, log_scale = self._posterior(features)
        return self._code(mean, log_scale, torch.randn_like(mean))

    def mode(self, features: Tensor) -> Tensor:
        return self._posterior(features)[0].softmax(-1)

    def typical(self, features: Tensor) -> Code:
        mean, log_scale = self._posterior(features)
        return self._code(mean, log_scale, torch.zeros_like(mean))

    def sample(self, n: int) -> Tensor:
        like = self.variance
        noise = torch.randn(n, self.size, dtype=like.dtype, device=like.device)
        return (like.sqrt() * noise).softmax(-1)

    def _posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        bounded = REACH * torch.tanh(features / REACH)
        mean, log_scale = bounded.split(self.size, dim=-1)
        return mean, log_scale

    def _code(self, mean: Tensor, log_scale: Tensor, noise: Tensor) -> Code:
        """Shares, and what they cost: that of u, which decides them."""
        u, v = mean + log_scale.exp() * noise, self.variance
        # log N(u; m, s) - log N(u; 0, v)
        square = u.square() / v - noise.square() + v.log()
        ratio = (0.5 * square - log_scale).sum(-1)
        # KL = (s^2 / v + m^2 / v - 1 + log v) / 2 - log s
        spread = (2 * log_scale).exp() + mean.square()
        rate = 0.5 * (spread / v - 1 + v.log()) - log_scale
        return Code(u.softmax(-1), rate, ratio)
