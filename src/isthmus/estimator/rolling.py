"""How odd the rows of series are, as seen from the windows that end with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.data.blocks import in_blocks
from isthmus.data.windows import Windows
from isthmus.estimator.joined import answered
from isthmus.scores.overflow import refuse_overflow
from isthmus.scores.role import Expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from isthmus.estimator.preparation import Data
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

QUANTILE = 0.99
"""Of the scores of training, what a view is measured by."""

AT_ONCE = 4096
"""Windows whose errors are held at a time."""

LEAST = 1e-3
"""Smallest error of a cell that counts as usual, in squared standard deviations."""


class RollingView(nn.Module):
    """A model of windows, and what its errors are where all is as usual.

    A row has the mean of the errors of the last ``near`` cells of each channel in the
    window that ends with it, each over what is usual at its place of the window.
    """

    usual: Tensor
    """(channels, near): mean error of training at the last places of windows."""
    weight: Tensor
    """(channels,): how much each counts; over `QUANTILE` of the training scores."""

    def __init__(self, module: AutoencoderModule, near: int) -> None:
        super().__init__()
        self.module, self.near = module, near
        channels = module.event[0]
        self.register_buffer("usual", torch.ones(channels, near))
        self.register_buffer("weight", torch.full((channels,), 1 / channels))

    def learn(self, data: Windows, weight: Tensor) -> None:
        """Learn what is usual from the rows of training."""
        windows = self.windows(data)
        total = count = torch.zeros_like(self.usual.cpu())
        for start in range(0, len(windows), AT_ONCE):
            some = windows.slice(start, start + AT_ONCE)
            errors, seen = in_blocks(self._errors, some, self.module)
            total, count = total + errors.sum(0), count + seen.sum(0)
        self.usual.copy_((total / count.clamp_min(1)).clamp_min(LEAST))
        self.weight.copy_(weight)
        self.weight.copy_(over_usual(weight, self.cells(data)))

    def windows(self, data: Windows) -> Windows:
        """One window for each place, that ends with it; at the start, filled up.

        What is filled up is the first row again, invisible.
        """
        length = self.module.event[-1]
        parts, masks = [], []
        for k in range(len(data.extents)):
            piece = data.arrays(k, k + 1)
            shown = piece.visible
            shown = torch.ones_like(piece.x) if shown is None else shown
            parts += [piece.x[:1].expand(length - 1, -1), piece.x]
            masks += [shown.new_zeros(length - 1, shown.shape[1]), shown]
        extents = tuple((n + length - 1,) for (n,) in data.extents)
        x, visible = torch.cat(parts), torch.cat(masks)
        return Windows(x, visible, extents, (length,), (1,))

    def cells(self, data: Windows) -> Tensor:
        """How odd each channel of each place is, (places, channels)."""
        return in_blocks(self._odd, self.windows(data), self.module)[0]

    def _odd(self, batch: Batch) -> tuple[Tensor]:
        errors, _ = self._errors(batch)  # what is not seen is not odd
        return ((errors / self.usual).sum(-1) / self.near * self.weight,)

    def _errors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Squared errors of the last cells, (B, channels, near), and which are seen."""
        assert batch.visible is not None  # `windows` says what was filled up
        seen = batch.visible[..., -self.near :]
        known = batch if self.module.missing else batch.bare()
        y = self.module.reconstruct(known)[..., -self.near :]
        return (batch.x[..., -self.near :] - y).square() * seen, seen


class SeriesView(Protocol):
    """What says how odd the places of series are, by a model of windows."""

    module: AutoencoderModule
    near: int

    def learn(self, data: Windows, weight: Tensor) -> None:
        """Learn what is usual from the rows of training."""

    def cells(self, data: Windows) -> Tensor:
        """How odd each channel of each place is, (places, channels)."""

    def state_dict(self) -> dict[str, Tensor]:
        """What it has learned, by name."""


class SeriesJudge(nn.Module):
    """The mean of several views, that of the shortest windows last.

    With ``ahead``, they see what is around a row. Without, they see what came before
    it, and are heard where their windows are full, the shortest everywhere; what is not
    heard is not odd.
    """

    per_word = False

    def __init__(self, views: Sequence[SeriesView], *, ahead: bool = False) -> None:
        super().__init__()
        self.views, self.ahead = views, ahead
        self.parts = nn.ModuleList(views)  # type: ignore[arg-type]
        self.module = views[0].module

    def folds(self, data: Data) -> NDArray[np.int64]:
        """There is but one."""
        return np.zeros(len(data), dtype=np.int64)

    def rows(self, data: Data, folds: object = None) -> Tensor:
        """How odd each place is, (places,)."""
        return self.cells(data, folds).double().sum(1)

    def cells(self, data: Data, folds: object = None) -> Tensor:
        """How odd each channel of each place is, (places, channels)."""
        del folds
        assert isinstance(data, Windows), "series are seen in windows"
        age = torch.cat([torch.arange(1, n + 1) for (n,) in data.extents])
        total = torch.zeros(())
        for k, view in enumerate(self.views):
            everywhere = self.ahead or k + 1 == len(self.views)
            full = (age >= (0 if everywhere else view.module.event[-1])).float()
            total = total + view.cells(data) * full[:, None]
        return refuse_overflow(total / len(self.views))

    def expected(self, data: Data, folds: object = None) -> Expected:
        """What the first view makes of each place, with all around it."""
        del folds
        module = self.module
        found = answered(
            lambda b: (module.reconstruct(b), *module.certainty(b)), data, module
        )
        return Expected(*found)


def over_usual(weight: Tensor, cells: Tensor) -> Tensor:
    """The weight of each channel, over a high quantile of the scores of training."""
    high = float(np.quantile(cells.sum(1).numpy(), QUANTILE))
    return weight / max(high, LEAST**2)


def weights_of(data: Windows) -> Tensor:
    """How much each channel counts, (channels,), in all 1.

    Channels of no more than two values, such as switches and categories, count together
    as much as one of numbers.
    """
    seen = data.x if data.visible is None else data.x.where(data.visible > 0, torch.nan)
    low, high = seen.nan_to_num(torch.inf).amin(0), seen.nan_to_num(-torch.inf).amax(0)
    few = ((seen == low) | (seen == high) | seen.isnan()).all(0)
    weight = torch.where(few, 1 / few.sum().clamp_min(1), torch.ones(len(few)))
    return weight / weight.sum()


def near_of(length: int, weight: Tensor, *, ahead: bool) -> int:
    """Rows over which errors are averaged: the more, the fewer the channels are.

    Errors of few channels are rough, and take more time to become as smooth.
    """
    share = float(weight.square().sum().sqrt())
    near = round(2 * length * share) if ahead else min(round(length * share), length)
    return max(near, 1)
