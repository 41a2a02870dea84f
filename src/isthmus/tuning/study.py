"""The search itself: a study of Optuna, in this process or in several."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.errors import NonFiniteLossError, RecipeError, optional
from isthmus.tuning.space import ask, starts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isthmus.tuning.problem import Problem

    Heard = Callable[[Any, Any], None]


SHARE = 0.25
"""Share of its usual steps that a recipe is trained for in a trial."""


class Limits(NamedTuple):
    """When a search ends: after so many trials, or so many seconds."""

    trials: int | None
    seconds: float | None


@contextmanager
def quiet() -> Iterator[Any]:
    """Optuna, without a log and without warnings of what is new in it."""
    optuna = optional("optuna", "tune")
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield optuna
    finally:
        optuna.logging.set_verbosity(level)


class Study:
    """Trials of recipes for one problem; those of a ``storage`` are gone on with.

    ``storage`` is the URL of a data base, such as ``sqlite:///trials.db``, or the name
    of a file, to which a journal is written. Several processes may share it, each with
    a ``number`` that its draws follow. It may hold the trials of other problems, too.
    """

    def __init__(
        self,
        optuna: Any,
        problem: Problem,
        space: dict[str, Any],
        storage: str | None = None,
        *,
        number: int = 0,
    ) -> None:
        self.optuna, self.problem, self.space = optuna, problem, space
        self.storage = storage
        place: Any = storage
        if storage is not None and "://" not in storage:
            backend = optuna.storages.journal.JournalFileBackend(storage)
            place = optuna.storages.JournalStorage(backend)
        self.study = optuna.create_study(
            storage=place,
            study_name=f"isthmus-{_digest(problem, space)}",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(
                seed=problem.random_state + number,
                n_startup_trials=8,
                multivariate=True,
                group=True,
            ),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        )
        if not self.study.trials:
            for params in starts(space):
                self.study.enqueue_trial(params)

    def run(self, limits: Limits, hear: Heard = lambda _study, _trial: None) -> None:
        """Try recipes until a limit is reached; those of a storage count as tried."""
        ends = None if limits.seconds is None else time.monotonic() + limits.seconds

        def stop_at_the_limit(study: Any, _trial: Any) -> None:
            if limits.trials is not None and len(self.over) >= limits.trials:
                study.stop()

        if limits.trials is None or len(self.over) < limits.trials:
            self.study.optimize(
                lambda trial: self._error(trial, ends),
                timeout=limits.seconds,
                callbacks=[stop_at_the_limit, hear],
            )

    def layers(self, trial: Any) -> list[dict[str, Any]]:
        """The recipe of a trial that is over."""
        fixed = self.optuna.trial.FixedTrial(trial.params)
        return ask(fixed, self.space, self.problem.fixed)

    @property
    def over(self) -> list[Any]:
        """Trials that came to an end, early or not."""
        return [trial for trial in self.study.trials if trial.state.is_finished()]

    @property
    def best(self) -> list[Any]:
        """Trials that came to their end, the least error first."""
        done = [trial for trial in self.over if trial.state.name == "COMPLETE"]
        return sorted(done, key=lambda trial: float(trial.value))

    def _error(self, trial: Any, ends: float | None) -> float:
        """Train and judge what a trial chooses, unless others were better by then."""

        def told(error: float, number: int) -> None:
            trial.report(error, number)
            late = ends is not None and time.monotonic() > ends
            if late or trial.should_prune():
                raise self.optuna.TrialPruned

        layers = ask(trial, self.space, self.problem.fixed)
        try:
            judged = self.problem.judge(layers, self.problem.splits, told, SHARE)
        except (NonFiniteLossError, RecipeError) as error:
            trial.set_user_attr("failed", str(error))
            raise self.optuna.TrialPruned from None
        trial.set_user_attr("size", judged.size)
        trial.set_user_attr("standard_error", judged.standard_error)
        return judged.error


def _digest(problem: Problem, space: dict[str, Any]) -> str:
    """Eight letters that stand for rows, labels, the space and what is fixed."""
    rows = problem.read.rows
    found = hashlib.sha256(rows.numbers.tobytes())
    for text in rows.texts.values():
        found.update(json.dumps(text.to_pylist()).encode())
    about = [
        [list(column) for column in rows.columns],
        space,
        problem.fixed,
        problem.objective.name,
        np.asarray(getattr(problem.objective, "y", ())).tolist(),
        len(problem.splits),
        problem.random_state,
    ]
    found.update(json.dumps(about, default=str).encode())
    return found.hexdigest()[:8]
