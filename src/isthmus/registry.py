"""Presets and tasks by name: a file in the folder is enough."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.errors import RecipeError, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent


def names(folder: str) -> list[str]:
    """Names of the public files of a folder of this package, without importing them."""
    found = pkgutil.iter_modules([str(HERE / folder)])
    return [info.name for info in found if not info.name.startswith("_")]


def preset(name: str) -> Callable[..., Any]:
    """Return the function that makes a preset."""
    if name not in names("presets"):
        raise RecipeError(unknown("preset", name, names("presets")))
    function: Callable[..., Any] = getattr(
        importlib.import_module(f"isthmus.presets.{name}"), name
    )
    return function


def task(name: str) -> type[Any]:
    """Return the class of a task, by the name of its file: ``anomaly_detector``."""
    if name not in names("tasks"):
        raise RecipeError(unknown("task", name, names("tasks")))
    title = "".join(word.capitalize() for word in name.split("_"))
    kind: type[Any] = getattr(importlib.import_module(f"isthmus.tasks.{name}"), title)
    return kind


def short_names() -> dict[str, str]:
    """Tasks by the first word of their file that no other task has.

    ``anomaly`` is ``anomaly_detector``, and ``classifier`` ``pretrained_classifier``.
    """
    words = {name: name.split("_") for name in names("tasks")}
    taken = Counter(word for found in words.values() for word in found)
    return {
        next((word for word in found if taken[word] == 1), name): name
        for name, found in words.items()
    }
