"""How a recommender learns: what is held out chooses, the rest is learned from."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from sklearn.utils import check_random_state

from isthmus.bounds import real, whole
from isthmus.errors import DataError, RecipeError, unknown
from isthmus.recommendation.blend import Blend, blended
from isthmus.recommendation.choice import chosen
from isthmus.recommendation.deep import Deep, trained
from isthmus.recommendation.judges import Judges, judges, length
from isthmus.recommendation.linear import Linear, solved, with_codes
from isthmus.recommendation.metrics import figures
from isthmus.recommendation.ranking import ranked
from isthmus.recommendation.recency import recent
from isthmus.recommendation.recipes import METHODS, SIZE, recipe_of, training_for
from isthmus.recommendation.splits import Known, empty, held_out
from isthmus.training import pick_device

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from isthmus.recommendation.interactions import Interactions

FEW = 10_000
"""Items up to which the linear model has a part in what is done by default."""

RANGES = {
    "ridge": (0.0, math.inf),
    "evenness": (0.0, 1.0),
    "dropout": (0.0, 1.0),
    "discount": (-1.0, 1.0),
    "recency": (0.0, math.inf),
    "validation": (0.0, 1.0),
}
"""What parameters may be; the dropout and what is held out are less than all."""

Model = Linear | Deep | Blend


class Fitted(NamedTuple):
    """What was learned, and what was found on the way."""

    model: Model
    method: str
    figures: dict[str, float]
    history: list[dict[str, float]]
    recency: float
    """How much more recent interactions count when scores are asked for."""


def method_of(estimator: Any, items: int) -> str:
    """The method that is said, or what so many items suggest."""
    method = estimator.method
    if method is None:
        return "blend" if items <= FEW else "mult_vae"
    if method not in METHODS:
        raise RecipeError(unknown("method", method, METHODS))
    return str(method)


def refuse(estimator: Any) -> None:
    """Refuse numbers that make no sense."""
    for name, (least, most) in RANGES.items():
        if (value := getattr(estimator, name)) is not None:
            real(name, value, least, most, open_=name in {"dropout", "validation"})
    if estimator.size is not None:
        whole("size", estimator.size)


def fitted(estimator: Any, given: Interactions, beside: csr_matrix | None) -> Fitted:
    """The model of an estimator, chosen by held-out interactions.

    Those ``beside`` the given ones are never learned from. Of the given ones a share is
    held out; the linear model learns from it after all, once its settings are chosen.
    """
    refuse(estimator)
    if not given.matrix.nnz:
        raise DataError("There is no interaction to learn from.")
    method = method_of(estimator, given.matrix.shape[1])
    seed = int(check_random_state(estimator.random_state).randint(2**31 - 1))
    known = _known(estimator, given, beside, seed)
    rows, judging = known.kept, judges(known, estimator.measure)
    found: dict[str, float] = {}
    history: list[dict[str, float]] = []
    linear, deep, settings, recency = None, None, None, estimator.recency or 0.0
    if method in {"ease", "blend"}:
        settings = chosen(rows, judging, estimator)
        found |= settings._asdict()
        linear, recency = solved(rows, settings), settings.recency
    judging = judging.at(recency)
    if method != "ease":
        deep, history = trained(
            recipe_of(estimator, method),
            training_for(estimator, rows.shape[0]),
            rows,
            judging,
            seed=seed,
            device=pick_device(estimator.device),
            verbose=estimator.verbose,
        )
    model = _joined(linear, deep, judging)
    if isinstance(model, Blend):
        found["share"] = model.share
    if known.out.nnz:
        top = length(judging.measure)
        asked = recent(rows, known.times, recency)
        found |= figures(ranked(model.scores, asked, top, rows).items, known.out, top)
    if estimator.verbose:
        told = "  ".join(f"{name} {value:.4g}" for name, value in found.items())
        sys.stderr.write(f"{method}  {told}\n")
    if settings is not None and beside is None and known.out.nnz:
        model = _with(model, solved(given.matrix, settings))
    if isinstance(model, Linear):
        model = with_codes(model, estimator.size or SIZE, seed)
    return Fitted(model, method, found, history, recency)


def _known(
    estimator: Any, given: Interactions, beside: csr_matrix | None, seed: int
) -> Known:
    """What is learned from, and what chooses; of the latter there may be nothing."""
    share = estimator.validation
    if beside is not None:
        return Known(given.matrix, beside, given.times)
    if share == 0:
        return Known(given.matrix, empty(given.matrix.shape))
    return held_out(given.matrix, share, seed, given.times)


def _joined(linear: Linear | None, deep: Deep | None, judging: Judges) -> Model:
    if linear is not None and deep is not None:
        return blended(linear, deep, judging)
    model = deep if linear is None else linear
    assert model is not None  # a method has one of them
    return model


def _with(model: Model, linear: Linear) -> Model:
    return model._replace(linear=linear) if isinstance(model, Blend) else linear
