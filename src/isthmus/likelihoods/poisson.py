"""Poisson likelihood."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import PositiveFloat

from isthmus.layout import Content
from isthmus.likelihoods._counted import counted
from isthmus.likelihoods._totals import seen, totals
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor

REACH = 30.0
"""Bound on |y|, smooth: exp(30) is far above any count, and below overflow."""

LARGE = 30.0
"""From here Stirling's series with one correction is exact to 1e-7."""


class Poisson(Likelihood):
    """log p = x log m - m - log x! for a count x of mean m = exp(y).

    y is bounded smoothly, and the encoder sees log(1 + x). With ``typical``, the total
    of a typical row, that of each row is given: m_i = softmax(y)_i sum_j x_j, the
    encoder sees log(1 + x) of rows brought to the typical total, and the
    reconstruction has it.
    """

    typical: PositiveFloat | None = None

    explains: ClassVar[frozenset[Content]] = frozenset({"count"})
    prefers: ClassVar[Content] = "count"
    logits: ClassVar[bool] = True

    @classmethod
    def examples(cls) -> tuple[Poisson, ...]:
        """Rates of their own, and shares of given totals."""
        return cls(), cls(typical=20.0)

    def view(self, x: Tensor) -> Tensor:
        """log(1 + x), at the typical total."""
        return seen(x, self.typical)

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """Log probability of each entry, in nats."""
        log_m = self._log_mean(params)
        if self.typical is not None:
            log_m = log_m + (totals(x) / self.typical).log()
        return torch.where(x > 0, counted(_log_prob, x, log_m), -log_m.exp())

    def mean(self, params: Tensor) -> Tensor:
        """The mean of each entry."""
        return self._log_mean(params).exp()

    def sample(self, params: Tensor) -> Tensor:
        """A count."""
        return torch.poisson(self.mean(params))

    def _log_mean(self, params: Tensor) -> Tensor:
        """Log mean of each entry, of rows of the typical total if there is one."""
        bounded = REACH * torch.tanh(params / REACH)
        if self.typical is None:
            return bounded
        return bounded.log_softmax(-1) + math.log(self.typical)


def _log_prob(x: Tensor, log_m: Tensor) -> Tensor:
    few = x * log_m - log_m.exp() - (x + 1).lgamma()
    return torch.where(x > LARGE, _of_many(x.clamp_min(LARGE), log_m), few)


def _of_many(x: Tensor, log_m: Tensor) -> Tensor:
    """The same of a large count: its deviance, and Stirling's series for log x!.

    There x log m, m and log x! are large and nearly cancel.
    """
    apart = log_m - x.log()
    deviance = x * (apart.expm1() - apart)
    return -deviance - 0.5 * (2 * math.pi * x).log() - 1 / (12 * x)
