"""How well predictions agree with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score, recall_score

from isthmus.pretraining.labels import known_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def agreement(model: Any, labels: Any, predicted: NDArray[Any]) -> dict[str, float]:
    """Figures of a fitted estimator on the rows that have a label."""
    rows, given = known_of(labels)
    found = predicted[rows]
    if not hasattr(model, "classes_"):
        given = given.astype(np.float64)
        return {
            "rows": len(rows),
            "r2": float(r2_score(given, found)),
            "mean absolute error": float(mean_absolute_error(given, found)),
        }
    given = given.astype(model.classes_.dtype)
    return {
        "rows": len(rows),
        "accuracy": float((given == found).mean()),
        "balanced accuracy": float(
            recall_score(given, found, average="macro", labels=np.unique(given))
        ),
    }
