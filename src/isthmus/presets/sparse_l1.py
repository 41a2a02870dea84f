"""The sparse autoencoder, by absolute value."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.dense import Dense
from isthmus.estimator import Autoencoder
from isthmus.terms.l1 import L1
from isthmus.terms.reconstruction import Reconstruction


def sparse_l1(size: int = 64, *, weight: float = 0.1, **keywords: Any) -> Autoencoder:
    """A rectified code with few large entries (Olshausen & Field, 1996).

    Cost = reconstruction + weight * sum_j |z_j|.
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Dense(activation="relu"),
        "terms": (Reconstruction(), L1(weight=weight)),
    }
    return Autoencoder(**(choices | keywords))
