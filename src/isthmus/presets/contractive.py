"""The contractive autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.dense import Dense
from isthmus.estimator import Autoencoder
from isthmus.terms.contractive import Contractive
from isthmus.terms.reconstruction import Reconstruction


def contractive(
    size: int | None = None,
    *,
    weight: float = 0.1,
    probes: int | None = 4,
    **keywords: Any,
) -> Autoencoder:
    """A code with small derivatives at the data (Rifai et al., 2011).

    Cost = reconstruction + weight * |dz/dx|_F^2, estimated from ``probes`` random
    directions; None for the exact norm.
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Dense(activation="sigmoid"),
        "terms": (Reconstruction(), Contractive(weight=weight, probes=probes)),
    }
    return Autoencoder(**(choices | keywords))
