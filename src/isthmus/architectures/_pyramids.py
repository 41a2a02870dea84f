"""Encoder and decoder that halve, and double again, one axis or two."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Size, Tensor, nn
from torch.nn import functional

from isthmus.architectures._convolutions import Convolutional, Layers
from isthmus.architectures._layers import ACTIVATIONS, Linear
from isthmus.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isthmus.parts import Sizes
    from isthmus.trace import Context


def pair(spec: Convolutional, sizes: Sizes, axes: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder over so many ``axes``."""
    refuse_misfits(type(spec).__name__, sizes, axes)
    make = Layers(spec, axes)
    return Down(make, sizes), Up(make, sizes)


def entries_past(spec: Convolutional, sizes: Sizes, axes: int) -> int:
    """Entries of the maps that go past the code."""
    return sum(map(math.prod, _maps(sizes, spec, axes)))


class Down(nn.Module):
    """Halves the axes level by level, then tells the features.

    With ``places``, of each place of the grid that is left, side by side; else of all
    together. With ``skips``, the maps of all levels but the last follow them.
    """

    def __init__(self, make: Layers, sizes: Sizes) -> None:
        super().__init__()
        spec, self.axes, self.clues = make.spec, make.axes, sizes.clues
        extent = sizes.inputs[-make.axes :]
        channels, grid = spec.widths(extent), spec.grid_of(extent, make.axes)
        self.margins = _margins(extent, len(channels))
        first = _channels(sizes.inputs, make.axes) + _told(sizes, make.axes)
        self.levels = nn.ModuleList(
            nn.Sequential(make.convolution(a, b, 2, 2), *make.residual(b))
            for a, b in pairwise([first, *channels])
        )
        last, places = channels[-1], grid.numel()
        self.head: nn.Module = (
            make.convolution(last, sizes.features // places)
            if spec.places
            else Linear(last * places, sizes.features, "linear")
        )
        self.places, self.skips = spec.places, spec.skips

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Features (B, H) of examples (B, [channels,] *extent)."""
        h, past = functional.pad(self._read(x, context), self.margins), []
        h = _in_order(h)
        for level in self.levels:
            past.append(h)
            h = level(h)
        # the features of a place lie side by side
        h = self.head(h).movedim(1, -1) if self.places else self.head(h.flatten(1))
        told = [h, *past] if self.skips else [h]
        return torch.cat([part.flatten(1) for part in told], 1)

    def _read(self, x: Tensor, context: Context) -> Tensor:
        """Channels of x, and of what is told beside it."""
        found = [_with_channels(x, self.axes)]
        if "visible" in self.clues:
            assert context.visible is not None  # the model fills it in
            found.append(_with_channels(context.visible.to(x), self.axes))
        if "level" in self.clues:
            assert context.level is not None  # the model fills it in
            level = context.level.to(x).reshape(-1, *[1] * (self.axes + 1))
            found.append(level.expand(-1, 1, *found[0].shape[2:]))
        return torch.cat(found, 1) if len(found) > 1 else found[0]


class Up(nn.Module):
    """The mirror of `Down`: a code, or one per place, becomes an example again."""

    def __init__(self, make: Layers, sizes: Sizes) -> None:
        super().__init__()
        spec, self.params, self.code = make.spec, sizes.params, sizes.code
        self.extent = sizes.event[-make.axes :]
        channels = spec.widths(self.extent)
        self.grid, self.first = spec.grid_of(self.extent, make.axes), channels[-1]
        places = self.grid.numel()
        self.head: nn.Module = (
            make.convolution(sizes.code // places, self.first)
            if spec.places
            else Linear(sizes.code, self.first * places)
        )
        self.places = spec.places
        outputs = sizes.params.numel() // self.extent.numel()
        widths = [*channels[::-1], max(channels[0] // 2, outputs)]
        self.levels = nn.ModuleList(
            nn.Sequential(*make.residual(a), make.wider(a, b))
            for a, b in pairwise(widths)
        )
        self.maps = _maps(sizes, spec, make.axes)
        past = [shape[0] for shape in self.maps]
        self.joints = nn.ModuleList(
            make.convolution(*pair)
            for pair in zip(past[:0:-1], widths[1:], strict=False)
        )
        last = make.convolution(widths[-1], outputs, spec.kernel)
        self.tail = nn.Sequential(ACTIVATIONS[spec.activation](), last)
        self.around = make.around(past[0], outputs, last) if past else None

    def forward(self, z: Tensor) -> Tensor:
        """Parameters (N, *params) of codes (N, D), with what went past them behind."""
        past = []
        if self.maps:
            z, *flat = z.split([self.code, *map(math.prod, self.maps)], 1)
            past = [f.unflatten(1, m) for f, m in zip(flat, self.maps, strict=True)]
        if self.places:
            h = self.head(z.unflatten(1, (*self.grid, -1)).movedim(-1, 1))
        else:
            h = self.head(z).unflatten(1, (self.first, *self.grid))
        h = _in_order(h)
        for i, level in enumerate(self.levels):
            h = level(h)
            if i < len(self.joints):
                h = h + self.joints[i](past[-1 - i])
        h = self.tail(h)
        if self.around is not None:
            h = h + self.around(past[0])
        for axis, n in enumerate(self.extent, 2):
            h = h.narrow(axis, 0, n)
        return self._shaped(h)

    def _shaped(self, h: Tensor) -> Tensor:
        """Channels (N, outputs, *extent) as parameters: several per entry come last."""
        if self.params[-len(self.extent) :] != self.extent:
            h = h.unflatten(1, (-1, self.params[-1])).movedim(2, -1)
        return h.reshape(-1, *self.params)


def _maps(sizes: Sizes, spec: Convolutional, axes: int) -> list[tuple[int, ...]]:
    """Shapes of the maps that go past the code, the first level first."""
    if not spec.skips:
        return []
    extent = sizes.inputs[-axes:]
    channels = spec.widths(extent)
    first = _channels(sizes.inputs, axes) + _told(sizes, axes)
    whole = [n + (-n % 2 ** len(channels)) for n in extent]
    return [
        (width, *(n // 2**level for n in whole))
        for level, width in enumerate([first, *channels[:-1]])
    ]


def refuse_misfits(name: str, sizes: Sizes, axes: int) -> None:
    """Refuse examples that have not so many axes, besides one of channels."""
    event, inputs = tuple(sizes.event), tuple(sizes.inputs)
    if len(event) not in {axes, axes + 1}:
        extent = {1: "steps", 2: "height, width"}[axes]
        raise RecipeError(
            f"{name}: an example must have the shape ([channels,] {extent}). Got "
            f"{event}."
        )
    if inputs[-axes:] != event[-axes:]:
        raise RecipeError(
            f"{name}: an example has the shape {event}, and the likelihood shows it as "
            f"{inputs}. Use a likelihood of numbers, such as SquaredError."
        )


def _in_order(h: Tensor) -> Tensor:
    """The channels of a pixel side by side: convolutions are faster so."""
    return h.contiguous(memory_format=torch.channels_last) if h.dim() == 4 else h


def _channels(shape: Size, axes: int) -> int:
    return math.prod(shape[:-axes])


def _told(sizes: Sizes, axes: int) -> int:
    """Channels of what the encoder is told."""
    seen = _channels(sizes.event, axes) if "visible" in sizes.clues else 0
    return seen + ("level" in sizes.clues)


def _with_channels(x: Tensor, axes: int) -> Tensor:
    return x if x.dim() == axes + 2 else x.unsqueeze(1)


def _margins(extent: Sequence[int], halvings: int) -> list[int]:
    """What is lacking at the end of each axis, the last axis first, as torch
    wants it.
    """
    lacking = [-n % 2**halvings for n in extent]
    return [n for lack in reversed(lacking) for n in (0, lack)]
