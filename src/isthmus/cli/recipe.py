"""``isthmus recipe``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.options import Effort, Json, Preset, Task, chosen


def recipe(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="Model file whose recipe is wanted."),
    ] = None,
    preset: Preset = None,
    task: Task = None,
    effort: Effort = None,
    as_json: Json = False,
) -> None:
    """Choices of a training as TOML, to edit and use again.

    isthmus recipe --preset variational > mine.toml
    isthmus fit data.csv --recipe mine.toml
    isthmus recipe --task anomaly --effort fast
    isthmus recipe model.isthmus

    Of a preset and a task, or of a model file: then it says how that was trained. The
    comments say what each choice means.
    """
    from isthmus.artifacts import inspect, load
    from isthmus.artifacts.recipe_text import to_toml
    from isthmus.artifacts.recipes import assemble, describe
    from isthmus.cli.tables import to_json

    if model is None:
        found = describe(assemble(chosen(task=task, preset=preset, effort=effort)))
    elif preset or task or effort:
        raise typer.BadParameter(
            "A model has its recipe: no --preset, no --task and no --effort."
        )
    else:
        found = inspect(model)["notes"].get("recipe") or describe(load(model))
    print(to_json(found) if as_json else to_toml(found), end="\n" if as_json else "")
