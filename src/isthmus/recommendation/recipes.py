"""The parts of Mult-VAE and Mult-DAE, and those that an autoencoder says otherwise."""

from __future__ import annotations

from typing import Any

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.corruptions.masking import Masking
from isthmus.estimator.parameters import part_of
from isthmus.likelihoods.multinomial import Multinomial
from isthmus.model import FAMILIES, Recipe
from isthmus.terms.rate import Rate
from isthmus.terms.reconstruction import Reconstruction
from isthmus.training import Training

SIZE = 100
"""Entries of a code, where nothing is said of them."""

SHARED: dict[str, Any] = {
    "architecture": Mlp(hidden=(300,), activation="tanh"),
    "likelihood": Multinomial(),
    "corruption": Masking(rate=0.5, told=False),
}
NETWORKS: dict[str, dict[str, Any]] = {
    "mult_dae": {
        **SHARED,
        "bottleneck": Dense(size=SIZE),
        "terms": (Reconstruction(),),
    },
    "mult_vae": {
        **SHARED,
        "bottleneck": Gaussian(size=SIZE),
        "terms": (Reconstruction(), Rate(weight=0.2, warm_up=0.5)),
    },
}
"""One hidden layer on each side (Liang et al., 2018), half as wide as there."""

METHODS = ("ease", *NETWORKS, "blend")
"""The linear model, the deep ones, and the best of both together."""

TRAINING = Training(epochs=60, batch_size=256, learning_rate=1e-3, patience=10)


def recipe_of(estimator: Any, method: str) -> Recipe:
    """The parts of a method; what an autoencoder of one's own says goes before."""
    parts, own = dict(NETWORKS.get(method, NETWORKS["mult_vae"])), estimator.autoencoder
    size = estimator.size
    if own is not None:
        for name in FAMILIES:
            if getattr(own, name) is not None:
                parts[name] = part_of(own, name)
        if own.terms is not None or own.bottleneck is not None:
            parts["terms"] = own.terms
        size = size or own.size
    if size or parts["bottleneck"].size is None:
        parts["bottleneck"] = parts["bottleneck"].changed(size=size or SIZE)
    if getattr(parts["architecture"], "hidden", ()) is None:
        parts["architecture"] = parts["architecture"].changed(hidden=own.hidden)
    return Recipe(**parts)


def training_for(estimator: Any) -> Training:
    """How long and how fast: as said, as the autoencoder says, or as usual."""
    own = estimator.autoencoder
    said = estimator.training or getattr(own, "training", None) or TRAINING
    if own is not None and estimator.training is None:
        given = {n: getattr(own, n) for n in ("epochs", "batch_size")}
        said = said.changed(**{n: v for n, v in given.items() if v is not None})
    usual = {n: getattr(TRAINING, n) for n in ("epochs", "batch_size", "learning_rate")}
    return said.changed(**{n: v for n, v in usual.items() if getattr(said, n) is None})
