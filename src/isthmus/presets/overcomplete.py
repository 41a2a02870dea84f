"""The overcomplete autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.dense import Dense
from isthmus.estimator import Autoencoder


def overcomplete(size: int = 128, **keywords: Any) -> Autoencoder:
    """z = f(x), y = g(z), more entries in z than in x.

    Without noise or penalty it may learn the identity, and says so; add
    ``corruption=``, ``terms=`` or dropout.
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Dense(),
    }
    return Autoencoder(**(choices | keywords))
