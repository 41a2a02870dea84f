"""Five choices that make an autoencoder, checked against each other once."""

from __future__ import annotations

from typing import Any, Self

from pydantic import SerializeAsAny, model_validator

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.identity import Identity
from isthmus.errors import RecipeError, unknown
from isthmus.likelihoods.squared_error import SquaredError
from isthmus.parts import Architecture, Bottleneck, Corruption, Likelihood, Term
from isthmus.spec import Spec

FAMILIES: dict[str, type[Architecture | Bottleneck | Likelihood | Corruption]] = {
    "architecture": Architecture,
    "bottleneck": Bottleneck,
    "likelihood": Likelihood,
    "corruption": Corruption,
}


class Recipe(Spec):
    """An autoencoder on paper; ``terms`` None takes those that the bottleneck names."""

    architecture: SerializeAsAny[Architecture] = Mlp()
    bottleneck: SerializeAsAny[Bottleneck] = Dense()
    likelihood: SerializeAsAny[Likelihood] = SquaredError()
    corruption: SerializeAsAny[Corruption] = Identity()
    terms: tuple[SerializeAsAny[Term], ...] | None = None

    def __init__(self, /, **parts: Any) -> None:
        super().__init__(**parts)
        self._refuse_a_bad_match()

    @model_validator(mode="after")
    def _some_terms(self) -> Self:
        if self.terms == ():
            message = "terms must not be empty: there would be nothing to learn."
            raise ValueError(message)
        return self

    def costs(self) -> dict[str, Term]:
        """The terms by name; a second one of a kind is called ``l1_2``."""
        return name_terms(self.terms or default_terms(self.bottleneck))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        parts = {name: getattr(self, name).to_dict() for name in FAMILIES}
        return {**parts, "terms": [term.to_dict() for term in self.costs().values()]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Recipe:
        """Rebuild a recipe from the plain data of `to_dict`."""
        if strange := set(data) - {*FAMILIES, "terms"}:
            raise RecipeError(unknown("part", min(strange), [*FAMILIES, "terms"]))
        parts = {
            name: FAMILIES[name].from_dict(data[name])
            for name in FAMILIES.keys() & data.keys()
        }
        terms = data.get("terms")
        if terms is not None:
            terms = tuple(Term.from_dict(term) for term in terms)
        return cls(**parts, terms=terms)

    def _refuse_a_bad_match(self) -> None:
        costs = self.costs()
        kinds = {term.kind() for term in costs.values()}
        for term in costs.values():
            for need in sorted(term.needs - self.bottleneck.traits()):
                raise RecipeError(
                    f"{term!r} needs a code that is {need}, and that of "
                    f"{self.bottleneck!r} is not. Change one of the two."
                )
            for other in sorted(term.replaces & kinds):
                raise RecipeError(
                    f"{term!r} already contains the term {other!r}. Leave one out."
                )
        if self.likelihood.logits and self.architecture.squashed():
            raise RecipeError(
                f"{self.likelihood!r} wants unbounded answers, which it squashes "
                f"itself, and {self.architecture!r} bounds them. Use output='linear'."
            )


def default_terms(bottleneck: Bottleneck) -> tuple[Term, ...]:
    """The terms that a bottleneck names."""
    return tuple(Term.named(name)() for name in bottleneck.terms)


def name_terms(terms: tuple[Term, ...]) -> dict[str, Term]:
    """Terms by the name of their kind; a second one of a kind is called ``l1_2``."""
    named: dict[str, Term] = {}
    for term in terms:
        count = sum(type(other) is type(term) for other in named.values())
        named[f"{term.kind()}_{count + 1}" if count else term.kind()] = term
    return named
