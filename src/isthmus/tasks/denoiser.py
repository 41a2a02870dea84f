"""Denoising: what is left of rows, images, series or sound without their noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from isthmus.architectures.conv1d import Conv1d
from isthmus.architectures.conv2d import Conv2d
from isthmus.architectures.resnet import Resnet
from isthmus.architectures.spectral import Spectral
from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.gaussian_noise import GaussianNoise
from isthmus.data.forms import Audio
from isthmus.data.pictures import Pictures
from isthmus.data.pixels import PixelLearner
from isthmus.errors import RecipeError
from isthmus.estimator import Autoencoder
from isthmus.estimator.inner import adopt, as_wished, settled
from isthmus.estimator.reading import form_among, learner_for, read_rows, said_among
from isthmus.estimator.state import State
from isthmus.estimator.streams import in_memory
from isthmus.estimator.tags import TakesAnyCells
from isthmus.estimator.wishes import form_of, kind_from_plain, kind_to_plain

if TYPE_CHECKING:
    from pathlib import Path

    from isthmus.data.forms import Form, Name
    from isthmus.data.kinds import Columns, Kind
    from isthmus.estimator.inner import Settled
    from isthmus.training import Training

NOISE = (0.1, 1.0)
"""Scales of noise in standard deviations, where nothing is said of it."""

SLOPE = (0.0, 2.0)
"""Of the power of noise in sound, where nothing is said of it."""

NETWORKS: dict[str, dict[str, Any]] = {
    "table": {"architecture": Resnet(width=128), "bottleneck": Dense(size=128)},
    "images": {
        "architecture": Conv2d(channels=(48, 64), blocks=3, places=True, skips=True),
        "bottleneck": Dense(size=64),
    },
    "series": {
        "architecture": Conv1d(channels=(32, 64), blocks=2, places=True, skips=True),
        "bottleneck": Dense(size=64),
    },
    "audio": {
        "architecture": Spectral(channels=(16, 32, 64), places=True, skips=True),
        "bottleneck": Dense(size=64),
    },
}
"""Wide codes; of images and series with places, and maps that go past them."""


class Denoiser(TransformerMixin, TakesAnyCells):
    """Learns to take noise away by adding more of it (Vincent et al., 2008).

    It is fitted to data that are as clean as can be had; noise e ~ N(0, s^2) is added
    to them, of a scale s that the network is not told, and it learns to rebuild them:
    then x + e becomes the mean of what x may have been (Robbins, 1956).

    Parameters
    ----------
    noise : float or (low, high), optional
        Scale s of the noise, or the range it is drawn from, log-uniform: of images in
        the units of a pixel, as 25 of 255; of tables and series in standard deviations,
        and of sound in those of a recording. By default from a tenth to a whole one.
    slope : float or (low, high), optional
        How the power of the noise falls with frequency, as 1 / f^slope: 0 white, 1
        pink, 2 brown. By default 0, and of sound anything between 0 and 2.
    kind : "table", "images", "series", "audio", or an object, optional
        What the data is, as in `Autoencoder`.
    columns : Columns or dict of kinds by name, optional
        What you know of columns better than their cells say, as in `Autoencoder`.
    training : Training, optional
        How long and how fast to learn.
    random_state : int, RandomState or None
        Decides all draws.
    verbose : int
        0 for silence.
    device : str or torch.device, optional
    autoencoder : Autoencoder, optional
        An unfitted one of your own; what is said above goes before what it says.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        The fitted one.
    """

    def __init__(
        self,
        *,
        noise: float | tuple[float, float] | None = None,
        slope: float | tuple[float, float] | None = None,
        kind: Name | Form | None = None,
        columns: Columns | dict[str, Kind] | None = None,
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
        device: Any = None,
        autoencoder: Autoencoder | None = None,
    ) -> None:
        self.noise = noise
        self.slope = slope
        self.kind = kind
        self.columns = columns
        self.training = training
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.autoencoder = autoencoder

    def fit(
        self, X: Any, y: object = None, *, checkpoint: str | Path | None = None
    ) -> Self:
        """Learn from clean rows, images, series or sound.

        Where the file ``checkpoint`` is there, training goes on from it.
        """
        X = in_memory(X)
        model = self._template(form_among(self, X, NETWORKS))
        read = read_rows(model, X, reset=True, least=2)
        if self.noise is not None and isinstance(read.rows, Pictures):
            learner = learner_for(model, read.rows)
            assert isinstance(learner, PixelLearner)
            pixels = learner.update(read.rows).finish()
            model.corruption = self._noise("images", float(np.mean(pixels.scale)))
        adopt(self, model.fit(read, checkpoint=checkpoint))
        return self

    def transform(self, X: Any) -> Any:
        """What is left of ``X`` without its noise, in the same form and container."""
        check_is_fitted(self, "autoencoder_")
        return self.autoencoder_.reconstruct(X)

    def settled(self, rows: int | None = None) -> Settled:
        """An equal denoiser's parameters, all said."""
        return settled(self, self._template(said_among(self, NETWORKS)), rows)

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal denoiser of."""
        inner, seed = self.autoencoder_.to_state(), self.random_state
        plain = {
            "noise": self.noise,
            "slope": self.slope,
            "kind": kind_to_plain(self.kind),
            "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
            "verbose": self.verbose,
            "autoencoder": inner.plain,
        }
        return State(plain, inner.tensors)

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data; own networks are passed as encoder and decoder."""
        plain = state.plain
        fitted = Autoencoder.from_state(
            State(plain["autoencoder"], state.tensors), **modules
        )
        made = cls(
            noise=_pair(plain["noise"]),
            slope=_pair(plain.get("slope")),
            kind=kind_from_plain(plain["kind"]),
            random_state=plain["random_state"],
            verbose=plain["verbose"],
            autoencoder=clone(fitted),
        )
        adopt(made, fitted)
        return made

    def _template(self, form: str) -> Autoencoder:
        """The unfitted autoencoder that is trained."""
        made = self.autoencoder
        made = Autoencoder(**NETWORKS[form]) if made is None else clone(made)
        made = as_wished(self, made, corruption=self._noise(form))
        if form == "audio":
            made.set_params(kind=_as_samples(form_of(made)))
        return made

    def _noise(self, form: str, unit: float = 1.0) -> GaussianNoise:
        """Noise that the network is not told of; an entry is so many units."""
        low, high = _range(self.noise)
        usual = SLOPE if form == "audio" else 0.0
        slope = usual if self.slope is None else self.slope
        scale = low / unit, high / unit
        return GaussianNoise(scale=scale, slope=slope, told=False)


def _as_samples(said: Form | None) -> Audio:
    """What is said of sound, seen as samples: noise is added to these."""
    said = said if isinstance(said, Audio) else Audio()
    if said.view == "mel":
        raise RecipeError(
            "Denoiser: noise is added to samples, and the frames of view='mel' are "
            "none. Leave view out."
        )
    return said.changed(view="wave")


def _pair(said: Any) -> Any:
    """A pair, which is a list in a file."""
    return tuple(said) if isinstance(said, list) else said


def _range(noise: float | tuple[float, float] | None) -> tuple[float, float]:
    """The smallest and the largest scale."""
    if noise is None:
        return NOISE
    ends: Any = (noise, noise) if isinstance(noise, int | float) else noise
    numbers = isinstance(ends, tuple) and len(ends) == 2
    numbers = numbers and all(isinstance(end, int | float) for end in ends)
    if not numbers or not 0 < ends[0] <= ends[1] < np.inf:
        raise RecipeError(f"noise must be above 0, or (low, high). Got {noise!r}.")
    return float(ends[0]), float(ends[1])
