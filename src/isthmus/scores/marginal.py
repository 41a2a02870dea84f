"""How odd is a cell in its column, whatever the others are?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor

from isthmus.scores.ranks import Ranks
from isthmus.scores.role import Score, ScoreModule, means, medians
from isthmus.scores.yardstick import CHI_SQUARE_MEDIAN, student

if TYPE_CHECKING:
    from isthmus.layout import Layout
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

LEAST = 0.1
"""Smallest scale of squared distances: a column that hardly ever differs does not drown
the others when it does."""


class _Marginal(ScoreModule):
    values: Tensor
    below: Tensor
    upto: Tensor
    known: Tensor
    """These four: `Ranks`."""
    ordered: Tensor
    """(E,): whether far out is more than rare."""
    middle: Tensor
    """(E,): the mean."""
    scale: Tensor
    """(E,): of squared distances from it, by their median."""

    def forward(self, module: AutoencoderModule, batch: Batch) -> Tensor:
        ranks = Ranks(self.values, self.below, self.upto, self.known)
        low, high = ranks.counts(batch.x)
        same = (low + high - self.known).clamp(min=0)
        rows = torch.minimum(low, high).where(self.ordered, same)
        rare = -((rows + 0.5) / (self.known + 1)).log()
        far = student((batch.x - self.middle).square(), self.scale)
        found = ((rare + far) / 2).where(self.ordered, rare)
        return found if batch.visible is None else found * batch.visible


class Marginal(Score):
    """-log of the share of rows with the same level, or a number as far out.

    Of numbers, the mean of two answers: -log of the share of rows that lie at least as
    far out on the same side (compare Li et al., 2022), and the surprise of the distance
    from the mean under a Student t density, its scale from the median distance. The
    share tells ranks from the first row on, and no two numbers beyond all others apart;
    the density does. Shares are (count + 1/2) / (n + 1). At most ``points`` numbers of
    a column are kept, ever denser towards both ends.
    """

    module: ClassVar[type[Any]] = _Marginal

    points: PositiveInt = 256

    def fit(self, layout: Layout, batch: Batch) -> ScoreModule:
        """Sort each column."""
        x, visible = batch.x, batch.visible
        ordered = layout.holding("real", "unit", "count").flatten()
        levels = max(field.levels or 2 for field in layout.fields)
        wide = max(levels, self.points)
        ranks = Ranks.of(x, visible, [self.points if o else wide for o in ordered])
        middle = means(x, visible)
        squares = (x - middle).square()
        scale = medians(squares, visible) / CHI_SQUARE_MEDIAN
        return _Marginal(
            **ranks._asdict(),
            ordered=ordered,
            middle=middle,
            scale=scale.clamp_min(LEAST),
        )
