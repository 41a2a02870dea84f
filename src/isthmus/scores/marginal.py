"""How odd is a cell in its column, whatever the others are?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor

from isthmus.scores.role import Score, ScoreModule, means
from isthmus.scores.yardstick import student

if TYPE_CHECKING:
    from isthmus.layout import Layout
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

BEYOND = torch.finfo(torch.float32).max
"""Larger than any entry."""

LEAST = 1e-2
"""Smallest variance: a column that never differed does not drown the others when it
does."""


class _Marginal(ScoreModule):
    values: Tensor
    """(E, P): some values of each entry in order; `BEYOND` where it has fewer."""
    below: Tensor
    """(E, P + 1): how many rows lie below each, and in all."""
    upto: Tensor
    """(E, P + 1): none, and how many rows lie at or below each."""
    known: Tensor
    """(E,): rows in which the entry is not missing."""
    ordered: Tensor
    """(E,): whether far out is more than rare."""
    middle: Tensor
    """(E,): the mean."""
    scale: Tensor
    """(E,): the variance."""

    def forward(self, module: AutoencoderModule, batch: Batch) -> Tensor:
        rare = -((self._rows(batch.x) + 0.5) / (self.known + 1)).log()
        far = student((batch.x - self.middle).square(), self.scale)
        found = ((rare + far) / 2).where(self.ordered, rare)
        return found if batch.visible is None else found * batch.visible

    def _rows(self, x: Tensor) -> Tensor:
        """How many rows lie at least as far out; of what has no order, are equal."""
        asked = x.T.contiguous()
        first = torch.searchsorted(self.values, asked)
        last = torch.searchsorted(self.values, asked, right=True)
        low, high = self.upto.gather(1, last).T, self.below.gather(1, first).T
        far, same = torch.minimum(low, self.known - high), (low - high).clamp(min=0)
        return far.where(self.ordered, same)


class Marginal(Score):
    """-log of the share of rows with the same level, or a number as far out.

    Of numbers, the mean of two answers: -log of the share of rows that lie at least as
    far out on the same side (compare Li et al., 2022), and the surprise of the distance
    from the mean, in standard deviations, under a Student t density. The share tells
    ranks from the first row on, and no two numbers beyond all others apart; the density
    does. Shares are (count + 1/2) / (n + 1). At most ``points`` numbers of a column are
    kept, ever denser towards both ends.
    """

    module: ClassVar[type[Any]] = _Marginal

    points: PositiveInt = 256

    def fit(self, layout: Layout, batch: Batch) -> ScoreModule:
        """Sort each column."""
        visible = batch.visible
        columns = [
            x if visible is None else x[visible[:, j] > 0]
            for j, x in enumerate(batch.x.T)
        ]
        ordered = layout.holding("real", "unit", "count").flatten()
        points = max(self.points, *(field.levels or 2 for field in layout.fields))
        values = torch.full((len(columns), points), BEYOND)
        known = torch.tensor([float(len(x)) for x in columns])
        below = known.unsqueeze(1).repeat(1, points + 1)
        upto = below.clone()
        upto[:, 0] = 0
        for j, x in enumerate(columns):
            some, fewer, up = _kept(x, self.points if ordered[j] else points)
            values[j, : len(some)] = some
            below[j, : len(some)] = fewer
            upto[j, 1 : len(some) + 1] = up
        middle = means(batch.x, visible)
        scale = means((batch.x - middle).square(), visible)
        return _Marginal(
            values=values,
            below=below,
            upto=upto,
            known=known,
            ordered=ordered,
            middle=middle,
            scale=scale.clamp_min(LEAST),
        )


def _kept(x: Tensor, points: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values of a column in order, and how many rows lie below, or not above, each."""
    values, counts = x.unique(return_counts=True)
    upto = counts.cumsum(0)
    if len(values) > points:
        steps = torch.logspace(0, math.log10(len(x) / 2), points // 2)
        ranks = torch.cat([steps, len(x) + 1 - steps]).round().long()
        keep = torch.searchsorted(upto, ranks).clamp(max=len(values) - 1).unique()
        values, counts, upto = values[keep], counts[keep], upto[keep]
    return values, upto - counts, upto
