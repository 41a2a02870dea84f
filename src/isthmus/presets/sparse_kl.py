"""The sparse autoencoder, by mean activation."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.dense import Dense
from isthmus.estimator import Autoencoder
from isthmus.terms.reconstruction import Reconstruction
from isthmus.terms.sparsity_kl import SparsityKl


def sparse_kl(
    size: int = 64, *, target: float = 0.05, weight: float = 1.0, **keywords: Any
) -> Autoencoder:
    """A sigmoid code of which each entry is active ``target`` of the time (Ng, 2011).

    Cost = reconstruction + weight * sum_j KL(target || mean activation of z_j).
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Dense(activation="sigmoid"),
        "terms": (Reconstruction(), SparsityKl(weight=weight, target=target)),
    }
    return Autoencoder(**(choices | keywords))
