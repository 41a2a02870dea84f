"""Negative binomial likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Size

from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor

REACH = 15.0
"""Bound on |log m| and |log r|, smooth, so that the gamma functions stay accurate."""


class NegativeBinomial(Likelihood):
    """Counts x of mean m and variance m + m^2 / r; y = (log m, log r), last axis.

    log p = log G(x + r) - log G(r) - log x! + r log(r / (r + m)) + x log(m / (r + m)),
    G the gamma function. The encoder sees log(1 + x).
    """

    explains: ClassVar[frozenset[Content]] = frozenset({"count"})
    prefers: ClassVar[Content] = "count"
    logits: ClassVar[bool] = True

    def view(self, x: Tensor) -> Tensor:
        """log(1 + x)."""
        return x.log1p()

    def params(self, event: Size) -> Size:
        """A log mean and a log dispersion per entry."""
        return Size([*event, 2])

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """Log probability of each entry, in nats."""
        log_m, log_r = (REACH * torch.tanh(params / REACH)).unbind(-1)
        r, log_total = log_r.exp(), torch.logaddexp(log_m, log_r)
        coefficient = (x + r).lgamma() - r.lgamma() - (x + 1).lgamma()
        return coefficient + r * (log_r - log_total) + x * (log_m - log_total)

    def mean(self, params: Tensor) -> Tensor:
        """The mean m of each entry."""
        return (REACH * torch.tanh(params[..., 0] / REACH)).exp()
