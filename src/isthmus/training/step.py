"""One batch through a model and back: what every training loop repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch

from isthmus.precision import precision_for, products_in
from isthmus.replay import Captured, Replayed
from isthmus.trace import Batch, Corrupted, Progress, Trace
from isthmus.training.flat import FlatParameters, Learned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from isthmus.training.settings import Training

    PathTaken = dict[str, str | int]

WORTH = 32
"""Batches of one length that are worth a recording."""

NOTHING = (None, None, None, None)
"""No corruption: the model's own is to be drawn."""


class Trainable(Learned, Protocol):
    """What the loops ask of a model."""

    def __call__(
        self,
        batch: Batch,
        progress: Progress,
        *,
        chance: bool | None = None,
        corrupted: Corrupted | None = None,
    ) -> Trace:
        """Send a batch through."""

    @property
    def replayable(self) -> bool:
        """Whether a step of it, recorded, may be replayed."""

    def mixing(self) -> list[str]:
        """Kinds of the parts in which rows of a batch make a difference to others."""

    def train(self, mode: bool = True) -> object:
        """Switch dropout and batch statistics on or off."""

    def loss(
        self, trace: Trace, cutoff: float | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Total, and its addends, without rows beyond the ``cutoff``."""

    def metric(self, trace: Trace) -> tuple[str, Tensor, Tensor | int]:
        """A figure per entry beside the loss: name, sum, divisor."""


class Costs(NamedTuple):
    """What a batch costs."""

    total: Tensor
    """The loss; of a stacked model, (R,)."""
    terms: dict[str, Tensor]
    """Its addends."""
    metric: tuple[str, Tensor, Tensor | int]
    """A figure per entry beside it: name, sum, divisor."""

    def row(self) -> Tensor | None:
        """All figures in one row, where they are not to be asked for one by one.

        Of a stacked model: means over the replicas.
        """
        if not self.total.dim() and self.total.device.type == "cpu":
            return None
        _, cost, entries = self.metric
        named = self.total, *self.terms.values(), cost / entries
        return torch.stack([value.detach().mean() for value in named])

    def figures(self, row: Tensor | None = None) -> dict[str, float]:
        """Loss, terms and metric as numbers; the only place that waits for a GPU."""
        name, cost, entries = self.metric
        row = self.row() if row is None else row
        if row is not None:
            names = "loss", *self.terms, name
            return dict(zip(names, row.tolist(), strict=True))
        named = {"loss": self.total, **self.terms, name: cost}
        figures = {name: value.item() for name, value in named.items()}
        figures[name] /= float(entries)
        return figures


class Found(NamedTuple):
    """What a batch leaves behind; the next one may overwrite it."""

    trace: Trace
    costs: Costs
    row: Tensor | None
    """Figures that are asked for at once."""
    norm: Tensor
    """Length of the gradient; of a stacked model, (R,)."""

    def figures(self) -> dict[str, float]:
        """Loss, terms and metric as numbers."""
        return self.costs.figures(self.row)


class Gradients:
    """Sends batches through a model and back; what comes back lies in ``flat``.

    Steps are recorded and replayed where ``training.replay`` allows it, all parts of
    the model can be, and batches of this length are often met: ``planned`` says how
    often.
    """

    def __init__(
        self,
        model: Trainable,
        flat: FlatParameters,
        training: Training,
        rows: int,
        planned: Mapping[int, int],
    ) -> None:
        self.model, self.flat, self.rows = model, flat, rows
        self.cutoff = training.cutoff
        _, size = training.plan(rows)
        device, wish = flat.values.device, training.precision
        self.precision = precision_for(wish, size, flat.parameters, device)
        self.products = products_in(self.precision, device)
        self.done = torch.zeros((), device=device)
        self.often = {length for length, times in planned.items() if times >= WORTH}
        self.replayed: Replayed[Found] | None = None
        often = bool(self.often)
        self.reason = by_autograd(model, training, device, often=often)
        if self.reason is None:
            state = [flat.values, flat.gradient, *flat.buffers, self.done]
            kind = Replayed if device.type == "cpu" else Captured
            self.replayed = kind(self._run, state)

    def path(self, processes: int = 1) -> PathTaken:
        """How steps are computed, by so many processes together."""
        steps = self.replayed
        why = self.reason if steps is None else steps.reason
        several = {"processes": processes} if processes > 1 else {}
        return {
            **several,
            "steps": f"by autograd: {why}" if steps is None or why else steps.told,
            "threads": torch.get_num_threads(),
            "device": self.flat.values.device.type,
            "precision": self.precision,
        }

    def __call__(
        self, batch: Batch, done: float, corrupted: Sequence[Tensor | None] = NOTHING
    ) -> Found:
        """Forward and backward, when the share ``done`` of training lies behind."""
        self.done.fill_(done)
        if self.replayed is None or len(batch) not in self.often:
            return self._run(batch.x, batch.visible, *corrupted)
        return self.replayed(batch.x, batch.visible, *corrupted)

    def _run(
        self, x: Tensor, visible: Tensor | None, *corrupted: Tensor | None
    ) -> Found:
        seen, *told = corrupted
        given = None if seen is None else Corrupted(seen, *told)
        with self.products:
            trace = self.model(
                Batch(x, visible),
                Progress(self.done, self.rows),
                chance=True,
                corrupted=given,
            )
        total, terms = self.model.loss(trace, self.cutoff)
        self.flat.learn(total.sum() if total.dim() else total)
        costs = Costs(total, terms, self.model.metric(trace))
        return Found(trace, costs, costs.row(), self.flat.norm())


def by_autograd(
    model: Trainable, training: Training, device: torch.device, *, often: bool
) -> str | None:
    """Why steps are not to be recorded; None: they are."""
    everywhere = training.replay == "everywhere"
    reasons = {
        "replay is switched off": not training.replay,
        "the model is not of known parts alone": not model.replayable,
        "few batches have the same length": not often,
        "not on a processor": device.type != "cpu" and not everywhere,
        "neither on a processor nor on CUDA": device.type not in {"cpu", "cuda"},
    }
    return next((why for why, holds in reasons.items() if holds), None)
