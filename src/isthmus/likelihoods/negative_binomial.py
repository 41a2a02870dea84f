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
    G the gamma function; y is bounded smoothly. The encoder sees log(1 + x). With
    ``typical``, the total of a typical row, that of each row is given (Lopez et al.,
    2018): m_i = softmax(log m)_i sum_j x_j, the encoder sees log(1 + x) of rows brought
    to the typical total, and the reconstruction has it.
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
        excess = functional.softplus(log_m - log_r)  # log((r + m) / r)
        some = counted(_log_prob, x, log_m, log_r, excess)
        return torch.where(x > 0, some, -log_r.exp() * excess)

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


def _log_prob(x: Tensor, log_m: Tensor, log_r: Tensor, excess: Tensor) -> Tensor:
    r = log_r.exp()
    few = _rising(x, r) - (x + 1).lgamma() + x * (log_m - excess) - r * excess
    return torch.where(x > LARGE, _of_many(x.clamp_min(LARGE), log_m, log_r), few)


def _of_many(x: Tensor, log_m: Tensor, log_r: Tensor) -> Tensor:
    """log p of a large count, whose addends are large and nearly cancel.

    Stirling's series for gamma functions leaves x log(1 + w) - r log(1 + v), where
    1 + v = (m + r) / (x + r) and 1 + w = (m / x) / (1 + v), to be made of one u =
    m / x - 1: so what is lost in u is lost twice, and does not matter.
    """
    r, apart = log_r.exp(), log_m - x.log()
    u = apart.expm1()
    v = u * x / (x + r)
    log_v = torch.logaddexp(log_m, log_r) - (x + r).log()
    w = r * u / ((x + r) * torch.where(v > -0.5, 1 + v, log_v.exp()))
    more = x * _log1p(w, apart - log_v) - r * _log1p(v, log_v)
    series = (1 / (x + r) - 1 / x) / 12 - 0.5 * (x.log() + (x + r).log())
    return series + more + _of_dispersion(r)


def _log1p(x: Tensor, far: Tensor) -> Tensor:
    """log(1 + x), which is ``far`` from x = 0."""
    return torch.where(x > -0.5, x.clamp_min(-0.5).log1p(), far)


def _of_dispersion(r: Tensor) -> Tensor:
    """r log r - r - log G(r), by Stirling's series where r is large."""
    series = 0.5 * (r / (2 * math.pi)).log() - 1 / (12 * r)
    return torch.where(r > LARGE, series, r * r.log() - r - r.lgamma())


def _rising(x: Tensor, r: Tensor) -> Tensor:
    """log G(x + r) - log G(r) - x log r; by Stirling's series where r is large.

    There the two gamma functions are large and nearly equal.
    """
    series = (x + r - 0.5) * torch.log1p(x / r) - x - x / (12 * r * (x + r))
    return torch.where(r > LARGE, series, (x + r).lgamma() - r.lgamma() - x * r.log())
