"""Classes of rows of which few have a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight

from isthmus.bounds import real
from isthmus.errors import RecipeError, unknown
from isthmus.estimator.streams import piecewise
from isthmus.pretraining.heads import Goal
from isthmus.pretraining.labels import Labels, classes_of
from isthmus.pretraining.role import Pretrained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.forms import Form, Name
    from isthmus.data.kinds import Columns, Kind
    from isthmus.estimator import Autoencoder
    from isthmus.estimator.state import State
    from isthmus.training import Training


class PretrainedClassifier(ClassifierMixin, Pretrained):
    """Learns features of all rows, then classes from those that have a label.

    An autoencoder is trained on every row (Hinton and Salakhutdinov, 2006). A linear
    head is fitted to what its encoder makes of the labelled ones, layer by layer, and
    then head and encoder are fine-tuned together. Five networks each leave out a fold
    of the labels; they stop where their loss on these is least, and vote.

    Parameters
    ----------
    frozen : bool
        Whether the encoder stays as pre-training left it; then only the head learns.
    spread : bool or "auto"
        Whether labels spread to rows without one, along the neighbours of their codes
        (Calder et al., 2020), and one network is tuned to all rows.
        ``"auto"``: where hidden labels are found better so.
    class_weight : "balanced" or dict of weights by class, optional
        How much the labels of each class count.
    kind : "table", "images", "series", or an object, optional
        What the data is, as in `Autoencoder`; images and series are seen whole.
    columns : Columns or dict of kinds by name, optional
        What you know of columns better than their cells say, as in `Autoencoder`.
    training : Training, optional
        How long and how fast to pre-train.
    steps : int, optional
        Steps of fine-tuning at most; by default 600, or as many as make 15 passes.
    random_state : int, RandomState or None
        Decides all draws.
    verbose : int
        0 for silence.
    device : str or torch.device, optional
    autoencoder : Autoencoder, optional
        An unfitted one of your own; what is said above goes before what it says. A
        fitted one is taken as it is, and not trained again.

    Attributes
    ----------
    classes_ : array of shape (classes,)
        In rising order.
    spread_ : bool
        Whether labels were spread to rows without one.
    encoder_ : torch.nn.Module
        Examples to features, (n, *event) -> (n, F); of the first network.
    autoencoder_ : Autoencoder
        The fitted one.
    history_ : list of dict
        Loss over the labels left out, in nats, at some steps of fine-tuning.

    Notes
    -----
    A label that is NaN, None or, beside two classes or more, -1 means that there is
    none. There is no ``sample_weight``.
    """

    def __init__(
        self,
        *,
        frozen: bool = False,
        spread: bool | Literal["auto"] = "auto",
        class_weight: Literal["balanced"] | dict[Any, float] | None = None,
        kind: Name | Form | None = None,
        columns: Columns | dict[str, Kind] | None = None,
        training: Training | None = None,
        steps: int | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
        device: Any = None,
        autoencoder: Autoencoder | None = None,
    ) -> None:
        self.frozen = frozen
        self.spread = spread
        self.class_weight = class_weight
        self.kind = kind
        self.columns = columns
        self.training = training
        self.steps = steps
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.autoencoder = autoencoder

    @property
    def spread_(self) -> bool:
        """Whether labels were spread to rows without one."""
        return self.learned_.spread

    @piecewise
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each class, (n, classes)."""
        return self._answers(X).numpy()

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row, (n,)."""
        found = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[found])

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Logarithms of `predict_proba`."""
        return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Of two classes log p_1 / p_0, (n,); of more, log p, (n, classes)."""
        found = self.predict_log_proba(X)
        return found[:, 1] - found[:, 0] if found.shape[1] == 2 else found

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal estimator of."""
        state = super().to_state()
        state.plain["classes"] = self.classes_.tolist()
        weight = self.class_weight
        pairs = list(map(list, weight.items())) if isinstance(weight, dict) else weight
        state.plain["class_weight"] = pairs
        return state

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data; own networks are passed as encoder and decoder."""
        made = super().from_state(state, **modules)
        weight = state.plain["class_weight"]
        made.class_weight = dict(weight) if isinstance(weight, list) else weight
        made.classes_ = np.array(state.plain["classes"])
        return made

    def _labels(self, X: Any, y: Any) -> Labels:
        labels = classes_of(X, y)
        assert labels.classes is not None
        self.classes_ = labels.classes
        return labels

    def _goal(self, labels: Labels) -> tuple[Goal, float, float]:
        weights = self._weights(labels)
        goal = Goal(
            torch.from_numpy(labels.values),
            torch.from_numpy(weights.astype(np.float32)),
            len(self.classes_),
        )
        return goal, 0.0, 1.0

    def _weights(self, labels: Labels) -> NDArray[np.float64]:
        """What each label counts, (m,)."""
        said = self.class_weight
        if said is None:
            return np.ones(len(labels.values))
        if isinstance(said, dict):
            for label in said:
                if label not in self.classes_:
                    known = map(str, self.classes_)
                    raise RecipeError(unknown("class to weigh", label, known))
                real(f"class_weight[{label!r}]", said[label])
        elif said != "balanced":
            raise RecipeError(
                f"class_weight must be 'balanced' or weights by class, as "
                f"{{0: 1.0, 1: 5.0}}. Got {said!r}."
            )
        found = compute_sample_weight(said, self.classes_[labels.values])
        if not found.any():
            raise RecipeError("class_weight must give some class a weight above 0.")
        return np.asarray(found)
