"""Recurrent encoder and decoder of series."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from isthmus.architectures._layers import Linear
from isthmus.architectures._pyramids import refuse_misfits
from isthmus.parts import Architecture, Share, Sizes

if TYPE_CHECKING:
    from isthmus.trace import Context

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(Architecture):
    """A recurrent network over the steps of a series, ([channels,] steps).

    The encoder reads the steps forward, and what it remembers at the last becomes the
    features; the decoder is told the code at every step, and writes the steps from the
    last to the first (Cho et al., 2014; Srivastava et al., 2015). ``cell`` is "gru"
    (Cho et al., 2014) or "lstm" (Hochreiter & Schmidhuber, 1997).
    """

    axes: ClassVar[int | None] = 1
    replayable: ClassVar[bool] = False  # torch's cells change shapes in place

    width: PositiveInt = 64
    layers: PositiveInt = 1
    cell: Literal["gru", "lstm"] = "gru"
    dropout: Share = 0.0

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """One layer, and two."""
        return cls(width=5), cls(width=4, layers=2, cell="lstm", dropout=0.1)

    def draws(self) -> bool:
        """Whether there is dropout, which stands between layers."""
        return self.dropout > 0 and self.layers > 1

    def build(self, sizes: Sizes) -> tuple[nn.Module, nn.Module]:
        """Encoder (x, context) -> (B, H); decoder (N, D) -> (N, *params)."""
        refuse_misfits("Recurrent", sizes, 1)
        return _Reader(self, sizes), _Writer(self, sizes)

    def cells(self, inputs: int) -> nn.Module:
        """The layers, on (B, steps, inputs)."""
        dropout = self.dropout if self.layers > 1 else 0.0
        made: nn.Module = CELLS[self.cell](
            inputs, self.width, self.layers, batch_first=True, dropout=dropout
        )
        return made


class _Reader(nn.Module):
    def __init__(self, spec: Recurrent, sizes: Sizes) -> None:
        super().__init__()
        self.clues = sizes.clues
        steps = sizes.event[-1]
        inputs = sizes.inputs.numel() // steps
        seen = sizes.event.numel() // steps if "visible" in sizes.clues else 0
        self.cells = spec.cells(inputs + seen + ("level" in sizes.clues))
        self.head = Linear(spec.width, sizes.features)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        told = [_by_step(x)]
        if "visible" in self.clues:
            assert context.visible is not None  # the model fills it in
            told.append(_by_step(context.visible.to(x)))
        if "level" in self.clues:
            assert context.level is not None  # the model fills it in
            level = context.level.to(x)[:, None, None]
            told.append(level.expand(-1, told[0].shape[1], 1))
        out, _ = self.cells(torch.cat(told, 2))
        features: Tensor = self.head(out[:, -1])
        return features


class _Writer(nn.Module):
    def __init__(self, spec: Recurrent, sizes: Sizes) -> None:
        super().__init__()
        self.steps, self.params = sizes.event[-1], tuple(sizes.params)
        self.event = len(sizes.event)
        self.cells = spec.cells(sizes.code)
        self.head = Linear(spec.width, sizes.params.numel() // self.steps)

    def forward(self, z: Tensor) -> Tensor:
        out, _ = self.cells(z.unsqueeze(1).expand(-1, self.steps, -1))
        last_first: Tensor = self.head(out)
        # parameters stand as ([channels,] steps[, several per entry])
        channels, more = self.params[: self.event - 1], self.params[self.event :]
        first = last_first.flip(1).reshape(-1, self.steps, *channels, *more)
        return first.movedim(1, self.event)


def _by_step(x: Tensor) -> Tensor:
    """(B, [channels,] steps) as (B, steps, channels)."""
    return x.unsqueeze(2) if x.dim() == 2 else x.transpose(1, 2)
