"""Parameters of parts under names of their own, such as ``terms__rate__weight``."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import BaseEstimator

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.identity import Identity
from isthmus.errors import RecipeError, unknown
from isthmus.estimator.wishes import columns_of, form_of
from isthmus.likelihoods.squared_error import SquaredError
from isthmus.model import FAMILIES, default_terms, name_terms
from isthmus.spec import Spec
from isthmus.training import Training

DEFAULTS: dict[str, Spec] = {
    "architecture": Mlp(residual=True, norm="layer"),
    "bottleneck": Dense(),
    "likelihood": SquaredError(),
    "corruption": Identity(),
}
PARTS = (*DEFAULTS, "training", "columns", "kind")


def nested(estimator: Any) -> dict[str, Any]:
    """Every parameter of every part that was given, by its long name."""
    found: dict[str, Any] = {}
    for name in PARTS:
        part = getattr(estimator, name)
        if isinstance(part, Spec):
            found |= {f"{name}__{field}": value for field, value in part}
    for label, term in name_terms(estimator.terms or ()).items():
        found |= {f"terms__{label}__{field}": value for field, value in term}
    return found


def replaced(estimator: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """Return new parts for an estimator, given changes by long names."""
    parts: dict[str, Any] = {}
    for name, value in changes.items():
        part, _, rest = name.partition("__")
        if part == "terms":
            terms = parts.get("terms") or estimator.terms
            bottleneck = parts.get("bottleneck") or part_of(estimator, "bottleneck")
            named = name_terms(terms or default_terms(bottleneck))
            label, _, field = rest.partition("__")
            if label not in named or not field:
                raise RecipeError(unknown("term", label, named))
            named[label] = named[label].changed(**{field: value})
            parts["terms"] = tuple(named.values())
        elif part in PARTS:
            old = parts.get(part) or part_of(estimator, part)
            parts[part] = old.changed(**{rest: value})
        else:
            raise RecipeError(unknown("part", part, [*PARTS, "terms"]))
    return parts


def part_of(estimator: Any, name: str) -> Any:
    """The part that was given, or the one that stands in its place."""
    if name == "columns":
        return columns_of(estimator)
    if name == "kind":
        if (form := form_of(estimator)) is None:
            raise RecipeError("Say first what the data is: kind='images' or 'series'.")
        return form
    part = getattr(estimator, name)
    if isinstance(part, str) and name in FAMILIES:
        return FAMILIES[name].named(part)()
    if part is not None:
        return part
    if name == "training":
        return Training()
    return DEFAULTS[name]


def training_of(estimator: Any) -> Training:
    """The training; what it leaves open, the estimator says."""
    training: Training = part_of(estimator, "training")
    return training.changed(
        epochs=training.epochs or estimator.epochs,
        batch_size=training.batch_size or estimator.batch_size,
        learning_rate=training.learning_rate or estimator.learning_rate,
    )


class NestedParameters(BaseEstimator):
    """Parameters of an estimator, and of its parts by long names."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; with ``deep``, also those of parts by long names."""
        params: dict[str, Any] = super().get_params(deep=False)
        return params | nested(self) if deep else params

    def set_params(self, **params: Any) -> Self:
        """Set parameters; a long name replaces the part by a changed copy."""
        long = {name: value for name, value in params.items() if "__" in name}
        short = {name: value for name, value in params.items() if "__" not in name}
        known = self.get_params(deep=False)
        if wrong := set(short) - set(known):
            complaint = unknown("parameter", min(wrong), known)
            raise RecipeError(f"{type(self).__name__}: {complaint}")
        for name, value in short.items():
            setattr(self, name, value)
        for name, value in replaced(self, long).items():  # these may change those
            setattr(self, name, value)
        return self
