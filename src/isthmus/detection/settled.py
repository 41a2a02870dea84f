"""What a detector leaves open, as `fit` takes it."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn.base import clone

from isthmus.detection import rolled
from isthmus.detection.efforts import PLANS, WEIGHTS, folds_of, form_of
from isthmus.detection.thresholds import kept_of
from isthmus.estimator import Autoencoder


class Settled(NamedTuple):
    """What makes an equal detector, whatever efforts come to mean."""

    autoencoder: Autoencoder
    """The fitted one, if there is one."""
    params: dict[str, Any]
    """The other parameters; ``folds`` and, of several replicas, ``scores`` are said."""
    rows: int | None
    """Of so many rows the autoencoder plans its epochs, if none are said; None where
    ``effort`` says how many steps it takes, or the rows are not known."""


def template(detector: Any) -> Autoencoder:
    """The unfitted autoencoder that a detector trains."""
    given = detector.autoencoder
    clean = detector.contamination == 0
    if given is not None:
        made = clone(given)
    elif form_of(detector) == "table":
        made = PLANS[detector.effort].autoencoder(clean=clean)
    elif form_of(detector) == "series":
        made = rolled.autoencoder(PLANS[detector.effort].width)
    else:
        made = Autoencoder()
    wished = {"random_state": detector.random_state, "verbose": detector.verbose}
    for name in ("columns", "kind", "device"):
        if getattr(detector, name) is not None:
            wished[name] = getattr(detector, name)
    found: Autoencoder = made.set_params(**wished)
    return found


def settled(detector: Any, rows: int | None) -> Settled:
    """Of a detector that was, or would be, fitted on so many rows."""
    params, folds = detector.get_params(deep=False), folds_of(detector)
    del params["autoencoder"]
    params["folds"] = folds
    if folds > 1:
        rows = None
        params["scores"] = dict(WEIGHTS if detector.scores is None else detector.scores)
    elif rows is not None:
        rows -= kept_of(detector, rows)
    made = getattr(detector, "autoencoder_", None)
    return Settled(made or template(detector), params, rows)
