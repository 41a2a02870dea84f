"""The denoising autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.gaussian_noise import GaussianNoise
from isthmus.estimator import Autoencoder


def denoising(
    size: int | None = None, *, scale: float = 0.3, **keywords: Any
) -> Autoencoder:
    """Rebuilds x from x + scale * e, e ~ N(0, I) (Vincent et al., 2008).

    ``corruption=`` takes another noise: Masking, SaltAndPepper, SwapNoise.
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Dense(),
        "corruption": GaussianNoise(scale=scale),
    }
    return Autoencoder(**(choices | keywords))
