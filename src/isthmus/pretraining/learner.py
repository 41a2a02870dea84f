"""From rows, of which some have a label, to networks that answer for all."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from sklearn.base import clone
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from isthmus.architectures.mlp import Mlp
from isthmus.corruptions.swap_noise import SwapNoise
from isthmus.data.windows import Windows
from isthmus.errors import DataError
from isthmus.estimator import Autoencoder
from isthmus.estimator.inner import as_wished
from isthmus.estimator.reading import form_among, read_rows
from isthmus.pretraining.columns import fitting
from isthmus.pretraining.heads import Goal, Head, heads, heads_on, mean
from isthmus.pretraining.labels import folds_of
from isthmus.pretraining.network import Network, answers, features
from isthmus.pretraining.teacher import Judged, spread_labels
from isthmus.pretraining.tuning import Course, Pace, Tuner
from isthmus.trace import Batch
from isthmus.training import seeded

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.pretraining.labels import Labels

NETWORKS: dict[str, dict[str, Any]] = {
    "table": {
        "architecture": Mlp(hidden=(256, 128), residual=True, norm="layer"),
        "corruption": SwapNoise(rate=0.15),
    },
    "images": {},
    "series": {},
}
"""What is pre-trained, where nothing is said of it."""

FOLDS = 5
"""Networks, each of which leaves out a fold."""

MANY = 5000
"""Labelled rows from which one network is trained, that leaves out a tenth."""

PASSES = 8
"""Passes over rows to which labels were spread."""

PATIENCE = 20
"""Looks, a fifth of a pass each, without a lower loss, after which that ends."""

SOME = 10_000
"""Rows by which features are standardised."""


class Learned(NamedTuple):
    """What fitting came to."""

    autoencoder: Autoencoder
    networks: list[Network]
    center: float
    scale: float
    """Of numbers that are predicted; 0 and 1 for classes."""
    spread: bool = False
    """Whether labels were spread to rows without one."""
    left_out: float | None = None
    """Accuracy, or R2, of labels on networks that had left them out."""

    def answers(self, X: Any) -> Tensor:
        """Probabilities (n, classes), or numbers (n, 1): the mean of the networks."""
        found = answers(self.networks, entries(self.autoencoder, X))
        if found[0].shape[1] > 1:
            return _average([f.double().softmax(1) for f in found])
        return _average([f.double() for f in found]) * self.scale + self.center


def _average(parts: list[Tensor]) -> Tensor:
    """Mean of tensors, added in order: `Tensor.mean` rounds by the number of rows."""
    return reduce(torch.add, parts) / len(parts)


def template(task: Any, form: str) -> Autoencoder:
    """The autoencoder that is pre-trained."""
    made = task.autoencoder
    made = Autoencoder(**NETWORKS[form]) if made is None else clone(made)
    return as_wished(task, made)


def pretrained(task: Any, X: Any, checkpoint: Any = None) -> tuple[Autoencoder, Batch]:
    """An autoencoder of all rows, and the rows as it meets them."""
    given = task.autoencoder
    if is_fitted(given):
        model = fitting(given, X)
        return model, entries(model, X)
    model = template(task, form_among(task, X, NETWORKS))
    read = read_rows(model, X, reset=True, least=2)
    model.fit(read, checkpoint=checkpoint)
    return model, entries(model, read)


def is_fitted(model: Any) -> bool:
    """Whether it is an autoencoder that has been fitted."""
    return hasattr(model, "module_")


def entries(model: Autoencoder, X: Any) -> Batch:
    """Examples as a fitted autoencoder meets them."""
    data = model._read(X)[1]  # noqa: SLF001 - estimators of one family
    if isinstance(data, Batch):
        return data
    assert isinstance(data, Windows)
    if len(data) != len(data.extents):
        raise DataError(
            "Each example has one label, and must be seen whole. Images must be of one "
            "size, of 96 pixels a side at most, and series of one length, of 512 rows "
            "at most: (series, rows, columns)."
        )
    return data.slice(0, len(data))


class Found(NamedTuple):
    """Networks, and how they came about."""

    networks: list[Network]
    course: Course | None
    """How they were tuned, if they were."""
    spread: bool
    """Whether labels were spread to rows without one."""
    left_out: float | None
    """Accuracy, or R2, of labels on networks that had left them out, if any did."""


def learned(
    task: Any, model: Autoencoder, data: Batch, labels: Labels, goal: Goal
) -> Found:
    """Networks whose heads start from a fit to features, and then are tuned."""
    seed = int(check_random_state(task.random_state).randint(2**31 - 1))
    some, parts = data.rows(torch.from_numpy(labels.rows)), parts_of(labels, seed)
    with seeded(seed, torch.device("cpu")):
        first = Network(model.module_, goal.outputs)
    first.standardize(_some(data, seed))
    phi = features(first, some)
    with threadpool_limits(1):  # what is solved here is small
        found = heads(phi, goal, parts)
        spread = goal.classes and spread_labels(
            task, model, data, labels, Judged(phi, goal, parts, found)
        )
    pace = Pace(steps=task.steps, seed=seed, shift=shift_of(data))
    if spread:
        some, goal, parts = spread
        pace = pace._replace(batch=128, passes=PASSES, patience=PATIENCE)
        with threadpool_limits(1):
            found = heads(features(first, some), goal, parts)
    told = any(len(check) for _, check in parts) and not spread
    if task.frozen:
        known = goal.agreement(heads_on(phi, found, parts), parts) if told else None
        return Found([_with_head(first, model, mean(found))], None, bool(spread), known)
    networks = [_with_head(first, model, head) for head in found]
    if not any(len(check) for _, check in parts):
        return Found(networks, None, bool(spread), None)
    course = Tuner(networks, some, goal, parts, pace).run()
    known = goal.agreement(_on_checked(networks, some, parts), parts) if told else None
    return Found(networks, course, bool(spread), known)


def _on_checked(networks: list[Network], some: Batch, parts: Any) -> list[Tensor]:
    """What each network answers to the rows that it has left out."""
    return [
        answers([network], some.rows(check))[0]
        for network, (_, check) in zip(networks, parts, strict=True)
    ]


def _with_head(first: Network, model: Autoencoder, head: Head) -> Network:
    """A copy of a network with another head."""
    made = Network(model.module_, len(head.bias))
    made.load_state_dict(first.state_dict())
    made.head.weight.data.copy_(head.weight)
    made.head.bias.data.copy_(head.bias)
    return made.eval()


def shift_of(data: Batch) -> int:
    """Pixels by which images are shifted: a fourteenth of the shorter side."""
    return min(data.event[1:]) // 14 if len(data.event) == 3 else 0


def parts_of(labels: Labels, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Which labelled rows each network learns from, by lot, and is checked on."""
    count = len(labels.values)
    every = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    few = count <= MANY
    fold = torch.from_numpy(folds_of(labels, FOLDS if few else 10, seed))[every]
    picked = [k for k in range(FOLDS if few else 1) if (fold == k).any()]
    if not picked or all((fold == k).all() for k in picked):
        return [(every, every[:0])]
    return [(every[fold != k], every[fold == k]) for k in picked]


def _some(data: Batch, seed: int) -> Batch:
    """Rows by lot, where there are many."""
    if len(data) <= SOME:
        return data
    lots = torch.Generator().manual_seed(seed)
    return data.rows(torch.randperm(len(data), generator=lots)[:SOME])
