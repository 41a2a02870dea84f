"""Where outliers begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from isthmus.bounds import whole
from isthmus.data.steps import Steps
from isthmus.detection.efforts import PLANS, folds_of, form_of
from isthmus.errors import DataError, RecipeError, unknown, warn
from isthmus.estimator.preparation import validation_rows
from isthmus.scores import conformal
from isthmus.scores.role import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.estimator.tables import Read
    from isthmus.scores.calibration import Calibration, Source

WHISKER = 1.5
"""Interquartile ranges past the third quartile that count as far out (Tukey, 1977)."""


def by_rate(rate: float, known: Calibration) -> float:
    """The score below which p-values are at most ``rate``."""
    if not conformal.rank(rate, known.rows):
        least = 1 / (known.rows + 1)
        warn(
            f"No row will be flagged: {known.rows} calibration rows know no "
            f"false-alarm rate below {least:.3g}, and fpr is {rate:g}. Ask for that "
            f"rate, or call calibrate(X) with at least {conformal.rows_for(rate):,} "
            f"normal rows."
        )
    return conformal.threshold(known.scores, rate)


class Verdicts(NamedTuple):
    """What is flagged of the rows of a table."""

    p_values: NDArray[np.float64] | None
    """(n,); None where there are no calibration rows."""
    flagged: NDArray[np.bool_]
    """(n,)"""
    offset: float
    """The score below which they lie."""


def verdicts(
    detector: Any,
    scores: NDArray[np.float64],
    *,
    fpr: float | None = None,
    fdr: float | None = None,
) -> Verdicts:
    """By p-values of at most ``fpr``, by false discovery rate, or by the threshold."""
    if fpr is not None and fdr is not None:
        raise RecipeError("fpr and fdr both say what is flagged. Give one.")
    known: Calibration | None = detector.calibration_
    if known is None and (fpr is not None or fdr is not None):
        raise DataError(
            "Rates need calibration rows, and there are none. Fit the detector with "
            "replicas, or with fpr, or call calibrate(X) with normal rows first."
        )
    p = None if known is None else known.p_values(scores)
    offset = float(detector.offset_)
    if known is not None and fpr is not None:
        offset = by_rate(rate("fpr", fpr), known)
    elif p is not None and fdr is not None:
        found = scores[conformal.discoveries(p, rate("fdr", fdr))]
        offset = float(np.nextafter(found.max(), np.inf)) if len(found) else -np.inf
        if not len(found):
            _tell_why_none(p, fdr, 1 / (known.rows + 1) if known else 1.0)
    return Verdicts(p, scores < offset, offset)


def _tell_why_none(p: NDArray[np.float64], fdr: float, least: float) -> None:
    """Warn where a smaller p-value than any would have been needed, or there is one."""
    few = int(np.ceil(least * len(p) / fdr))  # so many must have the least p-value
    lowest, count = float(p.min()), int((p == p.min()).sum())
    warn(
        f"No row is flagged at a false discovery rate of {fdr:g}. The lowest p-value "
        f"is {lowest:.3g} ({count:,} of {len(p):,} rows), and none can be below "
        f"{least:.3g}: at least {few:,} rows would need that. Anomalies among the "
        f"calibration rows raise p-values: calibrate on more rows that were checked, "
        f"ask for a larger rate, or use fpr."
    )


def by_share(share: Any, scores: NDArray[np.float64]) -> float:
    """The score below which lies that share of training, or what is far out."""
    if share != "auto":
        # strictly below the offset lie exactly the flagged rows
        return float(np.quantile(scores, share))
    best = scores.max()
    if best == scores.min():  # copies of one row: none is an outlier
        return float(best)
    distance = np.log(np.maximum(best - scores, 1e-12))
    low, high = np.quantile(distance, [0.25, 0.75])
    fence = best - np.exp(high + WHISKER * (high - low))
    return float(max(fence, np.nextafter(scores.min(), np.inf)))


def kept_rows(detector: Any, rows: Any) -> NDArray[np.int64]:
    """Rows on which nothing is trained, for calibration.

    A share of them, or as many as ``fpr`` needs: drawn by lot, or of series the last.
    """
    count = kept_of(detector, rows.height)
    if not count:
        return np.arange(0)
    if isinstance(rows, Steps):
        return rows.last(count)
    chance = check_random_state(detector.random_state)
    return np.sort(chance.permutation(rows.height)[:count]).astype(np.int64)


def kept_of(detector: Any, count: int) -> int:
    """How many rows of ``count`` are kept out of training."""
    share = detector.calibration
    if share == "auto" and form_of(detector) != "table":
        share = 0.2 if detector.fpr is not None else 0.1
    if share == "auto":
        share = 0.2 if folds_of(detector) == 1 and detector.fpr is not None else 0.0
    if not share:
        return 0
    return conformal.rows_to_keep(count, share, detector.fpr or 1.0)


def unseen_rows(
    detector: Any, table: Read, kept: NDArray[np.int64], given: Read | None
) -> tuple[Read, Source, NDArray[np.int64] | None]:
    """Rows that calibrate, what they are, and which of them if not all."""
    if given is not None:
        return given, "given", None
    if isinstance(table.rows, Steps):  # they stand after those of training
        return table, "kept", kept
    if len(kept):
        return table.take(kept), "kept", None
    if detector.folds_ > 1:
        return table, "cross", None
    picked = validation_rows(detector.autoencoder_, table.rows.height)
    return table.take(picked), "validation", None


def refuse(detector: Any) -> None:
    """Refuse parameters that make no sense, or not together."""
    share, folds = detector.contamination, detector.folds
    number = isinstance(share, int | float) and 0 <= share <= 0.5
    if share != "auto" and not number:
        raise RecipeError(
            f"contamination must be 'auto' or lie in [0, 0.5]. Got {share!r}."
        )
    if detector.fpr is not None:
        rate("fpr", detector.fpr)
        if share not in {"auto", 0}:
            raise RecipeError(
                "contamination and fpr both say where outliers begin. Leave "
                "contamination='auto' (or 0: no row is an outlier), or fpr=None."
            )
    if detector.calibration != "auto":
        rate("calibration", detector.calibration)
    if detector.effort not in PLANS:
        raise RecipeError(unknown("effort", detector.effort, PLANS))
    if folds is not None:
        whole("folds", folds, 1, 64)
    if detector.scores is not None:
        _refuse_scores(detector.scores, folds)


def _refuse_scores(scores: Any, folds: int | None) -> None:
    if folds == 1:
        raise RecipeError("scores are asked of replicas: folds must be 2 or more.")
    if not isinstance(scores, dict):
        raise RecipeError(f"scores must be a table of weights by name. Got {scores!r}.")
    for name, weight in scores.items():
        Score.named(name)
        if not isinstance(weight, int | float) or not 0 <= weight < np.inf:
            raise RecipeError(f"scores: {name} must weigh 0 or more. Got {weight}.")
    if not any(scores.values()):
        raise RecipeError("scores must hold a name with a weight above 0.")


def rate(name: str, value: Any) -> float:
    """A probability strictly between 0 and 1."""
    if isinstance(value, int | float) and 0 < value < 1:
        return float(value)
    raise RecipeError(f"{name} must lie between 0 and 1. Got {value!r}.")
