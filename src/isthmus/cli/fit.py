"""``isthmus fit``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from isthmus.cli import written
from isthmus.cli.going_on import checkpoint, processes
from isthmus.cli.options import (
    Data,
    Effort,
    Json,
    Label,
    Preset,
    Rate,
    Task,
    chosen,
    duration,
    kinds,
    names,
    settings,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from isthmus.ranks import Ranks

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
    float | None,
    typer.Option(
        parser=duration,
        metavar="TIME",
        help="End within 90s, 5m or 1h30m. Not repeatable to the bit.",
    ),
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
        metavar="A=KIND,...",
        help="What columns are, where their cells mislead: zip=category.",
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
    data: Data,
    out: Target = Path("model.isthmus"),
    task: Task = None,
    preset: Preset = None,
    recipe: Recipe = None,
    effort: Effort = None,
    fpr: Rate = None,
    contamination: Contamination = None,
    size: Size = None,
    epochs: Epochs = None,
    time: Time = None,
    setting: Set = [],  # noqa: B006 - typer copies it
    ignore: Ignore = None,
    identifier: Identifier = None,
    label: Label = None,
    kind: Kinds = None,
    seed: Seed = None,
    device: Device = None,
    resume: Resume = False,
    dry_run: Dry = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train on a table and write a model file.

    isthmus fit data.csv
    isthmus fit data.csv --task anomaly --effort high --fpr 0.01 --id card --label fraud
    isthmus fit "part-*.parquet" --preset variational --size 8 --kind zip=category
    isthmus fit data.csv --recipe mine.toml --set terms.l1.weight=0.1 --dry-run

    --set goes before options, these before the recipe, that before the preset. --label
    is not trained on, but tells how well scores find the rarer of two values. --task
    anomaly trains replicas of a masked autoencoder, or one of the parts that are named.
    """
    options = chosen(task=task, preset=preset, size=size, epochs=epochs, effort=effort)
    options |= chosen(fpr=fpr, contamination=contamination, random_state=seed)
    options |= chosen(columns=kinds(kind))
    model = _model(options, time, setting, recipe, device)
    left_out = {"ignore": names(ignore), "id": names(identifier), "label": names(label)}
    with processes() as ranks:
        quiet |= not ranks.first
        _check(out, quiet=quiet)
        tables = _tables(data, model, left_out, whole=ranks.first)
        if dry_run:
            _tell_plan(model, tables.rows, data, left_out, as_json=as_json)
            return
        model.set_params(verbose=0 if quiet else 1)
        _train(model, tables, out, left_out, ranks, resume=resume)
        _tell(model, tables, out, left_out, quiet=quiet, as_json=as_json & ranks.first)


class Tables(NamedTuple):
    """What a file holds; of one that is larger than memory, rows drawn by lot."""

    rows: pa.Table
    """The columns to train on."""
    beside: pa.Table
    """Those that are left out."""
    learned: Any
    """The rows, or a stream of all of them."""
    height: int
    """How many rows there are."""


def _tables(
    data: str, model: Any, left_out: dict[str, list[str]], *, whole: bool
) -> Tables:
    """What a file holds; if not ``whole``, only its columns are looked at."""
    from isthmus.cli.large import begun, is_large, looked_at
    from isthmus.cli.tables import set_aside
    from isthmus.data.files import read_table
    from isthmus.data.streams import stream

    if not is_large(data):
        table = read_table(data, _words(model, left_out))
        beside, rows = set_aside(table, left_out)
        return Tables(rows, beside, rows, rows.num_rows)
    source = stream(data)
    some, count = looked_at(source) if whole else (begun(source), 0)
    beside, rows = set_aside(some, left_out)
    if whole:
        told = f"{rows.num_rows:,} of {count:,} rows are looked at for the summary."
        sys.stderr.write(f"{data}: read in pieces; {told}\n")
    return Tables(rows, beside, source.select(rows.column_names), count)


def _words(model: Any, left_out: dict[str, list[str]]) -> set[str]:
    """Columns whose words stay as they are: names, labels and wished categories."""
    from isthmus.estimator.rows import columns_of

    kinds = columns_of(getattr(model, "autoencoder", model)).kinds
    return {name for part in left_out.values() for name in part} | {
        name for name, kind in kinds.items() if kind in {"category", "identifier"}
    }


def _model(
    options: dict[str, Any],
    time: float | None,
    setting: list[str],
    recipe: Path | None,
    device: str | None,
) -> Any:
    """The unfitted estimator that was asked for."""
    from isthmus.artifacts.recipes import assemble

    limit = {} if time is None else {"training": {"seconds": time}}
    model = assemble(options, limit, *settings(setting), file=recipe)
    getattr(model, "autoencoder", model).set_params(device=device)
    return model


def _check(out: Path, *, quiet: bool) -> None:
    """Refuse a place that cannot be written to, before hours of training."""
    from isthmus.artifacts import inspect
    from isthmus.errors import DataError, ModelFileError

    if not out.absolute().parent.is_dir():
        raise DataError(f"--out {out}: there is no folder {out.parent}. Make it first.")
    if not out.exists():
        return
    try:
        inspect(out)
    except ModelFileError:
        raise DataError(
            f"--out {out}: is there already and is no model, so it is not replaced. "
            f"Give another name, or remove it."
        ) from None
    if not quiet:
        sys.stderr.write(f"{out} is there already. It will be replaced.\n")


def _train(
    model: Any,
    tables: Tables,
    out: Path,
    left_out: dict[str, list[str]],
    ranks: Ranks,
    *,
    resume: bool,
) -> None:
    """Of several processes the first writes."""
    with checkpoint(out, ranks, resume=resume) as kept:
        model.fit(tables.learned, checkpoint=kept)
        if ranks.first:
            _save(model, tables.height, out, left_out)


def _save(model: Any, count: int, out: Path, left_out: dict[str, list[str]]) -> None:
    from isthmus.artifacts import save
    from isthmus.artifacts.recipes import describe

    save(model, out, notes={**left_out, "recipe": describe(model, count)})
    written.files.append(out)


def _tell(
    model: Any,
    tables: Tables,
    out: Path,
    left_out: dict[str, list[str]],
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """A summary: JSON to standard output, or words to standard error."""
    if quiet and not as_json:
        return
    from isthmus.cli.summary import summarize, told
    from isthmus.cli.tables import to_json

    figures = summarize(model, tables.rows, tables.beside, left_out["label"])
    if as_json:
        print(to_json({"model": str(out), **figures}))
    else:
        sys.stderr.write(told(figures, out))


def _tell_plan(
    model: Any,
    rows: pa.Table,
    data: str,
    left_out: dict[str, list[str]],
    *,
    as_json: bool,
) -> None:
    """What was found and would be done, to standard output; text is a recipe, too."""
    from isthmus.artifacts.recipe_text import to_toml
    from isthmus.cli.plan import as_comments, plan
    from isthmus.cli.tables import to_json

    found = plan(model, rows)
    if as_json:
        print(to_json({"data": data, "left_out": left_out, **found}))
    else:
        print(as_comments(found, data, left_out), to_toml(found["recipe"]), sep="\n")
