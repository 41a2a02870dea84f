"""The winner-take-all autoencoder."""

from __future__ import annotations

from typing import Any

from isthmus.bottlenecks.winner_take_all import WinnerTakeAll
from isthmus.estimator import Autoencoder


def winner_take_all(
    size: int = 64, *, share: float = 0.05, **keywords: Any
) -> Autoencoder:
    """Each entry learns from a ``share`` of rows, its largest (Makhzani & Frey, 2015).

    Of new rows, every entry above 0 is kept.
    """
    choices: dict[str, Any] = {
        "size": size,
        "bottleneck": WinnerTakeAll(share=share),
    }
    return Autoencoder(**(choices | keywords))
