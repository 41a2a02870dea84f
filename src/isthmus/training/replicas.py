"""The training loop of several replicas at once; the plain one is in `engine`."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NoReturn

import torch

from isthmus.errors import NonFiniteLossError
from isthmus.precision import products_in
from isthmus.threads import flushed, threads_for
from isthmus.trace import Batch, Corrupted
from isthmus.training.chance import reseed, seeded
from isthmus.training.checkpoint import Checkpoint, Position
from isthmus.training.clipping import clipped
from isthmus.training.engine import Epoch
from isthmus.training.examples import batches_per_chunk
from isthmus.training.flat import FlatParameters
from isthmus.training.guard import first_bad
from isthmus.training.optimizers import optimizer
from isthmus.training.schedules import factor
from isthmus.training.step import Gradients, Trainable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    from torch import Tensor

    from isthmus.training.check import Figures
    from isthmus.training.settings import Training
    from isthmus.training.step import PathTaken

    class Stack(Trainable, Protocol):
        """What the loop asks of a model with an axis of replicas, or without one."""

        stack: int

        @property
        def noisy(self) -> bool:
            """Whether chance has a hand in what the encoder gets to see."""

        def corrupt(self, batch: Batch) -> Corrupted:
            """What the encoder gets to see of a batch."""


ROUNDS = 40
"""Rows of the history."""


class ReplicaTrainer:
    """Trains R replicas, each on rows of its own, in one batched step.

    ``seeds`` has one number per replica, which decides the order of its rows and how
    they are corrupted: a replica learns what it would learn alone (up to rounding). A
    batch is always full: rows are gone through in a fresh order, over and over.
    ``model.stack`` is R, or 0 for a single one without the axis.

    Replicas may differ in step size and in how their rows are corrupted: ``rates`` are
    learning rates, by which a step of all is stretched for each, and ``corrupt`` holds
    what makes of a batch what its encoder gets to see.
    """

    def __init__(
        self,
        model: Stack,
        training: Training,
        seeds: Sequence[int],
        *,
        rates: Sequence[float] | None = None,
        corrupt: Sequence[Callable[[Batch], Corrupted]] | None = None,
    ) -> None:
        assert max(model.stack, 1) == len(seeds)
        self.model, self.training, self.seeds = model, training, seeds
        self.corrupt = corrupt or [model.corrupt] * len(seeds)
        self.device = next(model.parameters()).device
        self.flat = FlatParameters(model, model.stack)
        self.optimizer = optimizer(training, self.flat)
        self.stretch: Tensor | None = None
        if rates is not None and len(set(rates)) > 1:
            ratios = [rate / training.step_size for rate in rates]
            self.stretch = self.flat.spread(ratios)
        self.orders = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.waiting = [torch.empty(0, dtype=torch.long) for _ in seeds]
        self.usual_norms = [0.0] * len(seeds)
        self.history: list[Figures] = []
        self.began = 0.0
        self.gradients: Gradients | None = None
        self.path: PathTaken = {}

    def fit(
        self,
        data: Batch,
        members: Sequence[Tensor],
        steps: int,
        *,
        tell: Callable[[Epoch, float], None] = lambda _epoch, _seconds: None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Take ``steps`` steps; replica r learns from the rows ``members[r]``.

        With a ``checkpoint`` that has a position, training goes on from there.
        """
        self.began = time.perf_counter()
        rounds = min(steps, ROUNDS)
        _, size = self.training.plan(len(data))
        few_threads = threads_for(size * len(self.seeds), self._widest())
        plain = products_in("float32", self.device)
        often = {self.model.stack or size: steps}
        made = Gradients(self.model, self.flat, self.training, len(data), often)
        self.gradients = made
        self.model.train()
        try:
            with seeded(self.seeds[0], self.device), few_threads, flushed(), plain:
                if known := checkpoint and checkpoint.read(self.training):
                    self._go_on(known)
                for number in range(len(self.history) + 1, rounds + 1):
                    started = time.perf_counter()
                    first, last = ((number - i) * steps // rounds for i in (1, 0))
                    turn, totals = range(first, last), dict[str, float]()
                    batches = self._batches(data, members, size, turn)
                    for step, batch in zip(turn, batches, strict=True):
                        done = max(step / steps, self._spent())
                        found = self._step(*batch, min(done, 1.0))
                        for name, value in found.items():
                            share = value / len(turn)
                            totals[name] = totals.get(name, 0.0) + share
                    self.history.append({"epoch": number, **totals})
                    epoch = Epoch(number, rounds, self.history[-1], self.model)
                    tell(epoch, time.perf_counter() - started)
                    if checkpoint is not None:
                        over = number == rounds
                        checkpoint.write(self._position(over=over), self.training)
                    if self._spent() >= 1:
                        break
                self.path = self.gradients.path()
        finally:
            self.gradients = None
            self.flat.release()
            self.model.train(mode=False)

    def _position(self, *, over: bool) -> Position:
        """All that the next round depends on; its draws have seeds of their own."""
        tensors = {
            "weights": self.flat.snapshot(),
            "optimizer": self.optimizer.state_dict(),
            "orders": [order.get_state() for order in self.orders],
            "waiting": self.waiting,
            "norms": torch.tensor(self.usual_norms, dtype=torch.float64),
        }
        return Position({"history": self.history, "over": over}, tensors)

    def _go_on(self, position: Position) -> None:
        """Be where another trainer of the same was."""
        tensors, self.history = position.tensors, position.plain["history"]
        self.flat.restore(tensors["weights"])
        self.optimizer.load_state_dict(tensors["optimizer"])
        for order, state in zip(self.orders, tensors["orders"], strict=True):
            order.set_state(state)
        self.waiting, self.usual_norms = tensors["waiting"], tensors["norms"].tolist()

    def _batches(
        self, data: Batch, members: Sequence[Tensor], size: int, steps: range
    ) -> Iterator[tuple[Batch, Corrupted]]:
        """The next rows of each replica, and what its corruption makes of them."""
        count = len(members)
        per_chunk = batches_per_chunk(data, count * size)
        for first in range(0, len(steps), per_chunk):
            part = steps[first : first + per_chunk]
            lines = [
                self._next(r, rows, len(part) * size).view(len(part), size)
                for r, rows in enumerate(members)
            ]
            index = torch.stack(lines, 1).flatten().to(data.x.device)
            batches = data.rows(index).split([count * size] * len(part))
            for step, batch in zip(part, batches, strict=True):
                yield self._corrupted(batch.to(self.device), step)

    def _corrupted(self, batch: Batch, step: int) -> tuple[Batch, Corrupted]:
        """Rows of all replicas, and what the corruption of each makes of its own."""
        count = len(self.seeds)
        together = batch.stacked(count) if self.model.stack else batch
        if not self.model.noisy:
            reseed((self.seeds[-1] << 24) + step, self.device)  # others may draw
            return together, self.model.corrupt(together)
        corrupted = []
        parts = batch.split([len(batch) // count] * count)
        for seed, rows, corrupt in zip(self.seeds, parts, self.corrupt, strict=True):
            reseed((seed << 24) + step, self.device)
            corrupted.append(corrupt(rows))
        if not self.model.stack:
            return together, corrupted[0]
        fields = zip(*corrupted, strict=True)
        return together, Corrupted(*map(_stacked, fields))  # type: ignore[arg-type]

    def _next(self, r: int, rows: Tensor, size: int) -> Tensor:
        """The next rows of a replica, in a fresh order after every pass."""
        line, count, order = self.waiting[r], len(rows), self.orders[r]
        passes = math.ceil((size - len(line)) / count)
        if passes > 0:
            fresh = [torch.randperm(count, generator=order) for _ in range(passes)]
            line = torch.cat([line, rows[torch.cat(fresh)]])
        self.waiting[r] = line[size:]
        return line[:size]

    def _step(self, batch: Batch, corrupted: Corrupted, done: float) -> Figures:
        """Forward, backward, guard, clip, update."""
        assert self.gradients is not None
        found = self.gradients(batch, done, corrupted)
        figures, norms = found.figures(), found.norm.reshape(-1).tolist()
        if not abs(figures["loss"]) + sum(norms) < float("inf"):
            self._stop(first_bad(found.trace, found.costs.terms) or "the gradient")
        self._clip(norms)
        for group in self.optimizer.param_groups:
            rate = factor(self.training.schedule, done)
            group["lr"] = self.training.step_size * rate
        self._move()
        return figures

    def _move(self) -> None:
        """Step; a replica of another learning rate goes as many times as far."""
        if self.stretch is None:
            self.optimizer.step()
            return
        before = self.flat.values.clone()
        self.optimizer.step()
        self.flat.values.sub_(before).mul_(self.stretch).add_(before)

    def _clip(self, norms: list[float]) -> None:
        """Shorten the gradient of a replica that is far longer than usual."""
        for r, (norm, usual) in enumerate(zip(norms, self.usual_norms, strict=True)):
            kept, self.usual_norms[r] = clipped(norm, usual, self.training)
            if kept < norm:
                for parameter in self.flat.parameters:
                    assert parameter.grad is not None
                    parameter.grad.view(len(norms), -1)[r].mul_(kept / norm)

    def _spent(self) -> float:
        """Share of the allowed time that is over; 0 where time is not limited."""
        if self.training.seconds is None:
            return 0.0
        return (time.perf_counter() - self.began) / self.training.seconds

    def _widest(self) -> list[Tensor]:
        """Parameters as one replica has them."""
        return [p[0] if self.model.stack else p for p in self.flat.parameters]

    def _stop(self, what: str) -> NoReturn:
        raise NonFiniteLossError(
            f"Training stopped: {what} became infinite or not a number. Lower the "
            f"learning rate (now {self.training.step_size:g}), or look for extreme "
            f"values in the data."
        )


def _stacked(tensors: Sequence[Tensor | None]) -> Tensor | None:
    known = [tensor for tensor in tensors if tensor is not None]
    return torch.stack(known) if known else None
