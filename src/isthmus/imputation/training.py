"""What an imputer trains, and for how long."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from isthmus.architectures.resnet import Resnet
from isthmus.corruptions.masking import Masking
from isthmus.data.table import Table
from isthmus.estimator import Autoencoder
from isthmus.estimator.crossfit import left_out
from isthmus.estimator.judge import fold_of
from isthmus.estimator.parameters import training_of
from isthmus.imputation.cells import places, widened
from isthmus.imputation.domains import domains
from isthmus.imputation.donors import Donors
from isthmus.imputation.filler import Filler
from isthmus.imputation.held_out import held_out
from isthmus.imputation.linear import FactorAnalysis
from isthmus.imputation.pair import Pair, shares
from isthmus.trace import Batch
from isthmus.training import Training, progress

if TYPE_CHECKING:
    from isthmus.estimator.tables import Read

WIDTH = 128
"""Of the hidden layers and the code."""

STEPS = 600
"""That a replica takes on 2,000 rows; more rows, as their cube root."""

MOST = 5000
"""Rows, at most, of which cells are held out."""


def autoencoder() -> Autoencoder:
    """The masked one that is trained by default."""
    return Autoencoder(
        size=WIDTH,
        architecture=Resnet(width=WIDTH),
        validation=0.0,
        training=Training(
            optimizer="adamw",
            weight_decay=0.01,
            learning_rate=6e-3,
            schedule="one_cycle",
        ),
    )


def masking() -> Masking:
    """What hides cells in training, where nothing is said of it."""
    return Masking(rate=(0.1, 0.6), judge="hidden")


def trained(model: Autoencoder, table: Read, folds: int, checkpoint: Any) -> Filler:
    """Train replicas on all rows but those of a fold, and see how wrong they are."""
    data = model.prepared(table)
    converter = model._converter  # noqa: SLF001 - prepared here
    assert isinstance(data, Batch), "an imputer takes rows of a table"
    assert isinstance(converter, Table)
    where = places(model.module_)
    steps, size = lasts(training_of(model), len(data))
    model.set_params(training__batch_size=size)
    place = fold_of(data, folds)
    with progress(len(data), verbose=model.verbose) as tell:
        plan = folds, steps
        networks, members = left_out(
            model, data, place, plan, tell=tell, checkpoint=checkpoint
        )
    known = torch.ones_like(data.x) if data.visible is None else data.visible
    seen = widened(known, where)
    x = model.module_.likelihood.view(data.x) * seen
    device = model._device  # noqa: SLF001
    pairs = [
        Pair(network, FactorAnalysis.learned(x[rows], seen[rows])).to(device)
        for network, rows in zip(networks, members, strict=True)
    ]
    picked = torch.arange(0, len(data), math.ceil(len(data) / MOST))
    some, their_place = data.rows(picked), place[picked.numpy()]
    guesses = held_out(pairs, their_place, some, where)
    share = shares(pairs[0], some, guesses)
    numbers = domains(converter, table.rows)
    first = {p.cell: p for p in reversed(where) if p.cell in numbers}
    donors = Donors.learned(some, guesses, share, [first[c] for c in sorted(first)])
    return Filler(pairs, share, donors, numbers).to(device).eval()


def lasts(training: Training, rows: int) -> tuple[int, int]:
    """How many steps a replica takes, and rows of a batch."""
    if training.epochs is not None or training.steps is not None:
        epochs, size = training.plan(rows)
        return epochs * math.ceil(rows / size), size
    steps = STEPS * (max(rows, 32) / 2000) ** (1 / 3)
    size = 2 ** round(math.log2(min(max(rows / 8, 32), 256)))
    return math.ceil(steps), training.batch_size or size
