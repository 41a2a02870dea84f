"""The parts of Mult-VAE and Mult-DAE, and those that an autoencoder says otherwise."""

from __future__ import annotations

import math
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
    "architecture": Mlp(hidden=(200,), activation="tanh"),
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
"""One hidden layer on each side (Liang et al., 2018), a third as wide as there."""

METHODS = ("ease", *NETWORKS, "blend")
"""The linear model, the deep ones, and the best of both together."""

TRAINING = Training(learning_rate=3e-3, patience=10)
"""How deep models are trained, where nothing is said of it."""


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


def training_for(estimator: Any, users: int) -> Training:
    """How long and how fast: as said, as the autoencoder says, or as usual.

    That is batches of 64 users, or of one in 256 if these are more, up to 512, and as
    many epochs as make 2,000 steps, from 20 to 200.
    """
    own = estimator.autoencoder
    said = estimator.training or getattr(own, "training", None) or TRAINING
    epochs, size = said.epochs, said.batch_size
    if own is not None:
        epochs, size = epochs or own.epochs, size or own.batch_size
    size = size or 2 ** round(math.log2(min(max(users / 256, 64), 512)))
    few = math.ceil(2000 / math.ceil(users / size))
    return said.changed(
        epochs=epochs or min(max(few, 20), 200),
        batch_size=size,
        learning_rate=said.learning_rate or TRAINING.learning_rate,
    )
