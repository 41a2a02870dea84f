"""The variational autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.estimator import Autoencoder
from isthmus.terms.rate import Rate
from isthmus.terms.reconstruction import Reconstruction


def variational(
    size: int | None = None, *, beta: float = 1.0, **keywords: Any
) -> Autoencoder:
    """Maximises E_q[log p(x|z)] - beta KL(q(z|x) || p(z)) (Kingma & Welling, 2014).

    beta = 1 is the ELBO; other values make the beta-VAE (Higgins et al., 2017).
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Gaussian(),
        "terms": (Reconstruction(), Rate(weight=beta)),
    }
    return Autoencoder(**(choices | keywords))
