"""Linear heads on features, their penalty chosen by rows that were left out."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

PENALTIES = tuple(10.0**k for k in np.arange(-1, 4.1, 1.0))
"""Of the sum of squared weights, beside the sum of losses: tried in this order."""

USUAL = 10.0
"""The penalty where no row is left out to choose it by."""

RARE = 5.0
"""How far the logit of a class that is not among the rows lies below the others."""

FEW = 3000
"""Labelled rows that choose the penalty, at most."""


MOST = 10_000
"""Rows that a head is fitted to, at most; tuning takes all."""


class Goal(NamedTuple):
    """What heads are to answer, and how it is judged."""

    targets: Tensor
    """(m,): indices of classes, or (m,) standardised numbers."""
    weights: Tensor
    """(m,): how much each labelled row counts."""
    classes: int
    """Number of classes; 0: a number is asked for."""

    @property
    def outputs(self) -> int:
        """Answers of a head."""
        return self.classes or 1

    def losses(self, answers: Tensor, rows: Tensor) -> Tensor:
        """Loss of each of these rows, weighted: -log p, or the squared error."""
        targets, weights = self.targets[rows], self.weights[rows]
        if self.classes:
            return (
                functional.cross_entropy(answers, targets, reduction="none") * weights
            )
        return (answers[:, 0] - targets).square() * weights

    def agreement(
        self, answers: list[Tensor], parts: list[tuple[Tensor, Tensor]]
    ) -> float:
        """Accuracy, or R2, of answers to the rows that are checked in each part."""
        found = torch.cat(answers)
        targets = self.targets[torch.cat([check for _, check in parts])]
        if self.classes:
            return float((found.argmax(1) == targets).double().mean())
        errors = (found[:, 0] - targets).square().sum()
        return float(1 - errors / (targets - targets.mean()).square().sum())


class Head(NamedTuple):
    """W phi + b."""

    weight: Tensor
    """(outputs, F)."""
    bias: Tensor
    """(outputs,)."""

    def __call__(self, phi: Tensor) -> Tensor:
        """Answers (n, outputs)."""
        return phi @ self.weight.T + self.bias


class _Part:
    """Rows to learn from, in as few coordinates as they need, and rows to check.

    A head with a penalty lies in the span of the rows: where they are fewer than the
    features, it is looked for in as many coordinates as there are rows.
    """

    def __init__(self, phi: Tensor, goal: Goal, learn: Tensor, check: Tensor) -> None:
        self.goal, self.check, self.phi = goal, check, phi
        learn = learn[:MOST]
        x = phi[learn].double().numpy()
        self.back: NDArray[Any] | None = None
        if len(x) < x.shape[1]:
            self.back, triangle = np.linalg.qr(x.T)
            x = triangle.T
        self.x, self.y = x, goal.targets[learn].numpy()
        self.weights = goal.weights[learn].double().numpy()

    def head(self, penalty: float, most: int | None = None) -> Head:
        """The head with the least loss plus ``penalty`` times its squared weights."""
        x, y, weights = (part[:most] for part in (self.x, self.y, self.weights))
        coef, bias = _solved(x, y, weights, penalty, self.goal.classes)
        coef = coef if self.back is None else coef @ self.back.T
        found = (torch.from_numpy(np.asarray(a, np.float32)) for a in (coef, bias))
        return Head(*found)

    def loss(self, penalty: float) -> float:
        """Loss over the rows that are checked, summed."""
        head = self.head(penalty, FEW)
        return float(self.goal.losses(head(self.phi[self.check]), self.check).sum())


def heads(phi: Tensor, goal: Goal, parts: list[tuple[Tensor, Tensor]]) -> list[Head]:
    """A head for each part, (rows to learn from, rows to check), all of one penalty.

    The penalty is the one with the least loss over all rows that are checked.
    """
    made = [_Part(phi, goal, learn, check) for learn, check in parts]
    chosen, judged = USUAL, [part for part in made if len(part.check)]
    if judged:
        losses = [sum(part.loss(penalty) for part in judged) for penalty in PENALTIES]
        chosen = PENALTIES[int(np.argmin(losses))]
    return [part.head(chosen) for part in made]


def heads_on(
    phi: Tensor, found: list[Head], parts: list[tuple[Tensor, Tensor]]
) -> list[Tensor]:
    """What each head answers to the rows that are checked in its part."""
    return [head(phi[check]) for head, (_, check) in zip(found, parts, strict=True)]


def mean(found: list[Head]) -> Head:
    """The head whose answers are the mean of those of all."""
    return Head(*(torch.stack(side).mean(0) for side in zip(*found, strict=True)))


def _solved(
    x: NDArray[Any],
    y: NDArray[Any],
    weights: NDArray[Any],
    penalty: float,
    classes: int,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Weights (outputs, features) and biases (outputs,)."""
    if not classes:
        ridge = Ridge(alpha=penalty).fit(x, y, sample_weight=weights)
        return ridge.coef_[None], np.atleast_1d(ridge.intercept_)
    model = LogisticRegression(C=1 / penalty, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nearly there will do
        model.fit(x, y, sample_weight=weights)
    coef, bias = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, bias = (np.concatenate([-a, a]) / 2 for a in (coef, bias))
    if len(coef) == classes:
        return coef, bias
    whole = np.zeros((classes, coef.shape[1])), np.full(classes, bias.min() - RARE)
    for part, known in zip(whole, (coef, bias), strict=True):
        part[model.classes_] = known
    return whole
