"""How odd the rows of series are, as seen from all that is around them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from isthmus.estimator.joined import answered
from isthmus.estimator.rolling import LEAST, over_usual

if TYPE_CHECKING:
    from isthmus.data.windows import Windows
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch


class SurroundingView(nn.Module):
    """A model of windows, and what its errors are where all is as usual.

    The error of a cell is the mean over the windows that cover it, over what is usual
    in its channel. A row has the mean of the errors of the ``near`` rows around it.
    """

    usual: Tensor
    """(channels,): mean error of training."""
    weight: Tensor
    """(channels,): how much each counts, over a high quantile of training scores."""

    def __init__(self, module: AutoencoderModule, near: int) -> None:
        super().__init__()
        self.module, self.near = module, near
        channels = module.event[0]
        self.register_buffer("usual", torch.ones(channels))
        self.register_buffer("weight", torch.full((channels,), 1 / channels))

    def learn(self, data: Windows, weight: Tensor) -> None:
        """Learn what is usual from the rows of training."""
        usual = self._errors(data).mean(0).clamp_min(LEAST)
        self.usual.copy_(usual)
        self.weight.copy_(weight)
        self.weight.copy_(over_usual(weight, self.cells(data)))

    def cells(self, data: Windows) -> Tensor:
        """How odd each channel of each place is, (places, channels)."""
        odd = self._errors(data) / self.usual.cpu()
        parts = odd.split([n for (n,) in data.extents])
        return torch.cat([_smooth(p, self.near) for p in parts]) * self.weight.cpu()

    def _errors(self, data: Windows) -> Tensor:
        """Squared error of each cell, 0 where it is missing, (places, channels)."""
        length = self.module.event[-1]
        stride = max(length // 4, 1)
        windows = replace(data, window=(length,), stride=(stride,))

        def squares(batch: Batch) -> tuple[Tensor]:
            error = (batch.x - self.module.reconstruct(batch)).square()
            return (error if batch.visible is None else error * batch.visible,)

        return answered(squares, windows, self.module)[0]


def _smooth(values: Tensor, near: int) -> Tensor:
    """Mean over the rows around each, (n, channels); over fewer at the ends."""
    zero = values.new_zeros(1, values.shape[1], dtype=torch.float64)
    sums = torch.cat([zero, values.double().cumsum(0)])
    at = torch.arange(len(values))
    first = (at - near // 2).clamp_min(0)
    last = (at + (near + 1) // 2).clamp_max(len(values))
    means: Tensor = (sums[last] - sums[first]) / (last - first)[:, None]
    return means.float()
