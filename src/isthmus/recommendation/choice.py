"""Which settings of the linear model find held-out interactions best."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from isthmus.recommendation.linear import Settings, gram, solved

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_matrix

    from isthmus.recommendation.judges import Judges

STEPS: dict[str, tuple[float, ...]] = {
    "ridge": (1, 3, 10, 30, 100, 200, 400, 800, 1600, 3200),
    "evenness": (0.0, 0.25, 0.5, 0.75, 1.0),
    "dropout": (0.0, 0.2, 0.33, 0.5, 0.67, 0.8),
    "recency": (0.0, 0.25, 0.5, 0.75, 1.0, 1.25),
    "discount": (-0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2),
}
"""Values that are tried of each setting, one after another."""


def chosen(rows: csr_matrix, judges: Judges, estimator: Any) -> Settings:
    """What is said; of the rest, climb to a better value until there is none."""
    said = {part: getattr(estimator, part) for part in STEPS}
    fixed = {part: value for part, value in said.items() if value is not None}
    if judges.times is None:
        fixed["recency"] = 0.0
    best = Settings(**fixed)
    if not judges.any:
        return best
    worth: dict[Settings, float] = {}
    products = functools.lru_cache(1)(lambda evenness: gram(rows, evenness))

    def value(settings: Settings) -> float:
        if settings not in worth:
            model = solved(rows, settings, products(settings.evenness))
            worth[settings] = judges.at(settings.recency).of(model.scores)
            if estimator.verbose:
                told = "  ".join(f"{n} {v:g}" for n, v in settings._asdict().items())
                sys.stderr.write(f"{told}  {judges.measure} {worth[settings]:.4f}\n")
        return worth[settings]

    before = None
    while best != before:
        before = best
        for part in [part for part in STEPS if part not in fixed]:
            best = _climbed(best, part, value)
    return best


def _climbed(best: Settings, part: str, value: Callable[[Settings], float]) -> Settings:
    """Go up and down the steps of one part for as long as it gets better."""
    steps = STEPS[part]
    start = steps.index(getattr(best, part))
    for ahead in (steps[start + 1 :], steps[:start][::-1]):
        moved = False
        for step in ahead:
            tried = best._replace(**{part: step})
            if value(tried) <= value(best):
                break
            best, moved = tried, True
        if moved:
            break
    return best
