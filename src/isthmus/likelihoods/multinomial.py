"""Multinomial likelihood, for rows of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import PositiveFloat

from isthmus.layout import Content
from isthmus.likelihoods._totals import seen
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor


class Multinomial(Likelihood):
    """log p = sum_i x_i log softmax(y)_i for a row x of counts (Liang et al., 2018).

    The multinomial coefficient, a constant of x, is left out. The encoder sees
    log(1 + x). The reconstruction is the share of each entry, not a count. With
    ``typical``, the total of a typical row, the encoder sees log(1 + x) of rows brought
    to that total, and the reconstruction has it.
    """

    typical: PositiveFloat | None = None

    explains: ClassVar[frozenset[Content]] = frozenset({"count"})
    prefers: ClassVar[Content] = "count"
    logits: ClassVar[bool] = True

    @classmethod
    def examples(cls) -> tuple[Multinomial, ...]:
        """Shares, and counts of a typical total."""
        return cls(), cls(typical=20.0)

    def view(self, x: Tensor) -> Tensor:
        """log(1 + x), at the typical total."""
        return seen(x, self.typical)

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """x_i log p_i of each entry."""
        return x * params.log_softmax(-1)

    def mean(self, params: Tensor) -> Tensor:
        """The share p_i of each entry, of the typical total if there is one."""
        return params.softmax(-1) * (self.typical or 1.0)

    def sample(self, params: Tensor) -> Tensor:
        """As many draws as the typical total, counted."""
        if self.typical is None:
            return super().sample(params)
        shares, draws = params.softmax(-1), max(round(self.typical), 1)
        picked = torch.multinomial(shares.flatten(0, -2), draws, replacement=True)
        counts = torch.zeros_like(shares).flatten(0, -2)
        ones = counts.new_ones(()).expand(picked.shape)
        return counts.scatter_add_(1, picked, ones).view(shares.shape)
