"""Poisson likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor

REACH = 30.0
"""Bound on |y|, smooth: exp(30) is far above any count, and below overflow."""


class Poisson(Likelihood):
    """log p = x y - exp(y) - log x! for a count x with log rate y, bounded smoothly.

    The encoder sees log(1 + x).
    """

    explains: ClassVar[frozenset[Content]] = frozenset({"count"})
    prefers: ClassVar[Content] = "count"
    logits: ClassVar[bool] = True

    def view(self, x: Tensor) -> Tensor:
        """log(1 + x)."""
        return x.log1p()

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """Log probability of each entry, in nats."""
        log_rate = REACH * torch.tanh(params / REACH)
        return x * log_rate - log_rate.exp() - (x + 1).lgamma()

    def mean(self, params: Tensor) -> Tensor:
        """The rate of each entry."""
        return (REACH * torch.tanh(params / REACH)).exp()

    def sample(self, params: Tensor) -> Tensor:
        """A count."""
        return torch.poisson(self.mean(params))
