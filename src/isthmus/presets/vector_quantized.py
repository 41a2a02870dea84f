"""The vector-quantised autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.vector_quantizer import VectorQuantizer
from isthmus.estimator import Autoencoder


def vector_quantized(
    size: int | None = None, *, codes: int = 256, **keywords: Any
) -> Autoencoder:
    """z is the nearest of ``codes`` learned vectors (van den Oord et al., 2017)."""
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": VectorQuantizer(codes=codes),
    }
    return Autoencoder(**(choices | keywords))
