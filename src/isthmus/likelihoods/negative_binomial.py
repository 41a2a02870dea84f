"""Negative binomial likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Size
from torch.nn import functional

from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor

REACH = 15.0
"""Bound on |log m| and |log r|, smooth, so that no entry can buy an infinite price."""

LARGE = 30.0
"""From here Stirling's series with one correction is exact to 1e-7."""


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
        r, excess = log_r.exp(), functional.softplus(log_m - log_r)  # log((r + m) / r)
        coefficient = _rising(x, r) - (x + 1).lgamma()
        return coefficient - r * excess + x * (log_m - excess)

    def mean(self, params: Tensor) -> Tensor:
        """The mean m of each entry."""
        return (REACH * torch.tanh(params[..., 0] / REACH)).exp()

    def sample(self, params: Tensor) -> Tensor:
        """A Poisson count whose rate is drawn from a gamma distribution of mean m."""
        log_m, log_r = (REACH * torch.tanh(params / REACH)).unbind(-1)
        rate = torch.distributions.Gamma(log_r.exp(), (log_r - log_m).exp())
        return torch.poisson(rate.sample())


def _rising(x: Tensor, r: Tensor) -> Tensor:
    """log G(x + r) - log G(r) - x log r; by Stirling's series where r is large.

    There the two gamma functions are large and nearly equal.
    """
    series = (x + r - 0.5) * torch.log1p(x / r) - x - x / (12 * r * (x + r))
    return torch.where(r > LARGE, series, (x + r).lgamma() - r.lgamma() - x * r.log())
