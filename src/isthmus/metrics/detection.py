"""Figures that put scores of anomalies beside labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from isthmus.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def detection_figures(scores: NDArray[np.float64], anomaly: Any) -> dict[str, float]:
    """ROC-AUC and average precision of scores (higher = more normal), (n,) each.

    ``anomaly`` is true for anomalies; both kinds of rows must occur.
    """
    truth = np.asarray(anomaly, dtype=bool)
    if truth.all() or not truth.any():
        raise DataError("The labels must hold both anomalies and normal rows.")
    return {
        "roc_auc": float(roc_auc_score(truth, -scores)),
        "average_precision": float(average_precision_score(truth, -scores)),
        "anomalies": int(truth.sum()),
        "rows": len(truth),
    }
