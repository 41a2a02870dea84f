"""``isthmus fit``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.cli.engines import refuse
from isthmus.cli.forms import said
from isthmus.cli.options import (
    Anything,
    Effort,
    Engine,
    Json,
    Label,
    Preset,
    Rate,
    Task,
    Workers,
    chosen,
    names,
    settings,
    times,
)
from isthmus.cli.training import Order, tell_plan, train

Target = Annotated[Path, typer.Option("--out", metavar="FILE", help="The model file.")]
Recipe = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="What `isthmus recipe` printed.",
    ),
]
Size = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Entries of a code.")
]
Epochs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Passes over the data, at most.")
]
Time = Annotated[
    list[str],
    typer.Option(
        metavar="TIME|COLUMN",
        help="End within 90s, 5m or 1h30m (not repeatable to the bit). Or, of a "
        "series, the column of times. May be given for both.",
    ),
]
Column = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Of a table, the texts.")
]
By = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Of many series, the column of their names."),
]
Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="PART.NAME=VALUE",
        help="Any other choice, as in a recipe: bottleneck.size=16, hidden=32,16, "
        "likelihood=mse. terms.l1.weight=0.1 adds that term. May be repeated.",
    ),
]
Ignore = Annotated[
    str | None, typer.Option(metavar="A,B,C", help="Columns to leave out.")
]
Identifier = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="A,B,C", help="Columns to leave out but keep in answers."
    ),
]
Kinds = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND|A=KIND,...",
        help="What the data is: table, images, series, counts, audio or text. And "
        "what columns are, where their cells mislead: zip=category.",
    ),
]
Contamination = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Share of these rows that is to be flagged."),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="Of all chance; 0 by default.")
]
Device = Annotated[str | None, typer.Option(metavar="NAME", help="cpu, cuda or mps.")]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with a training that ended early."),
]
Dry = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no summary.")]


def fit(
    data: Anything,
    out: Target = Path("model.isthmus"),
    task: Task = None,
    preset: Preset = None,
    recipe: Recipe = None,
    effort: Effort = None,
    fpr: Rate = None,
    contamination: Contamination = None,
    size: Size = None,
    epochs: Epochs = None,
    time: Time = [],  # noqa: B006 - typer copies it
    setting: Set = [],  # noqa: B006 - typer copies it
    ignore: Ignore = None,
    identifier: Identifier = None,
    label: Label = None,
    kind: Kinds = None,
    by: By = None,
    column: Column = None,
    seed: Seed = None,
    device: Device = None,
    resume: Resume = False,
    engine: Engine = None,
    workers: Workers = None,
    dry_run: Dry = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train on a table, images, series, counts, sound or texts; write a model file.

    isthmus fit counts.npz
    isthmus fit reviews.csv --kind text --column review --preset topics --size 20
    isthmus fit sensors.csv --kind series --time timestamp --task anomaly
    isthmus fit data.csv --task anomaly --effort high --fpr 0.01 --id card --label fraud
    isthmus fit "part-*.parquet" --preset variational --size 8 --kind zip=category
    isthmus fit data.csv --recipe mine.toml --set terms.l1.weight=0.1 --dry-run

    --set goes before options, these before the recipe, that before the preset. --label
    is not trained on, but tells how well scores find the rarer of two values. --task
    anomaly trains replicas of a masked autoencoder, or one of the parts that are named.
    """
    refuse(engine, workers)
    options = chosen(task=task, preset=preset, size=size, epochs=epochs, effort=effort)
    options |= chosen(fpr=fpr, contamination=contamination, random_state=seed)
    limit, clock = times(time)
    options |= said(kind, clock, by, column)
    left_out = {"ignore": names(ignore), "id": names(identifier), "label": names(label)}
    order = Order(data, out, left_out, resume, engine, workers, quiet, as_json)
    assembled = partial(_model, options, limit, setting, recipe, device)
    (tell_plan if dry_run else train)(order, assembled)


def _model(
    options: dict[str, Any],
    time: float | None,
    setting: list[str],
    recipe: Path | None,
    device: str | None,
    looks: dict[str, Any],
) -> Any:
    """The unfitted estimator that was asked for, of data that looks like this."""
    from isthmus.artifacts.recipes import assemble

    limit = {} if time is None else {"training": {"seconds": time}}
    model = assemble(looks | options, limit, *settings(setting), file=recipe)
    getattr(model, "autoencoder", model).set_params(device=device)
    return model
