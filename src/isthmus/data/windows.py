"""Windows of one shape into arrays of any extent: patches of images, runs of series."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import torch

from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from isthmus.ranks import Ranks

MOST = 2**24
"""Entries of the windows that are answered at a time, unless one array has more."""

MANY = 10
"""Arrays from which some are held out whole."""


@dataclass(frozen=True)
class Windows:
    """Arrays laid end to end, and the windows that cover them.

    Along each axis windows start every ``stride`` places, and once more where the last
    one ends with the array. They are looked up as a batch asks for them: nothing is
    stored twice. An array must be at least as large as a window.
    """

    x: Tensor
    """(places of all arrays, channels): the values; zero where one is missing."""
    visible: Tensor | None
    """The same shape: 1 where a value was observed; None: all."""
    extents: tuple[tuple[int, ...], ...]
    """Places along each axis, of every array."""
    window: tuple[int, ...]
    stride: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.starts[0])

    @property
    def event(self) -> torch.Size:
        """Shape of a window: channels, and places along each axis."""
        return torch.Size([self.x.shape[1], *self.window])

    @cached_property
    def offsets(self) -> list[int]:
        """Where each array begins, and where the last one ends."""
        return [0, *accumulate(map(math.prod, self.extents))]

    @cached_property
    def counts(self) -> list[int]:
        """How many windows each array has."""
        return [math.prod(map(len, self._corners(e))) for e in self.extents]

    @cached_property
    def starts(self) -> tuple[Tensor, Tensor]:
        """First place of each window, (n,), and the array it lies in, (n,)."""
        found = [
            _places(self._corners(extent), extent) + offset
            for offset, extent in zip(self.offsets, self.extents, strict=False)
        ]
        which = torch.arange(len(found)).repeat_interleave(torch.tensor(self.counts))
        return torch.cat(found), which

    def rows(self, index: Tensor) -> Batch:
        """The windows at ``index``, as a batch (B, channels, *window)."""
        index = index.cpu()
        first, which = (part[index] for part in self.starts)
        return self.at(first, which)

    def slice(self, start: int, stop: int) -> Batch:
        """Windows from ``start`` up to ``stop``."""
        return self.rows(torch.arange(start, min(stop, len(self))))

    def at(self, first: Tensor, which: Tensor) -> Batch:
        """Windows that begin at these places of these arrays."""
        places = self._places(first, which).flatten().to(self.x.device)
        shape = len(first), *self.window, -1
        x = channels_first(self.x[places].view(shape))
        if self.visible is None:
            return Batch(x)
        return Batch(x, channels_first(self.visible[places].view(shape)))

    def blend(self, answers: Tensor) -> Tensor:
        """Answers (n, channels, *window) as one row per place, (places, channels).

        A place is the mean of the windows that cover it; they count the more, the
        farther it lies from their borders.
        """
        first, which = self.starts
        weight = self._taper
        total = answers.new_zeros(len(self.x), answers.shape[1])
        count = answers.new_zeros(len(self.x))
        rows = answers.flatten(2).movedim(1, 2)
        for k in range(0, len(rows), 256):
            places = self._places(first[k : k + 256], which[k : k + 256])
            some = rows[k : k + 256] * weight[:, None]
            total.index_add_(0, places.flatten(), some.flatten(0, 1))
            count.index_add_(0, places.flatten(), weight.repeat(len(places)))
        return total / count[:, None]

    def pieces(self) -> Iterator[Windows]:
        """The same arrays, some at a time."""
        start = 0
        while start < len(self.extents):
            stop, held = start, 0
            while stop < len(self.extents):
                held += self.counts[stop] * self.event.numel()
                if held > MOST and stop > start:
                    break
                stop += 1
            yield self.arrays(start, stop)
            start = stop

    def arrays(self, start: int, stop: int) -> Windows:
        """Arrays from ``start`` up to ``stop``, without copying."""
        here = slice(self.offsets[start], self.offsets[stop])
        visible = None if self.visible is None else self.visible[here]
        return replace(
            self, x=self.x[here], visible=visible, extents=self.extents[start:stop]
        )

    def divided(self, share: float, seed: int) -> tuple[Windows, Windows | None]:
        """Most of the arrays, and about this share of them; None if it is too little.

        Of `MANY` arrays or more some are drawn by lot; else the last places along the
        first axis of each are taken, where they hold a window.
        """
        parts: list[tuple[int, int, int]] = []  # array, and how it is parted
        if len(self.extents) >= MANY:
            lots = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(self.extents), generator=lots).tolist()
            out = set(order[: round(share * len(order))])
            for k, (rows, *_) in enumerate(self.extents):
                parts.append((k, 0 if k in out else rows, rows))
        else:
            for k, extent in enumerate(self.extents):
                held = round(share * extent[0])
                fits = held >= self.window[0] <= extent[0] - held
                parts.append((k, extent[0] - held * fits, extent[0]))
        kept = self._cut([(k, 0, middle) for k, middle, _ in parts])
        if all(middle == end for _, middle, end in parts):
            return kept, None
        return kept, self._cut(parts)

    def _cut(self, parts: list[tuple[int, int, int]]) -> Windows:
        """Arrays from one place along the first axis up to another."""
        runs, extents = [], []
        for k, start, stop in parts:
            if start == stop:
                continue
            row = math.prod(self.extents[k][1:])
            runs.append(torch.arange(start * row, stop * row) + self.offsets[k])
            extents.append((stop - start, *self.extents[k][1:]))
        places = torch.cat(runs)
        visible = None if self.visible is None else self.visible[places]
        return replace(self, x=self.x[places], visible=visible, extents=tuple(extents))

    def to(self, device: torch.device) -> Windows:
        """Bring the values to a device."""
        visible = None if self.visible is None else self.visible.to(device)
        return replace(self, x=self.x.to(device), visible=visible)

    def split(self, sizes: Sequence[int]) -> Iterator[Batch]:
        """Consecutive batches of these sizes."""
        for size, stop in zip(sizes, accumulate(sizes), strict=True):
            yield self.slice(stop - size, stop)

    def _corners(self, extent: tuple[int, ...]) -> list[Tensor]:
        """Along each axis, where windows start."""
        found = []
        for n, w, s in zip(extent, self.window, self.stride, strict=True):
            starts = torch.arange(0, n - w + 1, s)
            last = torch.tensor([n - w] * (int(starts[-1]) < n - w), dtype=torch.long)
            found.append(torch.cat([starts, last]))
        return found

    def _places(self, first: Tensor, which: Tensor) -> Tensor:
        """Places of the windows that begin here, (n, W)."""
        steps, kinds = self._steps
        return first[:, None] + steps[kinds[which]]

    @cached_property
    def _steps(self) -> tuple[Tensor, Tensor]:
        """From the first place of a window to all others, (kinds, W), kind by kind.

        And the kind of each array, (arrays,): of one kind are those of equal rows.
        """
        kinds = {extent[1:]: k for k, extent in enumerate(self.extents)}
        order = {rows: k for k, rows in enumerate(kinds)}
        inside = [torch.arange(n) for n in self.window]
        steps = [_places(inside, (0, *rows)) for rows in order]
        which = [order[extent[1:]] for extent in self.extents]
        return torch.stack(steps), torch.tensor(which)

    @property
    def _taper(self) -> Tensor:
        """Weight of each place of a window, (W,): a pyramid, nowhere 0."""
        weight = torch.ones(())
        for n in self.window:
            up = torch.arange(1, n + 1)
            side = torch.minimum(up, up.flip(0)) / ((n + 1) // 2)
            weight = weight[..., None] * side
        return weight.flatten()


class Crops:
    """Windows at places drawn afresh in each pass, as many as cover the arrays."""

    def __init__(self, windows: Windows, ranks: Ranks) -> None:
        self.windows, self.ranks = windows, ranks

    def __len__(self) -> int:
        """Return the number of windows in a pass."""
        return len(self.windows)

    def shuffled(self, order: torch.Generator, sizes: list[int]) -> Iterator[Batch]:
        """As many windows of each array as cover it, in batches of these sizes."""
        windows = self.windows
        which = windows.starts[1][torch.randperm(len(self), generator=order)]
        extents = torch.tensor(windows.extents)[which]
        room = extents - torch.tensor(windows.window) + 1
        drawn = torch.rand(room.shape, generator=order, dtype=torch.float64) * room
        first = torch.tensor(windows.offsets)[which]
        step = torch.ones_like(first)
        for axis in reversed(range(room.shape[1])):
            first = first + drawn[:, axis].long() * step
            step = step * extents[:, axis]
        for one, two in zip(first.split(sizes), which.split(sizes), strict=True):
            mine = self.ranks.mine(torch.arange(len(one)))
            yield windows.at(one[mine], two[mine])

    def lengths(self, sizes: list[int]) -> list[int]:
        """Every process has its share of a batch."""
        rank, world_size = self.ranks.rank, self.ranks.world_size
        return [len(range(rank, size, world_size)) for size in sizes]

    def some(self) -> Batch:
        """One window."""
        return self.windows.slice(0, 1)


def channels_first(x: Tensor) -> Tensor:
    """Entries (B, *places, channels) as (B, channels, *places), laid out in that order.

    A convolution takes another way, which rounds otherwise, where the stride of the
    channels is 1. Of a single channel it may be, and still count as contiguous.
    """
    return x.movedim(-1, 1).clone(memory_format=torch.contiguous_format)


def _places(axes: Sequence[Tensor], extent: Sequence[int]) -> Tensor:
    """Numbers of places of an array, counted row by row, at all of these indices."""
    found = torch.zeros(1, dtype=torch.long)
    for index, n in zip(axes, extent, strict=True):
        found = (found[:, None] * n + index).flatten()
    return found
