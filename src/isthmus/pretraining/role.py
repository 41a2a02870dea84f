"""What estimators that are pre-trained have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import torch
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from isthmus.bounds import whole
from isthmus.estimator.inner import adopt, settled
from isthmus.estimator.reading import said_among
from isthmus.estimator.streams import in_memory
from isthmus.estimator.tags import TakesAnyCells
from isthmus.pretraining.learner import (
    NETWORKS,
    Learned,
    is_fitted,
    learned,
    pretrained,
    template,
)
from isthmus.pretraining.state import learned_from, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from isthmus.data.kinds import Found
    from isthmus.estimator import Autoencoder
    from isthmus.estimator.inner import Settled
    from isthmus.estimator.state import State
    from isthmus.pretraining.features import Features
    from isthmus.pretraining.heads import Goal
    from isthmus.pretraining.labels import Labels


class Pretrained(TakesAnyCells):
    """Learns features of all rows, and then what labels say of some of them."""

    autoencoder: Autoencoder | None
    random_state: Any

    @abstractmethod
    def _labels(self, X: Any, y: Any) -> Labels:
        """Which rows have a label, and what it is."""

    @abstractmethod
    def _goal(self, labels: Labels) -> tuple[Goal, float, float]:
        """What heads are to answer; centre and scale of numbers."""

    autoencoder_: Autoencoder

    def fit(self, X: Any, y: Any, *, checkpoint: str | Path | None = None) -> Self:
        """Learn from all rows of ``X``, and from the labels ``y``, (n,), of some.

        Where the file ``checkpoint`` is there, pre-training goes on from it.
        """
        X = in_memory(X)
        if self.steps is not None:
            whole("steps", self.steps, 0)
        labels = self._labels(X, y)
        model, data = pretrained(self, X, checkpoint)
        goal, center, scale = self._goal(labels)
        found = learned(self, model, data, labels, goal)
        self._adopt(
            Learned(model, found.networks, center, scale, found.spread, found.left_out)
        )
        course = found.course
        steps = [] if course is None else zip(course.steps, course.losses, strict=True)
        self.history_ = [{"step": step, "loss": loss} for step, loss in steps]
        return self

    @property
    def encoder_(self) -> Features:
        """The encoder of the first network, a plain module: examples to features."""
        check_is_fitted(self)
        return self.learned_.networks[0].encoder

    @property
    def left_out_score_(self) -> float | None:
        """Accuracy, or R2, of labels on networks that had left them out.

        What to expect of new rows, but a little too good: these labels also said when
        to stop. None where labels were spread, or are too few to leave any out.
        """
        check_is_fitted(self)
        return self.learned_.left_out

    @property
    def columns_(self) -> tuple[Found, ...]:
        """Name and kind of each column, and why it is set aside if it is."""
        return self.autoencoder_.columns_

    def settled(self, rows: int | None = None) -> Settled:
        """An equal estimator's parameters, all said."""
        return settled(self, template(self, said_among(self, NETWORKS)), rows)

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal estimator of."""
        return state_of(self)

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data; own networks are passed as encoder and decoder."""
        found, params = learned_from(state, **modules)
        made = cls(**params)
        made._adopt(found)
        made.history_ = state.plain["history"]
        return made

    def _adopt(self, found: Learned) -> None:
        self.learned_ = found
        adopt(self, found.autoencoder)

    def _answers(self, X: Any) -> torch.Tensor:
        check_is_fitted(self)
        return self.learned_.answers(X)

    def __sklearn_clone__(self) -> Self:
        """A fitted autoencoder that was given stays fitted."""
        params = self.get_params(deep=False)
        given = params.pop("autoencoder")
        made = type(self)(**{n: clone(v, safe=False) for n, v in params.items()})
        made.autoencoder = given if is_fitted(given) else clone(given, safe=False)
        return made

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "learned_")
