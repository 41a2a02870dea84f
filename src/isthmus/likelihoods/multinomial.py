"""Multinomial likelihood, for rows of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor


class Multinomial(Likelihood):
    """log p = sum_i x_i log softmax(y)_i for a row x of counts (Liang et al., 2018).

    The multinomial coefficient, a constant of x, is left out. The encoder sees
    log(1 + x). The reconstruction is the share of each entry, not a count.
    """

    explains: ClassVar[frozenset[Content]] = frozenset({"count"})
    prefers: ClassVar[Content] = "count"
    logits: ClassVar[bool] = True

    def view(self, x: Tensor) -> Tensor:
        """log(1 + x)."""
        return x.log1p()

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """x_i log p_i of each entry."""
        return x * params.log_softmax(-1)

    def mean(self, params: Tensor) -> Tensor:
        """The share p_i of each entry."""
        return params.softmax(-1)
