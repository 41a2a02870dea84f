"""Autoencoders for real data.

Every preset and task is an attribute of this package, imported when it is first used:
``isthmus.Autoencoder``, ``isthmus.variational``, ``isthmus.AnomalyDetector``.
"""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "Autoencoder": "isthmus.estimator",
    "Columns": "isthmus.data.kinds",
    "Audio": "isthmus.data.forms",
    "Counts": "isthmus.data.forms",
    "Images": "isthmus.data.forms",
    "Series": "isthmus.data.forms",
    "Text": "isthmus.data.forms",
    "AutoencoderModule": "isthmus.model",
    "Recipe": "isthmus.model",
    "Training": "isthmus.training",
    "load": "isthmus.artifacts",
    "save": "isthmus.artifacts",
    "inspect": "isthmus.artifacts",
    "refine": "isthmus.refinement",
    "stream": "isthmus.data.streams",
    "align": "isthmus.codes",
    "nearest": "isthmus.codes",
    "topic_weights": "isthmus.codes",
    "topic_words": "isthmus.codes",
    "compress": "isthmus.compression",
    "decompress": "isthmus.compression",
    "compare": "isthmus.tuning",
    "tune": "isthmus.tuning",
}

_FOLDERS = {"cluster", "metrics", "plots", "tuning"}
"""Parts of the package whose functions are called by their own names."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("isthmus")
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    if name in _FOLDERS:
        return importlib.import_module(f"isthmus.{name}")
    registry = importlib.import_module("isthmus.registry")
    if name in registry.names("presets"):
        return registry.preset(name)
    task = _tasks().get(name)
    if task is not None:
        return registry.task(task)
    message = f"module 'isthmus' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    registry = importlib.import_module("isthmus.registry")
    return sorted([*_PLACES, *registry.names("presets"), *_tasks()])


def _tasks() -> dict[str, str]:
    registry = importlib.import_module("isthmus.registry")
    return {
        "".join(word.capitalize() for word in name.split("_")): name
        for name in registry.names("tasks")
    }
