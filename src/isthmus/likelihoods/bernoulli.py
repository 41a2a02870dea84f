"""Bernoulli likelihood (binary cross-entropy)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from torch.nn import functional

from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor


class Bernoulli(Likelihood):
    """log p = x log s(y) + (1 - x) log(1 - s(y)), s the sigmoid, y a logit.

    A probability for x in {0, 1}; for x in between it is the binary cross-entropy,
    a score without a normaliser.
    """

    aliases: ClassVar[tuple[str, ...]] = ("bce",)
    explains: ClassVar[frozenset[Content]] = frozenset({"unit", "binary"})
    prefers: ClassVar[Content] = "unit"
    metric: ClassVar[str] = "bce"
    logits: ClassVar[bool] = True

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """x y - softplus(y), which is the formula above without its logarithms."""
        return x * params - functional.softplus(params)

    def mean(self, params: Tensor) -> Tensor:
        """P(x = 1)."""
        return params.sigmoid()

    def sample(self, params: Tensor) -> Tensor:
        """0 or 1."""
        return params.sigmoid().bernoulli()
