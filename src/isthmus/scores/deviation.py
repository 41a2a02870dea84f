"""How far is a number from the middle of its column?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from isthmus.scores.role import Score, ScoreModule, medians

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch


class _Deviation(ScoreModule):
    middle: Tensor
    """(E,): the median."""
    ordered: Tensor
    """(E,): 1 where entries are numbers."""

    def forward(self, module: AutoencoderModule, batch: Batch) -> Tensor:
        found = (batch.x - self.middle).square() * self.ordered
        return found if batch.visible is None else found * batch.visible


class Deviation(Score):
    """Squared distance from the median of the column; nothing of categories.

    As the surprise of a Student t (see `Yardstick`), which falls off as slowly as
    ranks do not: a cell twice as far out as all others is odder than the first of them.
    """

    by_error: ClassVar[bool] = True
    least_error: ClassVar[float] = 0.1
    module: ClassVar[type[Any]] = _Deviation

    def fit(self, layout: Layout, batch: Batch) -> ScoreModule:
        """Find the medians."""
        ordered = layout.holding("real", "unit", "count").flatten()
        return _Deviation(
            middle=medians(batch.x, batch.visible), ordered=ordered.to(batch.x)
        )
