"""A search by the workers of Ray, which share a storage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from isthmus.cluster import ray as engine
from isthmus.errors import RecipeError, optional, unknown
from isthmus.tuning.study import Limits, Study, quiet

if TYPE_CHECKING:
    from isthmus.tuning.problem import Problem

ENGINES = ("ray",)


def refuse(name: str | None) -> None:
    """Refuse an engine that there is not."""
    if name is not None and name not in ENGINES:
        raise RecipeError(unknown("engine", name, ENGINES))


def run_on_ray(study: Study, limits: Limits, workers: int | None) -> None:
    """Search with so many workers at once, by default one for each processor.

    Each takes the next trial as it is free; workers of a cluster need a ``storage``
    that all of them reach. A limit of trials may be passed by those that are under way.
    """
    assert study.storage is not None, "workers share one"
    count = workers or os.cpu_count() or 1
    with engine.started(count):
        ray = optional("ray", "ray")
        task = ray.remote(num_cpus=1)(_search)
        place = ray.put(study.problem)
        asked = [
            task.remote(place, study.space, study.storage, limits, number)
            for number in range(1, count + 1)
        ]
        ray.get(asked)


def _search(
    problem: Problem,
    space: dict[str, Any],
    storage: str,
    limits: Limits,
    number: int,
) -> None:
    """What one worker does; its ``number`` keeps it from drawing what others draw."""
    with quiet() as optuna:
        Study(optuna, problem, space, storage, number=number).run(limits)
