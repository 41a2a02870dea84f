"""What goes into an autoencoder, and what one batch leaves behind on its way through.

Shapes, here and everywhere: B examples, H features, D code entries, ``*event`` one
example; a bottleneck that draws K > 1 codes per example puts an axis K in front, and
one that draws a single code does not; a stacked model carries an axis of replicas
just before B. Costs are in nats per example unless a docstring says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(slots=True)
class Batch:
    """Examples as the model meets them."""

    x: Tensor
    """(B, *event): the examples; zero where a cell is missing."""
    visible: Tensor | None = None
    """(B, *event): 1 where a cell was observed, 0 where it is missing; None: all."""

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.x.shape[0]

    @property
    def event(self) -> torch.Size:
        """Shape of an example."""
        return self.x.shape[1:]

    def rows(self, index: Tensor) -> Batch:
        """Pick the examples at ``index``, in that order."""
        visible = None if self.visible is None else self.visible.index_select(0, index)
        return Batch(self.x.index_select(0, index), visible)

    def bare(self) -> Batch:
        """The examples, as if all were there."""
        return Batch(self.x)

    def stacked(self, count: int) -> Batch:
        """The examples as ``count`` batches of one length, on a leading axis."""
        visible = self.visible
        visible = None if visible is None else visible.unflatten(0, (count, -1))
        return Batch(self.x.unflatten(0, (count, -1)), visible)

    @classmethod
    def joined(cls, batches: Sequence[Batch]) -> Batch:
        """Batches below one another; what is not said to be missing is there."""
        x = torch.cat([batch.x for batch in batches])
        if all(batch.visible is None for batch in batches):
            return cls(x)
        seen = [
            torch.ones_like(b.x) if b.visible is None else b.visible for b in batches
        ]
        return cls(x, torch.cat(seen))

    def slice(self, start: int, stop: int) -> Batch:
        """Examples from ``start`` up to ``stop``, without copying."""
        visible = None if self.visible is None else self.visible[start:stop]
        return Batch(self.x[start:stop], visible)

    def to(self, device: torch.device) -> Batch:
        """Bring the examples to a device."""
        visible = None if self.visible is None else self.visible.to(device)
        return Batch(self.x.to(device), visible)

    def split(self, sizes: list[int]) -> list[Batch]:
        """Cut into consecutive batches of these sizes, without copying."""
        xs = self.x.split(sizes)
        if self.visible is None:
            return [Batch(x) for x in xs]
        return list(map(Batch, xs, self.visible.split(sizes)))


class Corrupted(NamedTuple):
    """What a corruption made of a batch, and what it tells of it."""

    x: Tensor
    """(B, *event): the damaged examples."""
    visible: Tensor | None = None
    """(B, *event): 0 where an entry was hidden, else 1; None: nothing was hidden."""
    level: Tensor | None = None
    """(B,): strength of the noise; None: no noise of varying strength."""
    judged: Tensor | None = None
    """(B, *event): weight of each entry in the loss; None: all count once."""


class Context(NamedTuple):
    """What the encoder is told beside x; the architecture declares what it takes."""

    visible: Tensor | None = None
    """(B, *event): 1 where the encoder sees the true cell, else 0."""
    level: Tensor | None = None
    """(B,): strength of the noise, 0 for clean examples."""


class Code(NamedTuple):
    """The code of a batch, and what terms may want to know of it."""

    value: Tensor
    """([K,] B, D): what the decoder sees."""
    rate: Tensor | None = None
    """(B, D): KL(q(z_j|x) || p(z_j)) of each entry; None where the code is free."""
    log_ratio: Tensor | None = None
    """([K,] B): log q(z|x) - log p(z) at each draw."""
    mean: Tensor | None = None
    """(B, D): mean of q(z|x), where that is a Gaussian."""
    log_scale: Tensor | None = None
    """(B, D): log standard deviation of q(z|x), where that is a Gaussian."""
    chosen: Tensor | None = None
    """(B, D): the chosen codebook vectors, before the gradient is copied past them."""
    indices: Tensor | None = None
    """(B,): which codebook vector was chosen."""


class Progress(NamedTuple):
    """Where training stands; terms that warm up or count the data read it."""

    done: Tensor | float = 1.0
    """Share of the planned steps that lie behind, from 0 to 1."""
    rows: int | None = None
    """Number of training examples; None outside training."""

    def warmth(self, warm_up: float) -> Tensor | float:
        """Grows from 0 to 1 over the first share ``warm_up`` of training."""
        if isinstance(self.done, torch.Tensor):
            return (self.done / warm_up).clamp(max=1.0)
        return min(self.done / warm_up, 1.0)


class Trace(NamedTuple):
    """Every quantity that a term may need, each computed once."""

    x: Tensor
    """(B, *event): the clean examples."""
    visible: Tensor | None
    """(B, *event): 1 where a cell was observed, 0 where it is missing; None: all."""
    corrupted: Tensor
    """(B, *event): what the encoder saw."""
    context: Context
    """What the encoder was told beside it."""
    features: Tensor
    """(B, H): the encoder's answer."""
    code: Code
    """What passed the bottleneck."""
    params: Tensor
    """([K,] B, *params): the decoder's answer, parameters of the likelihood."""
    judged: Tensor | None
    """(B, *event): weight of each entry in the loss; None: all count once."""
    distortion: Tensor
    """([K,] B): -log p(x|z), summed over the judged entries of x."""
    progress: Progress
    """Where training stands."""

    def average(self, quantity: Tensor) -> Tensor:
        """Mean over the draws of the code, where there are several."""
        return quantity.mean(0) if self._several else quantity

    def one(self, quantity: Tensor) -> Tensor:
        """The quantity at the first draw of the code."""
        return quantity[0] if self._several else quantity

    @property
    def _several(self) -> bool:
        return self.code.value.dim() > self.features.dim()
