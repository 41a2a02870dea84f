"""How long, how fast and by which rule to descend."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field as Bounds
from pydantic import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from isthmus.spec import Spec
from isthmus.training.schedules import Schedule


class Training(Spec):
    """Mini-batch gradient descent.

    ``epochs`` passes over the data in batches of ``batch_size`` rows, or without them
    as many whole passes as make ``steps`` steps; None means "as the data suggests" (see
    `plan`). ``learning_rate`` None is 1e-3. In an estimator,
    None means "as the estimator says" first. The loss of a
    batch is the mean over its rows of the sum over their entries, in nats: a step is
    W <- W - learning_rate dL/dW for ``sgd``. The learning rate follows ``schedule``
    over the planned steps.

    A gradient longer than ``clip_ratio`` times the running mean of its own length is
    shortened to that mean (0: never), and one longer than ``clip_norm`` to that.

    After ``patience`` epochs in which the loss (on validation rows, where there are
    any) did not fall by ``min_improvement`` of its best value, training ends (0: never
    early). The best weights are kept in any case.

    Rows whose distortion per judged entry is more than ``cutoff`` times the median of
    their batch are left out of its gradient: most are errors or anomalies, and what is
    merely rare stays in (compare least trimmed squares; Rousseeuw, 1984).

    Steps of a network with parts of the house are recorded once and then replayed, with
    the same bits and in a fraction of the time; ``replay`` False runs each by autograd.
    So does a GPU, unless it is ``"everywhere"``: then a step is captured there as a
    CUDA graph, whose numbers are those of the plain step up to rounding.

    Matrix products, forward and back, are computed in ``precision``: ``"float32"``;
    ``"bfloat16"``, with 8 bits in place of 24 and the same range; or ``"auto"``, in
    bfloat16 where the device has units for it and a layer is large. Weights,
    likelihood, loss and optimiser stay in float32; so do answers of the fitted model.

    After ``seconds``, training ends within a step. Schedule and warm-ups follow the
    share of the steps or of the time that is over, whichever is larger, so that both
    come to their end. How many steps fit in is chance: a time limit gives up
    repeatability.
    """

    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    batch_size: PositiveInt | None = None
    learning_rate: PositiveFloat | None = None
    optimizer: Literal[
        "sgd",
        "adam",
        "adamw",
        "nadam",
        "radam",
        "adamax",
        "rmsprop",
        "adagrad",
        "adadelta",
        "rprop",
    ] = "adam"
    momentum: NonNegativeFloat = 0.0
    weight_decay: NonNegativeFloat = 0.0
    schedule: Schedule = "cosine"
    clip_ratio: NonNegativeFloat = 10.0
    clip_norm: PositiveFloat | None = None
    patience: NonNegativeInt = 20
    min_improvement: NonNegativeFloat = 1e-3
    cutoff: Annotated[float, Bounds(ge=1)] | None = None
    seconds: PositiveFloat | None = None
    replay: Literal[True, False, "everywhere"] = True
    precision: Literal["float32", "bfloat16", "auto"] = "float32"

    @property
    def step_size(self) -> float:
        """``learning_rate``, or its default."""
        return self.learning_rate or 1e-3

    def plan(self, rows: int) -> tuple[int, int]:
        """Epochs and batch size for this many rows.

        By default the power of two next to rows / 32, from 16 to 256, or that next to
        rows / 512, up to 1,024, if it is larger; and as many epochs as make about 4,000
        steps, from 20 (of more than a million rows, from 20 million rows in all) to
        500.
        """
        few, many = (2 ** round(math.log2(rows / share)) for share in (32, 512))
        size = self.batch_size or max(min(max(few, 16), 256), min(many, 1024))
        steps = math.ceil(rows / size)
        fewest = max(min(20, 20_000_000 // rows), 1)
        usual = min(max(math.ceil(4000 / steps), fewest), 500)
        if self.steps is not None:
            usual = math.ceil(self.steps / steps)
        return self.epochs or usual, size

    @model_validator(mode="after")
    def _decay_has_effect(self) -> Self:
        if self.weight_decay and self.optimizer == "rprop":
            message = "rprop knows no weight_decay. Use the term WeightL2 instead."
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _momentum_has_effect(self) -> Self:
        if self.momentum and self.optimizer not in {"sgd", "rmsprop"}:
            message = (
                f"momentum={self.momentum} has no effect with optimizer="
                f"{self.optimizer!r}. Use optimizer='sgd', or leave momentum=0."
            )
            raise ValueError(message)
        return self
