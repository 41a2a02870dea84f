"""What the data suggests where the user left a choice open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.architectures.conv1d import Conv1d
from isthmus.architectures.conv2d import Conv2d
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.identity import Identity
from isthmus.corruptions.word_dropout import WordDropout
from isthmus.data.counts import CountTable
from isthmus.errors import warn
from isthmus.estimator.parameters import part_of
from isthmus.likelihoods.bernoulli import Bernoulli
from isthmus.likelihoods.by_column import ByColumn
from isthmus.likelihoods.multinomial import Multinomial
from isthmus.likelihoods.negative_binomial import NegativeBinomial
from isthmus.likelihoods.squared_error import SquaredError
from isthmus.model import Recipe

if TYPE_CHECKING:
    from isthmus.estimator.reading import Converter
    from isthmus.layout import Content
    from isthmus.parts import Architecture, Likelihood


NETWORKS: dict[str, Architecture] = {
    "images": Conv2d(),
    "series": Conv1d(),
    "audio": Conv2d(),
    "text": Mlp(hidden=(256,), decoder=()),
}
"""Networks of what is no table, where nothing is said of them."""

MOST = {
    "table": 16,
    "images": 64,
    "series": 64,
    "counts": 16,
    "audio": 64,
    "text": 64,
}
"""Entries of a code, where nothing is said of them."""


def wished_content(estimator: Any) -> Content | None:
    """What every entry shall hold for the likelihood given; None: what suits."""
    if estimator.likelihood is None:
        return None
    likelihood: Likelihood = part_of(estimator, "likelihood")
    return likelihood.prefers


def likelihood_for(estimator: Any, converter: Converter) -> Likelihood:
    """Squared error for numbers, Bernoulli for zeros and ones, else by column.

    For rows of counts negative binomial, for words multinomial; what is a typical
    total it is told.
    """
    layout = converter.layout()
    if isinstance(converter, CountTable):
        found: Likelihood = NegativeBinomial()
        if converter.text is not None:
            found = Multinomial()
        if estimator.likelihood is not None:
            found = part_of(estimator, "likelihood")
        if converter.typical and getattr(found, "typical", 0.0) is None:
            found = found.changed(typical=converter.typical)
        return found
    if estimator.likelihood is not None:
        chosen: Likelihood = part_of(estimator, "likelihood")
        return chosen
    if layout.contents == {"real"}:
        return SquaredError()
    return Bernoulli() if layout.contents == {"binary"} else ByColumn()


def recipe_for(estimator: Any, converter: Converter, likelihood: Likelihood) -> Recipe:
    """The five parts; a code of half as many entries as columns, at most 16.

    Of images and windows, of half their entries, at most 64; with convolutions.
    """
    columns, form = converter.width, getattr(converter, "form", "table")
    bottleneck = part_of(estimator, "bottleneck")
    if bottleneck.size is None:
        usual = min(max(columns // 2, 1), MOST[form])
        size = usual if estimator.size is None else estimator.size
        bottleneck = bottleneck.changed(size=size)
    architecture = part_of(estimator, "architecture")
    if estimator.architecture is None and form in NETWORKS:
        architecture = NETWORKS[form]
    if isinstance(architecture, Mlp) and architecture.hidden is None:
        architecture = architecture.changed(hidden=estimator.hidden)
    corruption = part_of(estimator, "corruption")
    if estimator.corruption is None and form == "text":
        corruption = WordDropout()
    recipe = Recipe(
        architecture=architecture,
        bottleneck=bottleneck,
        likelihood=likelihood,
        corruption=corruption,
        terms=estimator.terms,
    )
    recipe = recipe.changed(terms=tuple(recipe.costs().values()))
    if getattr(architecture, "skips", False) and _is_plain(recipe):
        warn(
            "With skips the input goes past the code: without noise or penalty it is "
            "copied, and nothing is learned. Give a corruption, or leave skips out."
        )
    elif _may_copy(recipe, columns):
        warn(
            f"A code of {bottleneck.size} entries for {columns} columns, without noise "
            f"or penalty, may learn the identity: nothing makes it find structure."
        )
    return recipe


def _may_copy(recipe: Recipe, columns: int) -> bool:
    dropout = isinstance(recipe.architecture, Mlp) and recipe.architecture.dropout
    return (
        not dropout
        and isinstance(recipe.bottleneck, Dense)
        and recipe.bottleneck.width >= columns
        and _is_plain(recipe)
    )


def _is_plain(recipe: Recipe) -> bool:
    """Whether nothing is corrupted, and nothing costs but what is rebuilt badly."""
    plain = all(term.kind() == "reconstruction" for term in recipe.costs().values())
    return plain and isinstance(recipe.corruption, Identity)
