"""The linear autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.estimator import Autoencoder


def linear(size: int | None = None, **keywords: Any) -> Autoencoder:
    """z = W x + b, y = V z + c: spans the space of the first principal components.

    (Baldi & Hornik, 1989.) A larger step than elsewhere, because the loss is tame.
    """
    choices: dict[str, Any] = {
        "size": size,
        "architecture": Mlp(hidden=()),
        "bottleneck": Dense(),
        "learning_rate": 5e-3,
        "scaling": "standard",
    }
    return Autoencoder(**(choices | keywords))
