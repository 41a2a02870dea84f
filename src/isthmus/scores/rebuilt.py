"""How badly is a cell rebuilt?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from isthmus.scores.role import Score, ScoreModule

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch


class _Rebuilt(ScoreModule):
    def forward(self, module: AutoencoderModule, batch: Batch) -> Tensor:
        entries, _ = module.explain(batch, weighted=False)
        return -entries


class Rebuilt(Score):
    """-log p(x_j|z) of each entry at the typical code z of its row, unweighted."""

    by_error: ClassVar[bool] = True
    module: ClassVar[type[Any]] = _Rebuilt

    def fit(self, layout: Layout, batch: Batch) -> ScoreModule:
        """Nothing is kept."""
        return _Rebuilt()
