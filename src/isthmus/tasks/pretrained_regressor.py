"""Numbers to be predicted, of which few are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import RegressorMixin

from isthmus.estimator.streams import piecewise
from isthmus.pretraining.heads import Goal
from isthmus.pretraining.labels import Labels, numbers_of
from isthmus.pretraining.role import Pretrained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.forms import Form, Name
    from isthmus.data.kinds import Columns, Kind
    from isthmus.estimator import Autoencoder
    from isthmus.training import Training


class PretrainedRegressor(RegressorMixin, Pretrained):
    """Learns features of all rows, then a number from those that have a label.

    As `PretrainedClassifier`, with squared error for loss: an autoencoder is trained
    on every row, a ridge regression on what its encoder makes of the labelled ones is
    where fine-tuning starts, and the mean of five networks is the answer.

    Parameters
    ----------
    frozen : bool
        Whether the encoder stays as pre-training left it; then only the head learns.
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
    encoder_ : torch.nn.Module
        Examples to features, (n, *event) -> (n, F); of the first network.
    autoencoder_ : Autoencoder
        The fitted one.
    history_ : list of dict
        Mean squared error over the labels left out, in variances of the labels, at
        some steps of fine-tuning.

    Notes
    -----
    A label that is NaN or None means that there is none; -1 is a number like others.
    There is no ``sample_weight``.
    """

    def __init__(
        self,
        *,
        frozen: bool = False,
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
        self.kind = kind
        self.columns = columns
        self.training = training
        self.steps = steps
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.autoencoder = autoencoder

    @piecewise
    def predict(self, X: Any) -> NDArray[np.float64]:
        """The number expected of each row, (n,)."""
        return np.asarray(self._answers(X)[:, 0])

    def _labels(self, X: Any, y: Any) -> Labels:
        return numbers_of(X, y)

    def _goal(self, labels: Labels) -> tuple[Goal, float, float]:
        center, scale = float(labels.values.mean()), float(labels.values.std()) or 1.0
        targets = torch.from_numpy(
            ((labels.values - center) / scale).astype(np.float32)
        )
        return Goal(targets, torch.ones(len(targets)), 0), center, scale
