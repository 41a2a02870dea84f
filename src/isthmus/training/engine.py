"""The training loop."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import torch

from isthmus.errors import NonFiniteLossError
from isthmus.precision import products_in
from isthmus.ranks import ALONE, Ranks
from isthmus.threads import flushed, threads_for
from isthmus.trace import Batch
from isthmus.training.chance import put_random_states, random_states, reseed, seeded
from isthmus.training.check import Checked, Figures, add, check
from isthmus.training.checkpoint import Checkpoint, Position
from isthmus.training.clipping import clipped
from isthmus.training.examples import Examples, InMemory, sizes_of
from isthmus.training.flat import FlatParameters
from isthmus.training.guard import first_bad
from isthmus.training.optimizers import optimizer
from isthmus.training.schedules import factor
from isthmus.training.step import Gradients, Trainable
from isthmus.training.together import add_up, refuse_mixing

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from isthmus.training.settings import Training
    from isthmus.training.step import PathTaken

COUNTED = "history", "steps", "usual_norm", "best", "stale", "over"
"""What is counted from epoch to epoch."""


class Epoch(NamedTuple):
    """What a callback is told after each epoch; one that returns True ends training."""

    number: int
    """From 1."""
    planned: int
    """Epochs that will run if nothing ends training early."""
    figures: dict[str, float]
    """The row of the history."""
    model: Trainable
    """The model itself; look, do not touch."""


class Trainer:
    """Trains one model on one set of examples.

    ``seed`` decides the order of the rows and every draw; the caller's random states
    are left alone. `history` holds a row of figures per epoch: the mean over the
    examples of each term, and the metric per entry, with those of the validation rows
    behind ``validation_``. Several processes, ``ranks``, train the same model on parts
    of every batch; their history and weights are those of one, up to rounding.
    """

    def __init__(
        self,
        model: Trainable,
        training: Training,
        seed: int,
        *,
        state: dict[str, object] | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        if ranks.world_size > 1:
            refuse_mixing(model, training)
        self.model = model
        self.training = training
        self.ranks = ranks
        self.device = next(model.parameters()).device
        self.flat = FlatParameters(model)
        ranks.broadcast(self.flat.values)
        self.optimizer = optimizer(training, self.flat)
        if state is not None:
            self.optimizer.load_state_dict(state)
        self.seed, self.own_seed = seed, seed + (ranks.rank << 32)
        self.order = torch.Generator().manual_seed(seed)
        self.history: list[Figures] = []
        self.steps = 0
        self.usual_norm = 0.0
        self.finite = self.kept = self.first = self.flat.snapshot()
        self.best, self.stale, self.over = float("inf"), 0, False
        self.batch_size = 0
        self.gradients: Gradients | None = None
        self.path: PathTaken = {}
        self.began = 0.0

    def fit(
        self,
        data: Batch | Examples,
        validation: Checked | None = None,
        *,
        tell: Callable[[Epoch, float], None] = lambda _epoch, _seconds: None,
        callbacks: tuple[Callable[[Epoch], object], ...] = (),
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Train until epochs or time are over or nothing improves; keep the best.

        ``tell`` hears of every epoch and how long it took. A loss, gradient or weight
        that is no finite number restores the last good ones: `NonFiniteLossError`.
        With a ``checkpoint`` that has a position, training goes on from there.
        """
        assert not self.steps, "its weights are released: make another trainer"
        self.began = time.perf_counter()
        data = InMemory(data, self.ranks) if isinstance(data, Batch) else data
        epochs, self.batch_size = self.training.plan(len(data))
        few_threads = threads_for(self.batch_size, self.flat.parameters)
        plain = products_in("float32", self.device)
        self.gradients = self._gradients(data, epochs)
        try:
            with seeded(self.own_seed, self.device), few_threads, flushed(), plain:
                if known := checkpoint and checkpoint.read(self.training):
                    self._go_on(known)
                while not self.over:
                    started = time.perf_counter()
                    number = len(self.history) + 1
                    figures = self._epoch(data, number - 1, epochs)
                    figures |= self._check(validation)
                    self._judge(figures)
                    epoch = Epoch(number, epochs, self.history[-1], self.model)
                    tell(epoch, time.perf_counter() - started)
                    wish = [callback(epoch) is True for callback in callbacks]
                    self.over = self._ends(epoch, wished=any(wish))
                    if checkpoint is not None:
                        checkpoint.write(self._position(), self.training)
                    if self._spent() >= 1:
                        break
                self.path = self.gradients.path(self.ranks.world_size)
            self.flat.restore(self.kept)
        except NonFiniteLossError:
            self._recover(data, self.kept, self.first)
            raise
        finally:
            self.gradients = None
            self.flat.release()
            self.model.train(mode=False)

    def _ends(self, epoch: Epoch, *, wished: bool) -> bool:
        """Whether this epoch is the last, for all processes."""
        tired = 0 < self.training.patience <= self.stale
        return any(
            self.ranks.all_gather(wished or tired or epoch.number >= epoch.planned)
        )

    def _judge(self, figures: Figures) -> None:
        """Enter an epoch in the history; keep its weights if they are the best."""
        loss = figures.get("validation_loss", figures["loss"])
        if not abs(loss) < float("inf"):
            self._stop("the validation loss", f"after step {self.steps}")
        need = self.training.min_improvement * abs(self.best)
        self.stale = (
            0 if not self.history or loss < self.best - need else self.stale + 1
        )
        if loss < self.best:
            self.best, self.kept = loss, self.finite
        self.history.append({"epoch": len(self.history) + 1, **figures})

    def _position(self) -> Position:
        """All that the next epoch depends on."""
        plain = {name: getattr(self, name) for name in COUNTED}
        tensors = {name: getattr(self, name) for name in ("finite", "kept", "first")}
        tensors["optimizer"] = self.optimizer.state_dict()
        tensors["order"] = self.order.get_state()
        tensors["random"] = self.ranks.all_gather(random_states(self.device))
        return Position(plain, tensors)

    def _go_on(self, position: Position) -> None:
        """Be where another trainer of the same was."""
        for name in COUNTED:
            setattr(self, name, position.plain[name])
        tensors = position.tensors
        self.flat.restore(tensors["finite"])
        self.finite, self.kept = tensors["finite"], tensors["kept"]
        self.first = tensors["first"]
        self.optimizer.load_state_dict(tensors["optimizer"])
        self.order.set_state(tensors["order"])
        reseed(self.seed + self.steps, self.device)
        states = tensors["random"]
        if len(states) == self.ranks.world_size:  # else there were more, or fewer
            put_random_states(states[self.ranks.rank], self.device)

    def _gradients(self, data: Examples, epochs: int) -> Gradients:
        lengths = Counter(data.lengths(sizes_of(len(data), self.batch_size)))
        planned = {length: times * epochs for length, times in lengths.items()}
        return Gradients(self.model, self.flat, self.training, len(data), planned)

    def _epoch(self, data: Examples, past: int, epochs: int) -> Figures:
        """One pass over the data in a fresh order, after ``past`` others.

        It ends early where the time is over; one step is always taken.
        """
        done, seen = past / epochs, 0
        self.model.train()
        totals: Figures = {}
        sizes = sizes_of(len(data), self.batch_size)
        steps = len(sizes) * epochs
        for size, batch in zip(sizes, data.shuffled(self.order, sizes), strict=True):
            spent = self._spent()
            if seen and spent >= 1:
                break
            share = len(batch) / size
            some = (batch if share else data.some().slice(0, 1)).to(self.device)
            figures = self._step(some, share, min(max(done, spent), 1.0))
            add(totals, figures, size)
            seen += size
            done += 1 / steps
        return {name: total / seen for name, total in totals.items()}

    def _check(self, validation: Checked | None) -> Figures:
        """What validation rows cost; the weights must be finite, and are kept."""
        if not self.flat.finite():
            self._stop("the weights", f"after step {self.steps}")
        self.finite = self.flat.snapshot()
        if validation is None:
            return {}
        checked = check(self.model, validation, self.seed + 1, self.ranks)
        return {f"validation_{name}": value for name, value in checked.items()}

    def _spent(self) -> float:
        """Share of the allowed time that is over; 0 where time is not limited."""
        if self.training.seconds is None:
            return 0.0
        spent = torch.tensor((time.perf_counter() - self.began) / self.training.seconds)
        self.ranks.broadcast(spent)
        return spent.item()

    def _step(self, batch: Batch, share: float, done: float) -> Figures:
        """Forward, backward, guard, clip, update; a ``share`` of the batch is here."""
        assert self.gradients is not None
        found = self.gradients(batch, done)
        self.steps += 1
        if self.ranks.world_size > 1:
            figures = add_up(self.ranks, self.flat, found.costs, share)
            norm = float(self.flat.norm())
        else:
            figures, norm = found.figures(), float(found.norm)
        if not abs(figures["loss"]) + norm < float("inf"):
            what = first_bad(found.trace, found.costs.terms) or (
                f"the gradient of {self.flat.first_bad_gradient() or 'the weights'}"
            )
            self._stop(what, f"in step {self.steps}")
        kept, self.usual_norm = clipped(norm, self.usual_norm, self.training)
        if kept < norm:
            self.flat.gradient.mul_(kept / norm)
        rate = self.training.step_size
        for group in self.optimizer.param_groups:
            group["lr"] = rate * factor(self.training.schedule, done)
        self.optimizer.step()
        return figures

    def _stop(self, what: str, when: str) -> NoReturn:
        """Put finite weights back and say what happened."""
        if not self.flat.finite():
            self.flat.restore(self.finite)
        rate = self.training.step_size
        raise NonFiniteLossError(
            f"Training stopped {when}: {what} became infinite or not a number. The "
            f"last finite weights were restored. Lower the learning rate (now "
            f"{rate:g}), or look for extreme values in the data."
        )

    def _recover(self, data: Examples, *earlier: list[Tensor]) -> None:
        """Go back while finite weights make a loss of the data that is not finite."""
        for weights in earlier:
            found = check(self.model, data.some(), self.seed, self.ranks)
            if abs(found["loss"]) < float("inf"):
                return
            self.flat.restore(weights)
