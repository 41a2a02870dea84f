"""The best of a search judged anew, so that luck is not taken for merit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.tuning.objectives import HiddenCells
from isthmus.tuning.problem import standard_error
from isthmus.tuning.result import Final
from isthmus.tuning.space import without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from isthmus.tuning.problem import Judged, Problem
    from isthmus.tuning.study import Study

    Floats = NDArray[np.float64]

TRIAL = "trial"
"""How names of trials begin."""

MASKS = {"kind": "masking", "judge": "hidden", "rate": [0.1, 0.6]}
"""What is hidden from the linear one where hidden cells are to be made out."""

FINALISTS = 2
"""Trials that are judged anew, where the time allows it."""


def judged_anew(
    study: Study, seconds: float | None, hear: Callable[[Final], None]
) -> list[Final]:
    """The default, and the trials of the least error, on splits of their own.

    The best trial is judged in any case, others as long as ``seconds`` are left: where
    cells are to be made out, the preset that is trained for it, and the linear one,
    which spans the space of principal components, of as few as come within a standard
    error of the best number of them.
    """
    began, problem = time.perf_counter(), study.problem
    default = [dict(problem.fixed)]
    first = problem.judge(default, problem.fresh)
    finals = [_final("default", default, first, first)]
    hear(finals[0])
    best = [(f"{TRIAL} {t.number}", study.layers(t)) for t in study.best[:FINALISTS]]
    best[1:1] = [(name, [layer, *default]) for name, layer in _presets(problem)]
    for name, layers in best:
        needed = (time.perf_counter() - began) * (1 + 1 / len(finals))
        if len(finals) > 1 and seconds is not None and needed > seconds:
            break
        judged = problem.judge(layers, problem.fresh)
        finals.append(_final(name, layers, judged, first))
        hear(finals[-1])
    return finals


def _presets(problem: Problem) -> Iterator[tuple[str, dict[str, Any]]]:
    """Presets that are judged as they are, where the user leaves that open."""
    hidden = isinstance(problem.objective, HiddenCells)
    free = without({"preset": [], "architecture": []}, problem.fixed)
    if hidden and "preset" in free:
        yield "masked", {"preset": "masked"}
    if len(free) == 2:
        found = [problem.pca(size, problem.splits) for size in problem.sizes()]
        best = min(found, key=lambda pca: pca.error)
        near = best.error + best.standard_error
        size = min(pca.size for pca in found if pca.error <= near)
        layer: dict[str, Any] = {"preset": "linear", "size": size}
        yield "linear", layer | ({"corruption": MASKS} if hidden else {})


def chosen(finals: list[Final]) -> Final:
    """The plainest that no other beats by more than a standard error.

    The default comes first, presets as they are before trials.
    """
    best = finals[0]
    for final in sorted(finals[1:], key=lambda final: final.name.startswith(TRIAL)):
        gain, spread = _gain(final.errors, best.errors)
        if gain > spread:
            best = final
    return best


def _gain(errors: list[Floats], others: list[Floats]) -> tuple[float, float]:
    """By how much errors are less than others of the same rows; its standard error."""
    gains = [other - one for one, other in zip(errors, others, strict=True)]
    return float(np.nanmean(np.concatenate(gains))), standard_error(gains)


def _final(
    name: str, layers: list[dict[str, Any]], judged: Judged, first: Judged
) -> Final:
    gain, spread = _gain(judged.errors, first.errors)
    return Final(
        name=name,
        size=judged.size,
        error=judged.error,
        standard_error=judged.standard_error,
        gain=gain,
        gain_error=spread,
        seconds=judged.seconds,
        layers=layers,
        errors=judged.errors,
    )
