"""What a detector trains and asks by default, for little, usual or much time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from isthmus.architectures.resnet import Resnet
from isthmus.corruptions.masking import Masking
from isthmus.data.forms import name_of
from isthmus.detection.rolled import rolled
from isthmus.errors import DataError
from isthmus.estimator import Autoencoder
from isthmus.estimator.crossfit import cross_fitted
from isthmus.estimator.judge import Judge, PlainJudge, View
from isthmus.estimator.parameters import training_of
from isthmus.estimator.wishes import form_of as wished_form
from isthmus.scores.hidden import Hidden
from isthmus.scores.role import Score
from isthmus.trace import Batch
from isthmus.training import Training, progress

if TYPE_CHECKING:
    from isthmus.estimator.judge import AnyJudge
    from isthmus.estimator.tables import Read

Effort = Literal["fast", "default", "high"]

WEIGHTS = {"hidden": 1.0, "marginal": 0.7}
"""How much the answer to each question counts, where nothing is said of it."""

CUTOFF = 10.0
"""Rows rebuilt so many times worse than the middle one of their batch are left out."""


class Plan(NamedTuple):
    """How much of everything (docs/notes/anomaly.md tells what was tried)."""

    width: int
    """Of the hidden layers and the code."""
    folds: int
    steps: int
    """For 4,000 rows of 40 entries at most; see `lasts` for others."""
    rounds: int
    """Masks per cell."""

    def autoencoder(self, *, clean: bool = False) -> Autoencoder:
        """A masked one; unless rows are ``clean``, it leaves out those far off."""
        return Autoencoder(
            size=self.width,
            architecture=Resnet(width=self.width),
            corruption=Masking(rate=(0.1, 0.6), judge="hidden"),
            validation=0.0,
            training=Training(
                optimizer="adamw",
                weight_decay=0.01,
                learning_rate=6e-3,
                schedule="one_cycle",
                cutoff=None if clean else CUTOFF,
            ),
        )

    def views(self, scores: dict[str, float] | None) -> list[View]:
        """Questions, and how much their answers count; that which counts most first."""
        weights = WEIGHTS if scores is None else scores
        order = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
        return [View(self._score(name), weight) for name, weight in order]

    def _score(self, name: str) -> Score:
        kind = Score.named(name)
        return Hidden(rounds=self.rounds) if kind is Hidden else kind()


PLANS: dict[Effort, Plan] = {
    "fast": Plan(width=48, folds=3, steps=300, rounds=1),
    "default": Plan(width=192, folds=4, steps=500, rounds=6),
    "high": Plan(width=256, folds=8, steps=2000, rounds=12),
}


def form_of(detector: Any) -> str:
    """Of what it was fitted to, or is said to be: a table, images or series."""
    said = wished_form(detector)
    name = name_of(said)
    return str(getattr(detector, "form_", name))


def folds_of(detector: Any) -> int:
    """Number of replicas: one, of an autoencoder of the user's own."""
    if detector.folds is not None:
        return int(detector.folds)
    own = detector.autoencoder is not None and detector.scores is None
    return 1 if own or form_of(detector) != "table" else PLANS[detector.effort].folds


def trained(
    detector: Any, model: Autoencoder, table: Read, checkpoint: Any
) -> AnyJudge:
    """Who judges rows after a training on these, with replicas or without."""
    if detector.form_ == "series":
        return rolled(model, table, checkpoint)
    if detector.folds_ == 1:
        return PlainJudge.of(model.fit(table, checkpoint=checkpoint))
    effort, scores = detector.effort, detector.scores
    return cross_fit(
        model, table, detector.folds_, effort, scores, checkpoint=checkpoint
    )


def cross_fit(
    model: Autoencoder,
    table: Read,
    folds: int,
    effort: Effort,
    scores: dict[str, float] | None,
    *,
    checkpoint: Any = None,
) -> Judge:
    """Prepare an autoencoder for a table, and train it in so many replicas.

    Where it names no epochs, it takes as many steps as the effort has them.
    """
    data = model.prepared(table)
    if not isinstance(data, Batch):
        raise DataError("Replicas judge rows of tables. Leave out folds and scores.")
    steps, size = lasts(effort, training_of(model), *data.x.shape)
    model.set_params(training__batch_size=size)
    views = PLANS[effort].views(scores)
    with progress(len(data), verbose=model.verbose) as tell:
        plan = folds, steps
        return cross_fitted(model, data, views, plan, tell, checkpoint=checkpoint)


def lasts(
    effort: Effort, training: Training, rows: int, entries: int
) -> tuple[int, int]:
    """How many steps a replica takes, and rows of a batch.

    Where training names neither epochs nor steps, these grow with the cube root of the
    rows and, beyond 40 entries of a row, with the square root of these, up to fourfold;
    batches are of about a quarter of the rows, from 32 to 256.
    """
    if training.epochs is not None or training.steps is not None:
        epochs, size = training.plan(rows)
        return epochs * math.ceil(rows / size), size
    wide = min(max((entries / 40) ** 0.5, 1.0), 4.0)
    steps = PLANS[effort].steps * (max(rows, 32) / 4000) ** (1 / 3) * wide
    size = 2 ** round(math.log2(min(max(rows / 4, 32), 256)))
    return math.ceil(steps), training.batch_size or size
