"""Presets and tasks by name: a file in the folder is enough."""

from __future__ import annotations

import importlib
import pkgutil
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
