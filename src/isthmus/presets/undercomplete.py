"""The plain autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.dense import Dense
from isthmus.estimator import Autoencoder


def undercomplete(size: int | None = None, **keywords: Any) -> Autoencoder:
    """z = f(x), y = g(z), fewer entries in z than in x (Rumelhart et al., 1986)."""
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Dense(),
    }
    return Autoencoder(**(choices | keywords))
