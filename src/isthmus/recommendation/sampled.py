"""Training on some items at a time, where there are very many."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from isthmus.errors import RecipeError
from isthmus.trace import Batch, Corrupted, Progress, Trace

if TYPE_CHECKING:
    from isthmus.model import AutoencoderModule

DONE = Progress()


class Sampled(nn.Module):
    """The same model on the items of a batch, and others by lot, up to ``count``.

    Items that nobody in the batch turned to are drawn without replacement; each stands
    for as many as were not drawn: log(there / drawn) is added to its logit, so that the
    sum of the softmax is that over all items, on average (compare Jean et al., 2015).
    """

    def __init__(self, module: AutoencoderModule, count: int) -> None:
        super().__init__()
        self.module, self.count = module, count
        items = module.event.numel()
        named = dict(module.named_parameters())
        self.columns = [n for n, p in named.items() if p.shape[1:] == (items,)]
        self.lines = [n for n, p in named.items() if p.shape[:1] == (items,)]
        self.bias = [n for n in self.lines if named[n].dim() == 1]
        if module.clues or len(self.bias) != 1:
            raise RecipeError(
                f"{items:,} items are learned some at a time, for which the "
                f"architecture must be an Mlp that is not told what is hidden. Got "
                f"{module.recipe.architecture!r}."
            )

    replayable = False

    def forward(
        self,
        batch: Batch,
        progress: Progress = DONE,
        *,
        chance: bool | None = None,
        corrupted: Corrupted | None = None,
    ) -> Trace:
        """Send a sparse batch through, as the items that were drawn."""
        assert corrupted is None  # the model's own is drawn
        x = batch.x.to_sparse().coalesce()
        users, items = x.indices()
        seen = items.unique()
        others = self._others(seen)
        drawn = torch.cat([seen, others])
        dense = x.values().new_zeros(x.shape[0], len(drawn))
        dense[users, torch.searchsorted(seen, items)] = x.values()
        there = x.shape[1] - len(seen)
        more = dense.new_zeros(len(drawn))
        more[len(seen) :] = math.log(there / max(len(others), 1)) if there else 0.0
        own = dict(self.module.named_parameters())
        some = {n: own[n].index_select(1, drawn) for n in self.columns}
        some |= {n: own[n].index_select(0, drawn) for n in self.lines}
        some[self.bias[0]] = some[self.bias[0]] + more
        told = {"chance": chance}
        trace: Trace = functional_call(
            self.module, some, (Batch(dense), progress), told, strict=False
        )
        return trace

    def loss(
        self, trace: Trace, cutoff: float | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """That of the model."""
        return self.module.loss(trace, cutoff)

    def metric(self, trace: Trace) -> tuple[str, Tensor, Tensor | int]:
        """That of the model."""
        return self.module.metric(trace)

    def mixing(self) -> list[str]:
        """Those of the model, and this."""
        return ["sampled", *self.module.mixing()]

    def _others(self, seen: Tensor) -> Tensor:
        """Items by lot that are not among those."""
        items = self.module.event.numel()
        left = torch.ones(items, dtype=torch.bool, device=seen.device)
        left[seen] = False
        rest = left.nonzero().flatten()
        wanted = max(self.count - len(seen), 1)
        order = torch.randperm(len(rest), device=seen.device)[:wanted]
        return rest[order]
