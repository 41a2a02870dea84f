"""Whether labels spread to their neighbours teach more than a head does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from isthmus.data.blocks import in_blocks
from isthmus.pretraining.graph import Neighbors
from isthmus.pretraining.heads import heads_on

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from isthmus.estimator import Autoencoder
    from isthmus.pretraining.heads import Goal, Head
    from isthmus.pretraining.labels import Labels
    from isthmus.trace import Batch

MOST = 100_000
"""Rows of which neighbours are looked for, at most."""

CHECKED = 2000
"""Rows that say when to stop, at most; or a tenth."""

Parts = list[tuple["Tensor", "Tensor"]]


class Judged(NamedTuple):
    """Heads, and the labelled rows that each has not seen."""

    phi: Tensor
    goal: Goal
    parts: Parts
    heads: list[Head]

    def hits(self) -> Tensor:
        """Whether the head is right, of each row that is checked."""
        found = torch.cat(heads_on(self.phi, self.heads, self.parts)).argmax(1)
        return found == self.goal.targets[torch.cat([c for _, c in self.parts])]


def spread_labels(
    task: Any, model: Autoencoder, data: Batch, labels: Labels, judged: Judged
) -> tuple[Batch, Goal, Parts] | None:
    """Rows, labels and parts to tune with, where spread labels are the better ones.

    That is, where ``task.spread`` says so; or, if it is "auto", where labelled rows of
    which the label was hidden are found by their neighbours more often than by heads,
    by more than the square root of the rows in which the two differ.
    """
    if task.spread is False or len(data) == len(labels.rows) or len(data) > MOST:
        return None
    module, count = model.module_, judged.goal.classes
    (codes,) = in_blocks(lambda b: (module.encode(b),), data, module)
    graph = Neighbors(codes.flatten(1).numpy())
    if task.spread == "auto":
        ours, theirs = _hits(graph, labels, judged), judged.hits().numpy()
        won, lost = (ours & ~theirs).sum(), (theirs & ~ours).sum()
        if won - lost <= math.sqrt(won + lost):
            return None
    found = graph.spread(labels.rows, labels.values, count).argmax(axis=1)
    found[labels.rows] = labels.values
    return _taught(found, data, judged.goal)


def _hits(graph: Neighbors, labels: Labels, judged: Judged) -> NDArray[np.bool_]:
    """Whether the neighbours are right, of each row that is checked."""
    found = []
    for learn, check in judged.parts:
        here, there = labels.rows[learn.numpy()], labels.rows[check.numpy()]
        values = labels.values[learn.numpy()]
        u = graph.spread(here, values, judged.goal.classes)[there]
        found.append(u.argmax(axis=1) == labels.values[check.numpy()])
    return np.concatenate(found)


def _taught(
    classes: NDArray[np.int64], data: Batch, goal: Goal
) -> tuple[Batch, Goal, Parts]:
    """All rows with the class that was found for them, and a tenth of them to check."""
    targets = torch.from_numpy(classes)
    weights = torch.ones(goal.classes)
    weights[goal.targets] = goal.weights  # of their classes
    taught = goal._replace(targets=targets, weights=weights[targets])
    lots = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    count = min(CHECKED, len(data) // 10)
    return data, taught, [(lots[count:], lots[:count])]
