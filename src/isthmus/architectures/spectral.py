"""A network that says how much of each frequency of a sound is kept, and when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import torch
from pydantic import Field
from torch import Size, Tensor, nn
from torch.nn import functional

from isthmus.architectures._convolutions import Convolutional
from isthmus.architectures._pyramids import entries_past, pair, refuse_misfits
from isthmus.parts import Architecture, Sizes

if TYPE_CHECKING:
    from isthmus.trace import Context

QUIET = 1e-3
"""Power, over that of the whole example, below which all sounds alike."""


class Spectral(Architecture, Convolutional):
    """y = S^-1(g S x): S is the short-time Fourier transform, and 0 < g < 1 a gain.

    g is told for each frequency and frame of samples ([channels,] steps) by the
    networks of `Conv2d`, which see log powers over that of the example: so the answer
    to a louder sound is as much louder (compare the ratio mask of Narayanan & Wang,
    2013). Frames have ``frame`` samples, by default a power of two near a sixteenth of
    an example, and each begins in the middle of that before. S x goes past the code,
    as maps do with ``skips``: the code alone cannot be decoded. Of several parameters
    of a sample each has a gain of its own.
    """

    axes: ClassVar[int | None] = 1
    replayable: ClassVar[bool] = False  # complex numbers are not recorded

    frame: Annotated[int, Field(ge=2, multiple_of=2)] | None = None

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """A code of the whole, and one of each place."""
        return cls(channels=(4,)), cls(
            channels=(3, 4), places=True, skips=True, frame=8
        )

    def draws(self) -> bool:
        """Whether there is dropout."""
        return self.dropout > 0

    def mixes(self) -> bool:
        """Whether there is batch norm."""
        return self.norm == "batch"

    def grid(self, event: Size) -> Size:
        """Places of the code; none where it has but one."""
        return self.grid_of(self._shape(event), 2) if self.places else Size()

    def past(self, sizes: Sizes) -> int:
        """Real and imaginary parts of S x, and the maps of skips."""
        inner = self._inner(sizes)
        *shape, frames = inner.inputs
        beyond = sizes.event[-1] % (self._frame(sizes.event[-1]) // 2) > 0
        return 2 * math.prod(shape) * (frames + beyond) + entries_past(self, inner, 2)

    def build(self, sizes: Sizes) -> tuple[nn.Module, nn.Module]:
        """Encoder (x (B, *inputs), context) -> (B, H); decoder (N, D) -> (N, *params).

        What goes past the code follows H, and D.
        """
        refuse_misfits("Spectral", sizes, 1)
        down, up = pair(self, inner := self._inner(sizes), 2)
        frame = self._frame(sizes.event[-1])
        analysis = _Analysis(down, frame, inner.event[-1])
        return analysis, _Synthesis(up, frame, inner.event, sizes)

    def _frame(self, steps: int) -> int:
        return self.frame or 2 ** max(round(math.log2(steps / 16)), 2)

    def _shape(self, event: Size) -> Size:
        """Channels, frequencies and frames of an example."""
        steps, channels = event[-1], math.prod(event[:-1])
        frame = self._frame(steps)
        return Size([channels, frame // 2 + 1, 1 + steps // (frame // 2)])

    def _inner(self, sizes: Sizes) -> Sizes:
        """What the networks of the gain must know."""
        shape = self._shape(sizes.event)
        params = Size([*shape, *sizes.params[len(sizes.event) :]])
        return sizes._replace(inputs=shape, event=shape, params=params)


class _Transform(nn.Module):
    """The short-time Fourier transform and its inverse.

    Samples behind the middle of the last frame, if any, are in one more frame: by a
    single window, which falls to 0, nothing that was changed could be brought back.
    """

    window: Tensor

    def __init__(self, frame: int) -> None:
        super().__init__()
        self.frame, self.hop = frame, frame // 2
        self.register_buffer("window", torch.hann_window(frame), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, [channels,] steps) -> (B, channels, frequencies, frames, 2)."""
        flat = x.reshape(-1, x.shape[-1])
        flat = functional.pad(flat, (0, -x.shape[-1] % self.hop))
        found = torch.stft(
            flat,
            self.frame,
            self.hop,
            window=self.window.to(x),
            pad_mode="constant",
            return_complex=True,
        )
        parts: Tensor = torch.view_as_real(found).unflatten(0, (len(x), -1))
        return parts

    def inverse(self, parts: Tensor, steps: int) -> Tensor:
        """(N, channels, frequencies, frames, 2) -> (N, channels, steps)."""
        flat = torch.view_as_complex(parts.flatten(0, 1).contiguous())
        window = self.window.to(parts)
        flat = torch.istft(flat, self.frame, self.hop, window=window, length=steps)
        x: Tensor = flat.unflatten(0, (len(parts), -1))
        return x


class _Analysis(nn.Module):
    """Features, maps and S x, side by side."""

    def __init__(self, down: nn.Module, frame: int, frames: int) -> None:
        super().__init__()
        self.down, self.transform = down, _Transform(frame)
        self.frames = frames

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, H + past) of examples (B, [channels,] steps)."""
        parts: Tensor = self.transform(x)
        power = parts[..., : self.frames, :].square().sum(-1)
        mean = power.mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
        context = _by_frame(context, power.shape)
        told = self.down((power / mean + QUIET).log() / 3 + 1, context)
        return torch.cat([told, parts.flatten(1)], 1)


class _Synthesis(nn.Module):
    """Sound of a code, with what went past it behind."""

    def __init__(self, up: nn.Module, frame: int, shape: Size, sizes: Sizes) -> None:
        super().__init__()
        self.up, self.transform = up, _Transform(frame)
        self.shape, self.steps, self.params = shape, sizes.event[-1], sizes.params
        self.beyond = int(self.steps % self.transform.hop > 0)

    def forward(self, z: Tensor) -> Tensor:
        """(N, *params) of (N, D + past)."""
        *shape, frames = self.shape
        whole = (*shape, frames + self.beyond, 2)
        code, parts = z.tensor_split([z.shape[1] - math.prod(whole)], 1)
        gain = torch.sigmoid(self.up(code)).reshape(
            len(z), *self.shape, -1
        )  # one per parameter
        gain = gain.movedim(-1, 1)[..., None]
        if self.beyond:
            gain = torch.cat([gain, gain[..., -1:, :]], -2)
        kept = gain * parts.unflatten(1, (1, *whole))
        x = self.transform.inverse(kept.flatten(1, 2), self.steps)
        x = x.unflatten(1, (gain.shape[1], -1)).movedim(1, -1)
        params: Tensor = x.reshape(-1, *self.params)
        return params


def _by_frame(context: Context, shape: Size) -> Context:
    """What is visible of each frame, at all of its frequencies."""
    if context.visible is None:
        return context
    seen = context.visible.reshape(len(context.visible), -1, context.visible.shape[-1])
    frames = functional.adaptive_avg_pool1d(seen, shape[-1])
    return context._replace(visible=frames[:, :, None].expand(shape))
