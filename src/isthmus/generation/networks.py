"""What a sampler learns with, where nothing is said of it."""

from __future__ import annotations

from typing import Any

from isthmus.architectures.conv1d import Conv1d
from isthmus.architectures.conv2d import Conv2d
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.estimator import Autoencoder
from isthmus.terms.rate import Rate
from isthmus.terms.reconstruction import Reconstruction

BETA = 0.1
"""Weight of the rate: small, since the density of codes is fitted, and need not be
N(0, I); not 0, so that codes spread, and what lies between them is learned, too."""

NETWORKS: dict[str, dict[str, Any]] = {
    "table": {
        "architecture": Mlp(hidden=(128, 128), residual=True, norm="layer"),
        "size": 16,
    },
    "images": {"architecture": Conv2d()},
    "series": {"architecture": Conv1d()},
}


def usual(form: str) -> Autoencoder:
    """A variational autoencoder for data of this form."""
    terms = (Reconstruction(), Rate(weight=BETA))
    return Autoencoder(bottleneck=Gaussian(), terms=terms, **NETWORKS[form])
