"""Scores are finite numbers, or there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor


def refuse_overflow(scores: Tensor) -> Tensor:
    """Return scores of rows or cells, (n, ...), if all are finite; else `DataError`."""
    good = (
        scores.isfinite().flatten(1).all(1) if scores.dim() > 1 else scores.isfinite()
    )
    if bool(good.all()):
        return scores
    bad = (~good).nonzero()[:, 0]
    raise DataError(
        f"{len(bad)} of {len(scores)} rows have no finite score, the first is row "
        f"{int(bad[0])}: the network's answers to them are too large. Look at their "
        f"cells, and score in float32, outside torch.autocast."
    )
