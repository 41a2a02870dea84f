"""How surprising is a cell, given the others?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import PositiveInt

from isthmus.scores.role import Expected, Score, ScoreModule, cells_of

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

MOST_ALONE = 64
"""Cells hidden one at a time for `expected`; of more, several at a time."""


class _Hidden(ScoreModule):
    masks: Tensor
    """(P, E): 0 where a pass hides an entry, else 1; a cell is hidden equally often."""

    @property
    def passes(self) -> int:
        """One per mask."""
        return len(self.masks)

    def forward(self, module: AutoencoderModule, batch: Batch) -> Tensor:
        hidden = 1 - self.masks.to(batch.x)
        params = module.rebuild_hidden(batch, hidden)
        entries = -module.likelihood.log_prob(params, batch.x)
        mean = (entries * hidden.unsqueeze(1)).sum(0) / hidden.sum(0)
        return mean if batch.visible is None else mean * batch.visible

    def expected(self, module: AutoencoderModule, batch: Batch) -> Expected:
        """Of each entry, what the model makes of it from all other cells."""
        likelihood, found = (
            module.likelihood,
            Expected(*(torch.zeros_like(batch.x) for _ in range(3))),
        )
        cells = cells_of(module.layout).to(batch.x.device)
        groups = min(int(cells.max()) + 1, MOST_ALONE)
        for group in range(groups):
            hidden = (cells % groups == group).to(batch.x)
            params = module.rebuild_hidden(batch, hidden.unsqueeze(0))[0]
            mean = likelihood.mean(params)
            logs = [likelihood.log_prob(params, x) for x in (batch.x, mean.round())]
            for total, part in zip(found, (mean, *logs), strict=True):
                total.add_(part * hidden)
        return found


class Hidden(Score):
    """-log p(x_j | some of the other cells), the mean over ``rounds`` masks.

    In each round every cell is hidden once, together with about one in ``parts`` of
    the others (as masked autoencoders are trained; He et al., 2022). The sum over
    cells is minus a pseudo-log-likelihood (Besag, 1975).
    """

    by_error: ClassVar[bool] = True
    module: ClassVar[type[Any]] = _Hidden

    rounds: PositiveInt = 6
    parts: PositiveInt = 4

    def fit(self, layout: Layout, batch: Batch) -> ScoreModule:
        """Draw the masks, the same for the same layout."""
        cells, order = cells_of(layout), torch.Generator().manual_seed(0)
        count, passes = int(cells.max()) + 1, []
        for _ in range(self.rounds):
            drawn = torch.randperm(count, generator=order)
            for part in drawn.chunk(min(self.parts, count)):
                visible = torch.ones(count, dtype=torch.bool)
                visible[part] = False
                passes.append(visible[cells])
        return _Hidden(masks=torch.stack(passes))
