"""The k-sparse autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.top_k import TopK
from isthmus.estimator import Autoencoder


def k_sparse(size: int = 64, *, k: int = 8, **keywords: Any) -> Autoencoder:
    """The ``k`` largest of ``size`` entries, the rest 0 (Makhzani & Frey, 2013)."""
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": TopK(k=k),
    }
    return Autoencoder(**(choices | keywords))
