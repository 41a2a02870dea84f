"""What a detector leaves open, as `fit` takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.base import clone

from isthmus.detection import rolled
from isthmus.detection.efforts import PLANS, WEIGHTS, folds_of, form_of
from isthmus.detection.thresholds import kept_of
from isthmus.estimator import Autoencoder, inner
from isthmus.estimator.inner import as_wished

if TYPE_CHECKING:
    from isthmus.estimator.inner import Settled


def template(detector: Any) -> Autoencoder:
    """The unfitted autoencoder that a detector trains."""
    given, plan = detector.autoencoder, PLANS[detector.effort]
    if given is not None:
        made = clone(given)
    elif form_of(detector) == "table":
        made = plan.autoencoder(clean=detector.contamination == 0)
    elif form_of(detector) == "series":
        made = rolled.autoencoder(plan.width, plan.steps)
    else:
        made = Autoencoder()
    return as_wished(detector, made)


def settled(detector: Any, rows: int | None) -> Settled:
    """Of a detector that was, or would be, fitted on so many rows.

    ``folds`` and, of several replicas, ``scores`` are said; of these ``rows`` are
    None, as ``effort`` says how many steps are taken.
    """
    folds, more = folds_of(detector), {}
    if folds > 1:
        rows = None
        more["scores"] = dict(WEIGHTS if detector.scores is None else detector.scores)
    elif rows is not None:
        rows -= kept_of(detector, rows)
    found = inner.settled(detector, template(detector), rows)
    return found._replace(params={**found.params, "folds": folds, **more})
