"""Negative binomial likelihood."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import PositiveFloat
from torch import Size
from torch.nn import functional

from isthmus.layout import Content
from isthmus.likelihoods._counted import counted
from isthmus.likelihoods._totals import seen, totals
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
    G the gamma function. The encoder sees log(1 + x). With ``typical``, the total of a
    typical row, that of each row is given (Lopez et al., 2018): m_i = softmax(log m)_i
    sum_j x_j, the encoder sees log(1 + x) of rows brought to the typical total, and the
    reconstruction has it.
    """

    typical: PositiveFloat | None = None

    explains: ClassVar[frozenset[Content]] = frozenset({"count"})
    prefers: ClassVar[Content] = "count"
    logits: ClassVar[bool] = True

    @classmethod
    def examples(cls) -> tuple[NegativeBinomial, ...]:
        """Means of their own, and shares of given totals."""
        return cls(), cls(typical=20.0)

    def view(self, x: Tensor) -> Tensor:
        """log(1 + x), at the typical total."""
        return seen(x, self.typical)

    def params(self, event: Size) -> Size:
        """A log mean and a log dispersion per entry."""
        return Size([*event, 2])

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """Log probability of each entry, in nats."""
        log_m, log_r = self._logs(params)
        if self.typical is not None:
            log_m = log_m + (totals(x) / self.typical).log()
        r, excess = log_r.exp(), functional.softplus(log_m - log_r)  # log((r + m) / r)
        return counted(_more, x, r, log_m - excess) - r * excess

    def mean(self, params: Tensor) -> Tensor:
        """The mean m of each entry."""
        return self._logs(params)[0].exp()

    def sample(self, params: Tensor) -> Tensor:
        """A Poisson count whose rate is drawn from a gamma distribution of mean m."""
        log_m, log_r = self._logs(params)
        rate = torch.distributions.Gamma(log_r.exp(), (log_r - log_m).exp())
        return torch.poisson(rate.sample())

    def _logs(self, params: Tensor) -> tuple[Tensor, Tensor]:
        """log m, of rows of the typical total if there is one, and log r."""
        log_m, log_r = (REACH * torch.tanh(params / REACH)).unbind(-1)
        if self.typical is not None:
            log_m = log_m.log_softmax(-1) + math.log(self.typical)
        return log_m, log_r


def _more(x: Tensor, r: Tensor, log_share: Tensor) -> Tensor:
    """By how much log p of x is above that of 0; ``log_share`` is log(m / (r + m))."""
    return _rising(x, r) - (x + 1).lgamma() + x * log_share


def _rising(x: Tensor, r: Tensor) -> Tensor:
    """log G(x + r) - log G(r) - x log r; by Stirling's series where r is large.

    There the two gamma functions are large and nearly equal.
    """
    series = (x + r - 0.5) * torch.log1p(x / r) - x - x / (12 * r * (x + r))
    return torch.where(r > LARGE, series, (x + r).lgamma() - r.lgamma() - x * r.log())
