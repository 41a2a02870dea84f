"""Trains replicas of an autoencoder that each leave out a part of the rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isthmus.data.blocks import in_blocks
from isthmus.errors import warn
from isthmus.estimator.judge import Judge, View, block_of, fold_of
from isthmus.estimator.parameters import training_of
from isthmus.estimator.preparation import checkpoint_of
from isthmus.model import AutoencoderModule, can_stack, stacked, unstack
from isthmus.ranks import together
from isthmus.scores.excess import Excess
from isthmus.scores.yardstick import Yardstick
from isthmus.training import ReplicaTrainer, placed, seeded

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from isthmus.scores.role import Score, ScoreModule
    from isthmus.trace import Batch


MOST = 20_000
"""Rows, at most, from which it is learned what errors are typical."""


def cross_fitted(
    estimator: Any,
    data: Batch,
    views: list[View],
    plan: tuple[int, int],
    tell: Any,
    *,
    checkpoint: str | Path | None = None,
) -> Judge:
    """Train replicas of a prepared estimator, and fit the views on them.

    ``plan`` says how many, and how many steps each takes on the rows outside its fold.
    """
    place = fold_of(data, plan[0])
    modules, members = left_out(
        estimator, data, place, plan, tell=tell, checkpoint=checkpoint
    )
    heads = [
        [view.score.fit(modules[0].layout, data.rows(rows)) for rows in members]
        for view in views
    ]
    for head in (head for some in heads for head in some):
        head.to(estimator._device)  # noqa: SLF001 - prepared by the caller
    picked = torch.arange(0, len(data), math.ceil(len(data) / MOST))
    some_rows, their_place = data.rows(picked), place[picked.numpy()]
    yardsticks = [
        _yardstick(view.score, some, modules, some_rows, their_place)
        for view, some in zip(views, heads, strict=True)
    ]
    scores, weights = [list(column) for column in zip(*views, strict=True)]
    judge = Judge(modules, scores, heads, yardsticks, weights)
    judge = judge.to(estimator._device).eval()  # noqa: SLF001
    cells = judge.cells(some_rows, their_place)
    excess = Excess.learned(cells, some_rows.visible, max(weights))
    judge.excess = excess.to(estimator._device)  # noqa: SLF001
    return judge


def left_out(
    estimator: Any,
    data: Batch,
    place: NDArray[np.int64],
    plan: tuple[int, int],
    *,
    tell: Any,
    checkpoint: str | Path | None = None,
) -> tuple[list[AutoencoderModule], list[Tensor]]:
    """Replicas of a prepared estimator, and the rows that each has learned.

    ``place``, (n,), is the fold of each row: replica k leaves out those of fold k.
    ``plan`` says how many there are, and how many steps each takes.
    """
    folds, steps = plan
    members = [_others(place, k) for k in range(folds)]
    modules = replicas(estimator, folds)
    rows = placed(data, estimator._device)  # noqa: SLF001 - prepared before
    train_replicas(estimator, modules, (rows, members, steps), tell, checkpoint)
    estimator.module_ = modules[0]
    return modules, members


def train_replicas(
    estimator: Any,
    modules: list[AutoencoderModule],
    task: tuple[Batch, list[Tensor], int],
    tell: Any,
    checkpoint: str | Path | None = None,
    *,
    rates: list[float] | None = None,
) -> None:
    """All in one batched step, where that makes no difference; else in turn.

    Modules may differ in corruption. With ``rates`` they are as many sets of one size,
    each of its learning rate, and all sets have the same seeds.
    """
    data, members, steps = task
    if together().world_size > 1 and together().first:
        warn("Each process trains all replicas: several are no faster than one.")
    training = training_of(estimator)
    rates = [training.step_size] if rates is None else rates
    alike = len(modules) // len(rates)
    seeds = [estimator._seed + k % alike for k in range(len(modules))]  # noqa: SLF001
    groups, stackable = [[k] for k in range(len(modules))], can_stack(estimator.recipe_)
    if training.optimizer == "rprop":  # its steps do not grow with the rate
        stackable = stackable and len(set(rates)) == 1
    if stackable:
        groups = [list(range(len(modules)))]
    for group in groups:
        some = [modules[k] for k in group]
        model = stacked(some) if stackable else some[0]
        own = [rates[k // alike] for k in group]
        if own[0] != training.step_size:
            training = training.changed(learning_rate=own[0])
        trainer = ReplicaTrainer(
            model,
            training,
            [seeds[k] for k in group],
            rates=own,
            corrupt=[module.corrupt for module in some],
        )
        kept = None
        if checkpoint is not None:
            path = checkpoint if stackable else f"{checkpoint}.{group[0]}"
            kept = checkpoint_of(estimator, data, path, [steps, *group])
        some_rows = [members[k] for k in group]
        trainer.fit(data, some_rows, steps, tell=tell, checkpoint=kept)
        if stackable:
            unstack(model, some)
        estimator.history_, estimator.path_ = trainer.history, trainer.path
    for module in modules:
        module.eval()


def _yardstick(
    score: Score,
    heads: list[ScoreModule],
    modules: list[AutoencoderModule],
    data: Batch,
    place: NDArray[np.int64],
) -> Yardstick:
    """From the answers to each row of a replica that has not learned it."""
    answers = torch.zeros_like(data.x)
    for k, (head, module) in enumerate(zip(heads, modules, strict=True)):
        index = torch.from_numpy(np.flatnonzero(place == k))
        if len(index):
            (answers[index],) = in_blocks(
                lambda block, h=head, m=module: (h(m, block),),  # type: ignore[misc]
                data.rows(index),
                module,
                block_of([head]),
            )
    seen = data.x if data.visible is None else data.x.where(data.visible > 0, torch.nan)
    still = (seen == seen.nanmedian(0).values).logical_or(seen.isnan()).all(0)
    return Yardstick.learned(score, modules[0].layout, answers, data.visible, still)


def _others(place: NDArray[np.int64], k: int) -> Tensor:
    """Rows outside fold k; all rows, if those would be less than half of them."""
    rows = np.flatnonzero(place != k)
    if 2 * len(rows) < len(place):
        rows = np.arange(len(place))
    return torch.from_numpy(rows)


def replicas(estimator: Any, folds: int) -> list[AutoencoderModule]:
    """Untrained modules, each with first weights of its own."""
    first: AutoencoderModule = estimator.module_
    device = next(first.parameters()).device
    made = []
    for k in range(folds):
        with seeded(estimator._seed + k, torch.device("cpu")):  # noqa: SLF001
            module = AutoencoderModule(
                first.recipe, first.layout, missing=first.missing
            )
        made.append(module.to(device))
    return made
