"""Normal likelihood with a learned variance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Size

from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor

REACH = 5.0
"""Bound on |log s|, smooth, so that no column can buy an infinite density."""


class Normal(Likelihood):
    """x ~ N(m, s^2); y = (m, log s before its bound) on a new last axis."""

    explains: ClassVar[frozenset[Content]] = frozenset(
        {"real", "unit", "binary", "count"}
    )
    prefers: ClassVar[Content] = "real"

    def params(self, event: Size) -> Size:
        """A mean and a log standard deviation per entry."""
        return Size([*event, 2])

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """-(x - m)^2 / (2 s^2) - log s - log(2 pi) / 2."""
        mean, raw = params.unbind(-1)
        log_scale = REACH * torch.tanh(raw / REACH)
        error = (x - mean) * (-log_scale).exp()
        return -0.5 * error.square() - log_scale - 0.5 * math.log(2 * math.pi)

    def mean(self, params: Tensor) -> Tensor:
        """The mean m of each entry."""
        return params[..., 0]

    def sample(self, params: Tensor) -> Tensor:
        """m + s e, e ~ N(0, 1)."""
        mean, raw = params.unbind(-1)
        scale = (REACH * torch.tanh(raw / REACH)).exp()
        return mean + scale * torch.randn_like(mean)
