"""Brings the answers of a score to nats that compare from column to column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from isthmus.layout import Layout
    from isthmus.scores.role import Score

FREEDOM = 5.0
"""Degrees of freedom of the errors: heavy tails, so that no cell drowns all others."""

CHI_SQUARE_MEDIAN = 0.4549
"""Median of the square of a standard normal number."""

LEAST = 1e-3
"""Smallest typical squared error, of entries with variance 1: no error is blown up."""

LEAST_STILL = 1e-2
"""The same of entries that never differed: errors there tell of the network alone."""

USUAL = 3.0
"""Nats that a column may be surprising on average, about those of twenty equal bins;
one that is more so (of many levels) is divided down to it."""

SMALLEST_SPREAD = 1e-3
"""Nats a row by which scores differ at least."""


class Yardstick(nn.Module):
    """Surprise of each entry in nats, relative to the typical one of its column.

    A squared error e^2 of a real entry becomes -log of a Student t density with
    `FREEDOM` degrees of freedom, (v + 1) / 2 log(1 + e^2 / (v s^2)), whose scale s
    matches the median of e^2 over the rows. Of each entry its median surprise is
    taken, so that a missing cell, which counts 0, is as usual as can be. ``spread`` is
    the interquartile range of the sums over rows, as a standard deviation.
    """

    scale: Tensor
    divisor: Tensor
    usual: Tensor
    spread: Tensor
    errors: Tensor

    def __init__(self, **buffers: Tensor) -> None:
        super().__init__()
        for name, value in buffers.items():
            self.register_buffer(name, value)

    @classmethod
    def learned(
        cls,
        score: Score,
        layout: Layout,
        answers: Tensor,
        visible: Tensor | None,
        still: Tensor | None = None,
    ) -> Self:
        """From answers (n, E) to rows whose model has not learned them.

        ``still``, (E,), says which entries are the same in all of them.
        """
        count = answers.shape[1]
        errors = layout.holding("real").flatten() & score.by_error
        seen = (
            answers if visible is None else answers.masked_fill(visible == 0, torch.nan)
        )
        typical = seen.nanmedian(0).values.nan_to_num(1.0)
        mean = seen.nanmean(0).nan_to_num(0.0)
        one, least = torch.ones(count), torch.full((count,), LEAST)
        if still is not None:
            least = least.masked_fill(still, LEAST_STILL)
        found = cls(
            scale=torch.where(errors, typical / CHI_SQUARE_MEDIAN, one).maximum(least),
            divisor=torch.where(errors, one, (mean / USUAL).clamp_min(1.0)),
            usual=torch.zeros(count),
            spread=torch.ones(()),
            errors=errors,
        )
        surprise = found(answers)
        hidden = (
            surprise
            if visible is None
            else surprise.masked_fill(visible == 0, torch.nan)
        )
        found.usual = hidden.nanmedian(0).values.nan_to_num(0.0)
        sums = found(answers, visible).sum(1).double()
        low, high = torch.quantile(sums, torch.tensor([0.25, 0.75], dtype=torch.double))
        found.spread = ((high - low) / 1.349).clamp_min(SMALLEST_SPREAD).float()
        return found

    def forward(self, answers: Tensor, visible: Tensor | None = None) -> Tensor:
        """Surprise above the usual one, (B, E), in units of ``spread``."""
        t = 0.5 * (FREEDOM + 1) * torch.log1p(answers / (FREEDOM * self.scale))
        found = torch.where(self.errors, t, answers / self.divisor) - self.usual
        found = found / self.spread
        return found if visible is None else found * visible
