"""Huber's robust error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import PositiveFloat
from torch.nn import functional

from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor


class Huber(Likelihood):
    """log p = -e^2 / 2 where |e| <= d, else -d (|e| - d / 2); e = x - y (Huber, 1964).

    Less its constant; ``delta`` is d, in the units of x.
    """

    explains: ClassVar[frozenset[Content]] = frozenset(
        {"real", "unit", "binary", "count"}
    )
    prefers: ClassVar[Content] = "real"
    metric: ClassVar[str] = "huber"
    assumed: ClassVar[frozenset[Content]] = explains

    delta: PositiveFloat = 1.0

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """Minus the Huber loss of each entry."""
        x = x.expand_as(params)
        return -functional.huber_loss(params, x, reduction="none", delta=self.delta)

    def mean(self, params: Tensor) -> Tensor:
        """The decoder's answer itself."""
        return params

    def sample(self, params: Tensor) -> Tensor:
        """Add noise: normal up to d, or an exponential beyond, by their shares."""
        d = self.delta
        middle = math.sqrt(2 * math.pi) * math.erf(d / math.sqrt(2))
        inside = middle / math.exp(self.log_normalizer())
        near = torch.empty_like(params).uniform_(-1, 1) * math.erf(d / math.sqrt(2))
        near = math.sqrt(2) * near.erfinv()
        far = d + torch.empty_like(params).exponential_(d)
        far = far * (2 * torch.randint_like(params, 2) - 1)
        return params + torch.where(torch.rand_like(params) < inside, near, far)

    def log_normalizer(self) -> float:
        """log(sqrt(2 pi) erf(d / sqrt 2) + 2 exp(-d^2 / 2) / d)."""
        d = self.delta
        middle = math.sqrt(2 * math.pi) * math.erf(d / math.sqrt(2))
        return math.log(middle + 2 * math.exp(-d * d / 2) / d)
