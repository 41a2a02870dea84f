"""The importance-weighted autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.estimator import Autoencoder
from isthmus.terms.importance_bound import ImportanceBound


def importance_weighted(
    size: int | None = None, *, draws: int = 5, **keywords: Any
) -> Autoencoder:
    """Maximises E log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x) (Burda et al., 2016).

    K is ``draws``; more draws make a tighter bound.
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Gaussian(draws=draws),
        "terms": (ImportanceBound(),),
    }
    return Autoencoder(**(choices | keywords))
