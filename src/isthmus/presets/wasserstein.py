"""The Wasserstein autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.dense import Dense
from isthmus.estimator import Autoencoder
from isthmus.terms.mmd import Mmd
from isthmus.terms.reconstruction import Reconstruction


def wasserstein(
    size: int | None = None, *, weight: float = 10.0, **keywords: Any
) -> Autoencoder:
    """The codes, as a cloud, are drawn towards N(0, I) (Tolstikhin et al., 2018).

    Cost = reconstruction + weight * MMD^2(codes, prior).
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Dense(),
        "terms": (Reconstruction(), Mmd(weight=weight)),
    }
    return Autoencoder(**(choices | keywords))
