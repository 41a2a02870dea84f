"""The masked autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.masking import Masking
from isthmus.estimator import Autoencoder


def masked(
    size: int | None = None, *, rate: tuple[float, float] = (0.1, 0.6), **keywords: Any
) -> Autoencoder:
    """Rebuilds hidden entries from the visible ones (He et al., 2022).

    The share that is hidden is drawn from ``rate`` for every row; only hidden entries
    are judged, and the encoder is told which they are.
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": Dense(),
        "corruption": Masking(rate=rate, judge="hidden"),
    }
    return Autoencoder(**(choices | keywords))
