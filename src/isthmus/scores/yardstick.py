"""Brings the answers of a score to nats that compare from column to column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from isthmus.scores.role import Buffers, medians

if TYPE_CHECKING:
    from isthmus.layout import Layout
    from isthmus.scores.role import Score

FREEDOM = 5.0
"""Degrees of freedom of the errors: heavy tails, so that no cell drowns all others."""

CHI_SQUARE_MEDIAN = 0.4549
"""Median of the square of a standard normal number."""

LEAST_ERROR, LEAST_DEVIANCE = 1e-3, 0.05
"""Smallest scale of the squares of real entries, whose variance is 1, and of others."""

MOST_DEVIANCE = 1.0
"""Largest of others: however hard a level is to guess, one that is held for all but
impossible is odd."""

LEAST_STILL = 1e-2
"""The same of entries that never differed: errors there tell of the network alone."""

SMALLEST_SPREAD = 1e-3
"""Nats a row by which scores differ at least."""


class Yardstick(Buffers):
    """Surprise of each entry in nats, relative to the typical one of its column.

    The answers of a score ``by_error`` are brought to squares: the squared error e^2 of
    a real entry, the squared deviance residual e^2 = -2 log p of another (McCullagh &
    Nelder, 1989). These become -log of a Student t density with `FREEDOM` degrees of
    freedom, (v + 1) / 2 log(1 + e^2 / (v s^2)), whose scale s matches the median of e^2
    over the rows. Other answers are surprises already. The median surprise of each
    entry is taken away, so that a missing cell, which counts 0, is as usual as can be.
    ``spread`` is the interquartile range of the rows' sums, as a standard deviation.
    """

    scale: Tensor
    factor: Tensor
    usual: Tensor
    spread: Tensor

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
        real = layout.holding("real").flatten()
        factor = (
            torch.where(real, 1.0, 2.0) if score.by_error else torch.zeros(len(real))
        )
        typical = medians(answers, visible) * factor / CHI_SQUARE_MEDIAN
        least = torch.where(real, LEAST_ERROR, LEAST_DEVIANCE)
        most = torch.where(real, torch.inf, MOST_DEVIANCE)
        if still is not None:
            least[still] = least[still].clamp_min(LEAST_STILL)
        found = cls(
            scale=typical.clamp(least, most),
            factor=factor,
            usual=torch.zeros(len(real)),
            spread=torch.ones(()),
        )
        found.usual = medians(found(answers), visible)
        sums = found(answers, visible).double().sum(1)
        low, high = torch.quantile(sums, torch.tensor([0.25, 0.75], dtype=torch.double))
        found.spread = ((high - low) / 1.349).clamp_min(SMALLEST_SPREAD).float()
        return found

    def forward(self, answers: Tensor, visible: Tensor | None = None) -> Tensor:
        """Surprise above the usual one, (B, E), in units of ``spread``."""
        squares = answers * self.factor
        t = student(squares, self.scale)
        surprise = torch.where(self.factor > 0, t, answers)
        found = (surprise - self.usual) / self.spread
        return found if visible is None else found * visible


def student(squares: Tensor, scale: Tensor) -> Tensor:
    """Surprise of squared errors, above that of none, if they are Student t."""
    return 0.5 * (FREEDOM + 1) * torch.log1p(squares / (FREEDOM * scale))
