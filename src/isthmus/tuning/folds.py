"""One recipe on several parts of the rows at once: a replica for each."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

from isthmus.errors import IsthmusWarning
from isthmus.estimator.crossfit import replicas, train_replicas
from isthmus.estimator.parameters import training_of
from isthmus.estimator.preparation import split
from isthmus.model import AutoencoderModule, unstack
from isthmus.training import Trainer, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from isthmus.estimator.tables import Read
    from isthmus.training import Epoch

    Split = tuple[NDArray[np.int64], NDArray[np.int64]]

HELD_OUT = 0.25
"""Share of the rows that are not learned where there is one split alone."""


def folds_for(rows: int) -> int:
    """Few rows are held out in three parts, in turn; of many, a quarter is enough."""
    return 3 if rows < 2000 else 1


def splits_of(rows: int, folds: int, seed: int, classes: Any = None) -> list[Split]:
    """Rows to learn and rows to judge by: each once, or a quarter, of 1 or 2 folds.

    The shares of ``classes`` are the same in all of them, nearly.
    """
    parts: Any
    if folds <= 2:
        kind = ShuffleSplit if classes is None else StratifiedShuffleSplit
        parts = kind(folds, test_size=HELD_OUT, random_state=seed)
    else:
        kind = KFold if classes is None else StratifiedKFold
        parts = kind(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of fewer than ``folds``
        found = list(parts.split(np.zeros(rows), classes))
    return [(np.sort(train), np.sort(test)) for train, test in found]


def fitted(model: Any, read: Read, splits: list[Split]) -> list[AutoencoderModule]:
    """A module for each split, trained on its first rows as `Autoencoder.fit` does it.

    ``model.data_`` holds the entries of all rows, by which they are scaled.
    """
    modules = []
    for train, _ in splits:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IsthmusWarning)
            model.data_ = data = model.prepared(read)
        rows: Any = split(model, data.rows(torch.from_numpy(train)), None)
        module, seed = model.module_, model._seed  # noqa: SLF001 - prepared above
        Trainer(module, training_of(model), seed).fit(*rows)
        modules.append(module)
    return modules


def trained(
    models: Sequence[Any],
    read: Read,
    splits: list[Split],
    hear: Callable[[int, AutoencoderModule, int], None],
    share: float,
) -> list[list[AutoencoderModule]]:
    """Of models of one shape, a module for each split; in one step if they can be.

    They may differ in learning rate and corruption. ``hear`` is told of the module of
    the first split of each after every round, with the number of the round. Training
    takes a ``share`` of its usual steps. ``model.data_`` holds the entries of all rows,
    by which they are scaled.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsthmusWarning)
        for model in models:
            model.data_ = model.prepared(read)
    model, training = models[0], training_of(models[0])
    fewest = min(len(train) for train, _ in splits)
    epochs, size = training.plan(fewest)
    model.set_params(training__batch_size=size)
    sets = [replicas(model, len(splits)) for model in models]
    modules = [module for some in sets for module in some]
    members = [torch.from_numpy(train) for train, _ in splits] * len(models)

    def tell(epoch: Epoch, _: float) -> None:
        now = epoch.model
        assert isinstance(now, AutoencoderModule)
        if now.stack:
            unstack(now, modules)
        for k, some in enumerate(sets):
            if now.stack or now is some[0]:
                some[0].eval()
                hear(k, some[0], epoch.number)
        now.train()

    steps = math.ceil(share * epochs * math.ceil(fewest / size))
    task = placed(model.data_, model._device), members, steps  # noqa: SLF001
    rates = [training_of(model).step_size for model in models]
    train_replicas(model, modules, task, tell, rates=rates)
    return sets
