"""What a search may choose among, as plain data that one can edit.

    {"preset": ["masked", "variational"], "size": {"low": 2, "high": 32, "log": True},
     "terms.rate.weight": {"low": 0.01, "high": 2.0, "log": True}}

A name is one of a recipe, long or short. A list holds the choices; a table is a range,
of whole numbers if its ends are. What the recipe of a preset does not have, such as
the weight of a term, is not asked of it.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from isthmus import registry
from isthmus.artifacts.recipe_text import WIDTH, written
from isthmus.artifacts.recipes import SHORT, assemble, describe
from isthmus.errors import RecipeError, unknown
from isthmus.parts import Bottleneck

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Space = Mapping[str, Any]

BOUNDS = {"low", "high", "log", "step"}
"""Words of a range."""


def usual(rows: int, columns: int, *, hidden: bool) -> dict[str, Any]:
    """A space for a table of so many rows and columns.

    Where ``hidden`` cells are to be made out, all recipes hide some in training.
    """
    size = min(max(columns // 2, 1), 16)
    space: dict[str, Any] = {
        "preset": ["masked", "sparse_l1"],
        "size": {"low": max(size // 4, 1), "high": min(4 * size, 64), "log": True},
        "hidden": [[64], [128], [128, 64], [256], [256, 128]],
        "learning_rate": {"low": 5e-4, "high": 2e-2, "log": True},
        "batch_size": [32, 64, 128] if rows < 2000 else [64, 128, 256, 512],
        "terms.l1.weight": {"low": 1e-3, "high": 1.0, "log": True},
    }
    if hidden:
        rates = [0.1, 0.4], [0.1, 0.6], [0.1, 0.9]
        masks = {"kind": "masking", "judge": "hidden"}
        return space | {"corruption": [{**masks, "rate": rate} for rate in rates]}
    presets = ["undercomplete", "masked", "denoising", "variational", "sparse_l1"]
    return space | {
        "preset": presets,
        "corruption.scale": {"low": 0.05, "high": 1.0, "log": True},
        "terms.rate.weight": {"low": 1e-3, "high": 1.0, "log": True},
    }


def usual_of_detectors() -> dict[str, Any]:
    """A space for detectors of anomalies."""
    rates = [0.1, 0.4], [0.1, 0.6], [0.1, 0.9]
    masks = {"kind": "masking", "judge": "hidden"}
    weights = {"hidden": 1.0, "marginal": 0.7}, {"hidden": 1.0}, {"marginal": 1.0}
    return {
        "effort": ["fast", "default"],
        "scores": [*weights, {"hidden": 0.5, "marginal": 1.0}],
        "size": {"low": 4, "high": 256, "log": True},
        "learning_rate": {"low": 1e-3, "high": 2e-2, "log": True},
        "training.cutoff": {"low": 4.0, "high": 100.0, "log": True},
        "corruption": [{**masks, "rate": rate} for rate in rates],
    }


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Layers of a recipe as one; of what two of them say, the last counts."""
    found: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            old = found.get(name)
            if isinstance(old, dict) and isinstance(value, dict):
                found[name] = merged(old, value)
            else:
                found[name] = value
    return found


