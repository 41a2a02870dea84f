"""How long a gradient may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.training.settings import Training

SHORT_MEMORY = 0.98
"""Share of its old value that the running mean of the gradient's length keeps."""


def clipped(norm: float, usual: float, training: Training) -> tuple[float, float]:
    """Length that a gradient of length ``norm`` keeps, and what is usual from now on.

    One that is far longer than ``usual`` is shortened to that, and any to what is
    allowed. 0 stands for a usual length that is not known yet.
    """
    usual = usual or norm
    most = training.clip_ratio * usual or float("inf")
    allowed = training.clip_norm or float("inf")
    limit = min(allowed, usual) if norm > most else allowed
    felt = min(norm, most, allowed)
    return min(norm, limit), SHORT_MEMORY * usual + (1 - SHORT_MEMORY) * felt
