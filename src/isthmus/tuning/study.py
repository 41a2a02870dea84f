"""The search itself: a study of Optuna, in this process or in several."""

from __future__ import annotations

import hashlib
import json
import math
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.artifacts.recipes import assemble, describe
from isthmus.errors import NonFiniteLossError, RecipeError, optional
from isthmus.tuning.space import ask, starts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from isthmus.tuning.problem import Problem

    Heard = Callable[[Any, Any], None]


SHARE = 0.25
"""Share of its usual steps that a recipe is trained for in a trial."""

TOGETHER = 2
"""Trials of one shape that are asked for, and trained, at a time."""

LOOSE = "learning_rate", "corruption"
"""What may differ among trials of one shape."""


class Asked(NamedTuple):
    """A trial that runs, and the recipe that it chose."""

    trial: Any
    layers: list[dict[str, Any]]


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
        ends = math.inf
        if limits.seconds is not None:
            ends = time.monotonic() + limits.seconds
        while (room := self._room(limits)) > 0 and time.monotonic() < ends:
            most = TOGETHER if self.problem.objective.stacks else 1
            for together in self._asked(int(min(room, most))):
                for trial, error in self._errors(together, ends):
                    state = self.optuna.trial.TrialState
                    over = state.PRUNED if error is None else state.COMPLETE
                    hear(self.study, self.study.tell(trial, error, over))

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

    def _room(self, limits: Limits) -> float:
        """How many trials may still be asked for."""
        return math.inf if limits.trials is None else limits.trials - len(self.over)

    def _asked(self, most: int) -> list[list[Asked]]:
        """Trials and their recipes, those of one shape together.

        The first is free to choose; others have its shape, unless some wait that were
        chosen beforehand.
        """
        waiting = self.study.get_trials(states=[self.optuna.trial.TrialState.WAITING])
        asked = [self._ask()]
        loose = {name for name in self.space if name.split(".")[0] in LOOSE}
        if loose and not waiting:
            params = asked[0].trial.params
            shape = {name: v for name, v in params.items() if name not in loose}
            for _ in range(most - 1):
                self.study.enqueue_trial(shape)
                asked.append(self._ask())
        groups: dict[str, list[Asked]] = {}
        for one in asked:
            groups.setdefault(_shape(one.layers), []).append(one)
        return list(groups.values())

    def _ask(self) -> Asked:
        trial = self.study.ask()
        return Asked(trial, ask(trial, self.space, self.problem.fixed))

    def _errors(
        self, together: list[Asked], ends: float
    ) -> Iterator[tuple[Any, float | None]]:
        """Train trials of one shape; None for one that others were better than."""
        stopped: set[int] = set()

        def told(k: int, error: float, number: int) -> None:
            trial = together[k].trial
            if k not in stopped:
                trial.report(error, number)
                if time.monotonic() > ends or trial.should_prune():
                    stopped.add(k)
            if len(stopped) == len(together):
                raise self.optuna.TrialPruned

        recipes = [one.layers for one in together]
        try:
            found = self.problem.judge_together(recipes, told, SHARE)
        except self.optuna.TrialPruned:
            yield from ((one.trial, None) for one in together)
            return
        except (NonFiniteLossError, RecipeError) as error:
            if len(together) > 1:  # whose fault it is, each shows by itself
                for one in together:
                    yield from self._errors([one], ends)
                return
            together[0].trial.set_user_attr("failed", str(error))
            yield together[0].trial, None
            return
        for k, ((trial, _), judged) in enumerate(zip(together, found, strict=True)):
            trial.set_user_attr("size", judged.size)
            trial.set_user_attr("standard_error", judged.standard_error)
            lost = k in stopped or not math.isfinite(judged.error)
            yield trial, None if lost else judged.error


def _shape(layers: Sequence[Mapping[str, Any]]) -> str:
    """What recipes have in common that train in one step."""
    recipe = describe(assemble(*layers))
    training = {**recipe["training"], "learning_rate": None}
    corruption = {**(recipe["corruption"] or {}), "rate": None, "scale": None}
    same = {**recipe, "training": training, "corruption": corruption}
    return json.dumps(same, default=str)


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