def without(space: Space, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """The space less what is fixed already, wholly or in part."""
    said = _long(fixed)

    def free(place: str) -> bool:
        return not any(f"{one}.".startswith(f"{place}.") for one in said)

    return {name: value for name, value in space.items() if free(_place(name))}


def checked(space: Space) -> dict[str, Any]:
    """The space, if every entry is a list of choices or a range."""
    if "task" in space:
        raise RecipeError("The task is not searched: say it beside the space.")
    for name, said in space.items():
        if isinstance(said, list | tuple) and len(said):
            continue
        words = set(said) if isinstance(said, dict) else set()
        if not {"low", "high"} <= words <= BOUNDS or not said["low"] <= said["high"]:
            raise RecipeError(
                f"space: {name} must be a list of choices, or a range such as "
                f"{{low = 1, high = 64, log = true}}. Got {said!r}."
            )
    return dict(space)


def refuse_unknown(space: Space, fixed: Mapping[str, Any]) -> None:
    """Refuse names that no preset has."""
    starts = [{"preset": name} for name in registry.names("presets")]
    recipes = [describe(assemble(fixed))]
    if "preset" not in fixed:
        recipes += [describe(assemble(start)) for start in starts]
    for name in space:
        if name != "preset" and not any(_has(recipe, name) for recipe in recipes):
            known = {*space, *SHORT, *recipes[0], "preset"} - {name}
            raise RecipeError(unknown("part or parameter to choose", name, known))


def read(file: Path) -> dict[str, Any]:
    """The space in a TOML file."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} is not TOML: {error}.") from None
    return checked(found)


def to_toml(space: Space) -> str:
    """The space as TOML."""
    lines = []
    for name, said in space.items():
        key = json.dumps(name) if "." in name else name
        value = written(said)
        if len(value) > WIDTH and not isinstance(said, dict):
            value = "".join(f"\n    {written(one)}," for one in said)
            value = f"[{value}\n]"
        lines.append(f"{key} = {value}")
    return "\n".join(lines) + "\n"


def ask(trial: Any, space: Space, fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The layers of a recipe that a trial of Optuna chooses."""
    start: dict[str, Any] = {}
    if "preset" in space:
        start["preset"] = _asked(trial, "preset", space["preset"])
    known = describe(assemble({**start, **fixed}))
    layers = [start]
    for name, said in space.items():
        if name not in start and _has(known, name):
            layers.append(_layer(name, _asked(trial, name, said)))
    return [*layers, dict(fixed)]


def _asked(trial: Any, name: str, said: Any) -> Any:
    if not isinstance(said, dict):
        words = [json.dumps(value) for value in said]  # Optuna takes no lists
        return json.loads(trial.suggest_categorical(name, words))
    whole = isinstance(said["low"], int) and isinstance(said["high"], int)
    return (trial.suggest_int if whole else trial.suggest_float)(name, **said)


def _has(recipe: Mapping[str, Any], name: str) -> bool:
    """Whether a recipe has a parameter of this name."""
    first, *rest = _place(name).split(".")
    if not rest:
        return first in recipe
    table = recipe.get(first)
    if first == "terms" and table is None:
        table = Bottleneck.named(recipe["bottleneck"]["kind"]).terms
    return rest[0] in (table or ())


def _place(name: str) -> str:
    """The long name of a parameter."""
    return f"{SHORT[name]}.{name}" if name in SHORT else name


def _long(layer: Mapping[str, Any], above: str = "") -> list[str]:
    """The long names that a layer says."""
    found: list[str] = []
    for name, value in layer.items():
        place = f"{above}{name}" if above else _place(name)
        inner = _long(value, f"{place}.") if isinstance(value, dict) else []
        found += inner or [place]
    return found


def _layer(name: str, value: Any) -> dict[str, Any]:
    """``terms.l1.weight`` as tables within tables."""
    for word in reversed(name.split(".")):
        value = {word: value}
    found: dict[str, Any] = value
    return found


def starts(space: Space) -> list[dict[str, Any]]:
    """Where the search begins: what has turned out well elsewhere, if it may."""
    found = []
    for params in STARTS:
        fitting = {
            name: _start_of(space[name], value)
            for name, value in params.items()
            if name in space
        }
        found.append({n: value for n, value in fitting.items() if value is not None})
    return found


def _start_of(said: Any, value: Any) -> Any:
    """The value as Optuna knows it; of a range the nearest; None if it is no choice."""
    if isinstance(said, dict):
        return min(max(value, said["low"]), said["high"])
    return json.dumps(value) if value in said else None


STARTS: tuple[dict[str, Any], ...] = (
    {"preset": "masked", "hidden": [128, 64], "learning_rate": 3e-3, "size": 16},
    {"preset": "masked", "hidden": [256, 128], "learning_rate": 6e-3, "size": 64},
)
