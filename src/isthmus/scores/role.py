"""What a score is: one question to a fitted model about the cells of a row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from isthmus.spec import Part

if TYPE_CHECKING:
    from isthmus.layout import Layout
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch


class Expected(NamedTuple):
    """What a model makes of each entry, (B, E) each."""

    mean: Tensor
    """The expected entry: E[x|...], or the mode of levels."""
    log_actual: Tensor
    """log p of the entry as it is."""
    log_expected: Tensor
    """log p of the expected one."""


class Buffers(nn.Module):
    """What is kept of rows, by name."""

    def __init__(self, **buffers: Tensor) -> None:
        super().__init__()
        for name, value in buffers.items():
            self.register_buffer(name, value)


class ScoreModule(Buffers, ABC):
    """A fitted score: what it keeps of the rows that it was fitted on are buffers."""

    @property
    def passes(self) -> int:
        """How often a row passes the network."""
        return 1

    @abstractmethod
    def forward(self, module: AutoencoderModule, batch: Batch) -> Tensor:
        """How odd each entry is, (B, E): 0 where it is missing, without chance."""

    def expected(self, module: AutoencoderModule, batch: Batch) -> Expected:
        """What stands against the entries, by default what they are rebuilt as."""
        return Expected(module.reconstruct(batch), *module.certainty(batch))


class Score(Part):
    """One question about a row; the greater the answer, the odder."""

    folder: ClassVar[str] = "scores"
    by_error: ClassVar[bool] = False
    """Whether its answer to real entries is a squared error, of any size, and not a
    surprise in nats."""
    module: ClassVar[type[Any]]
    """Its `ScoreModule`."""

    @abstractmethod
    def fit(self, layout: Layout, batch: Batch) -> ScoreModule:
        """Keep what is needed of rows that the model has learned."""


def cells_of(layout: Layout) -> Tensor:
    """Which cell of the table each entry belongs to, (E,)."""
    if layout.cells is None:
        return torch.arange(layout.event.numel())
    return torch.tensor(layout.cells)


def means(x: Tensor, visible: Tensor | None) -> Tensor:
    """Of each column (n, E) -> (E,), over what is not missing; 0 where all is."""
    weights = torch.ones_like(x) if visible is None else visible
    total = (x.double() * weights).sum(0) / weights.double().sum(0).clamp_min(1)
    return total.to(x)


def medians(answers: Tensor, visible: Tensor | None) -> Tensor:
    """Of each column (n, E) -> (E,), over what is not missing; 0 where all is."""
    if visible is not None:
        answers = answers.masked_fill(visible == 0, torch.nan)
    return answers.nanmedian(0).values.nan_to_num(0.0)
