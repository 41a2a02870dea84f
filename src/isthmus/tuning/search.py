"""``isthmus.tune``: searches for a recipe, and judges what it found anew."""

from __future__ import annotations

import tempfile
import time
from typing import TYPE_CHECKING, Any

from isthmus.bounds import whole
from isthmus.errors import RecipeError
from isthmus.tuning.answers import Detected
from isthmus.tuning.finals import chosen, judged_anew
from isthmus.tuning.objectives import HiddenCells
from isthmus.tuning.problem import Problem, problem_of
from isthmus.tuning.result import Search
from isthmus.tuning.space import (
    checked,
    refuse_unknown,
    usual,
    usual_of_detectors,
    without,
)
from isthmus.tuning.study import Limits, Study, quiet
from isthmus.tuning.telling import Telling
from isthmus.tuning.workers import refuse, run_on_ray

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS = 20_000
"""Rows, at most, that are searched with."""

USUAL = 300.0
"""Seconds of a search, where nothing is said of its end."""

RESERVED = 0.35
"""Share of the time that is kept for judging anew."""


def tune(
    X: Any,
    y: Any = None,
    *,
    fixed: Mapping[str, Any] | None = None,
    space: Mapping[str, Any] | None = None,
    trials: int | None = None,
    seconds: float | None = None,
    folds: int | None = None,
    rows: int = ROWS,
    storage: str | None = None,
    engine: str | None = None,
    workers: int | None = None,
    random_state: int = 0,
    verbose: int = 1,
) -> Search:
    """Search for the recipe that suits a table.

    Without labels ``y`` a recipe is judged by hidden cells of rows that it has not
    learned, with them by a linear model on the codes. The best two, the default
    and the presets `linear`, for PCA, and without labels `masked` are judged anew on
    other splits; what is plainer stays unless it is worse by over a standard error.

    Parameters
    ----------
    X : table
        As `Autoencoder` takes it; of more than ``rows``, some are drawn by lot.
    fixed, space : dict, optional
        What recipes shall be in any case, in the words of a recipe: ``{"size": 8}``;
        and what may be chosen, as `propose` answers it.
    trials, seconds : optional
        When to end, by default after five minutes, though the default and the best
        trial are judged to the end. By trials, a seed finds the same.
    folds : int, optional
        Parts held out in turn: by default 3, or of 2,000 rows and more a quarter.
    storage : str, optional
        A file, or the URL of a data base, that keeps trials, to go on or to share.
    engine, workers : optional
        ``"ray"``: so many workers search at once, by default one for each processor.
    """
    refuse(engine)
    limits = limits_of(trials, seconds, folds)
    how: Any = {"folds": folds, "rows": rows, "random_state": random_state}
    problem = problem_of(X, y, fixed or {}, **how)
    chances = _chances(space, problem)
    with quiet() as optuna, tempfile.TemporaryDirectory() as folder:
        own = None if engine is None else f"{folder}/trials.journal"
        study = Study(optuna, problem, chances, storage or own)
        with Telling(limits, verbose=verbose) as telling:
            return _searched(study, limits, telling, engine, workers)


def _chances(space: Mapping[str, Any] | None, problem: Problem) -> dict[str, Any]:
    """What may be chosen and is not fixed."""
    chances = without(checked(space or usual_space(problem)), problem.fixed)
    refuse_unknown(chances, problem.fixed)
    return chances


def limits_of(trials: int | None, seconds: float | None, folds: int | None) -> Limits:
    """When a search ends, if that can be."""
    for name, number in (("trials", trials), ("folds", folds)):
        if number is not None:
            whole(name, number)
    if seconds is not None and not seconds > 0:
        raise RecipeError(f"seconds must be above 0. Got {seconds}.")
    return Limits(trials, seconds or (None if trials else USUAL))


def _searched(
    study: Study,
    limits: Limits,
    telling: Telling,
    engine: str | None,
    workers: int | None,
) -> Search:
    """Try, judge anew, and choose."""
    began, problem = time.perf_counter(), study.problem
    trials, seconds = limits
    tries = Limits(trials, seconds and seconds * (1 - RESERVED))
    if engine is None:
        study.run(tries, telling.trial)
    else:
        run_on_ray(study, tries, workers)
    left = seconds and seconds - (time.perf_counter() - began)
    finals = judged_anew(study, left, telling.final)
    beside = [
        (size, problem.pca(size, problem.fresh))
        for size in problem.sizes([final.size for final in finals])
    ]
    return Search(
        measure=problem.objective.name,
        best=chosen(finals),
        finals=finals,
        pca=[(size, pca.error, pca.standard_error) for size, pca in beside],
        trials=[_row(trial) for trial in study.over],
        space=study.space,
        rows=problem.read.rows.height,
        folds=len(problem.splits),
        seconds=time.perf_counter() - began,
    )


def propose(
    X: Any, y: Any = None, *, fixed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The space that `tune` would search for a table, to be edited."""
    problem = problem_of(X, y, fixed or {}, folds=1, rows=ROWS, random_state=0)
    return without(usual_space(problem), problem.fixed)


def usual_space(problem: Problem) -> dict[str, Any]:
    """What the rows and what they are judged by suggest."""
    if isinstance(problem.objective, Detected):
        return usual_of_detectors()
    hidden = isinstance(problem.objective, HiddenCells)
    width = problem.objective.cells.table.width
    return usual(problem.read.rows.height, width, hidden=hidden)


def _row(trial: Any) -> dict[str, Any]:
    """A trial as a row of a table."""
    took = trial.duration.total_seconds() if trial.duration else None
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "error": trial.value if trial.state.name == "COMPLETE" else None,
        "standard_error": trial.user_attrs.get("standard_error"),
        "size": trial.user_attrs.get("size", trial.params.get("size")),
        "seconds": took,
        **{name: v for name, v in trial.params.items() if name != "size"},
    }
