"""``isthmus tune``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from isthmus.cli import written
from isthmus.cli.engines import refuse
from isthmus.cli.fit import Dry, Epochs, Ignore, Quiet, Seed, Set, Size
from isthmus.cli.options import (
    Data,
    Engine,
    Json,
    Label,
    Picture,
    Preset,
    Workers,
    chosen,
    duration,
    names,
)
from isthmus.cli.unfitted import Kinds, fixed_by, unfitted

Judged = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="TASK",
        help="anomaly, classifier or regressor: search for one of these, judged by its "
        "own answers about --label.",
    ),
]
Target = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where the best recipe goes, as TOML; standard output by default.",
    ),
]
Table = Annotated[
    Path | None,
    typer.Option("--table", metavar="FILE", help="Trials as CSV or Parquet, too."),
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Search for 90s, 5m or 1h30m in all; without --trials, 5m by default. "
        "The default and the best trial are judged to the end, whatever the time.",
    ),
]
Trials = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Try N recipes."),
]
SpaceFile = Annotated[
    Path | None,
    typer.Option(
        "--space",
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="What may be chosen: what --dry-run printed, as you have edited it.",
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Parts held out in turn; fewer for more rows."
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Keep trials in a file, or in a data base such as sqlite:///trials.db, to "
        "go on later, or in several processes at once.",
    ),
]


def tune(
    data: Data,
    out: Target = None,
    table: Table = None,
    picture: Picture = None,
    label: Label = None,
    task: Judged = None,
    time: Time = None,
    trials: Trials = None,
    space: SpaceFile = None,
    preset: Preset = None,
    size: Size = None,
    epochs: Epochs = None,
    setting: Set = [],  # noqa: B006 - typer copies it
    ignore: Ignore = None,
    kind: Kinds = None,
    folds: Folds = None,
    storage: Storage = None,
    engine: Engine = None,
    workers: Workers = None,
    seed: Seed = None,
    dry_run: Dry = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Search for the recipe that suits a table.

    isthmus tune data.csv --time 5m --out best.toml --picture elbow.png
    isthmus fit data.csv --recipe best.toml
    isthmus tune data.csv --dry-run > space.toml
    isthmus tune data.csv --space space.toml --storage trials.journal --label income
    isthmus tune parts.csv --task anomaly --label faulty --out best.toml

    A recipe is judged by hidden cells of rows that it has not learned; with --label, by
    a linear model on the codes, or by what a --task is for. The best are judged anew,
    beside the default and PCA. --preset, --size, --epochs and --set fix what is said.
    """
    refuse(engine, workers)
    said = chosen(task=task, preset=preset, size=size, epochs=epochs)
    fixed = fixed_by(said, kind, setting)
    rows, labels = unfitted(data, names(ignore), label, fixed)
    chances = _space(rows, labels, fixed, space)
    _tell_space(chances, dry_run=dry_run, quiet=quiet, as_json=as_json)
    if not dry_run:
        how = chosen(trials=trials, seconds=time and duration(time), folds=folds)
        how |= chosen(storage=storage, engine=engine, workers=workers)
        how |= chosen(random_state=seed) | {"verbose": not quiet}
        found = _search(rows, labels, fixed, chances, **how)
        words = _rows(data, chosen(label=label, ignore=ignore))
        _tell(found, words, Places(out, table, picture), quiet=quiet, as_json=as_json)


def _search(rows: Any, labels: Any, fixed: Any, space: Any, **how: Any) -> Any:
    from isthmus.tuning import tune

    return tune(rows, labels, fixed=fixed, space=space, **how)


def _rows(data: str, aside: dict[str, str]) -> list[str]:
    """Words of a command that name the rows, and columns that are no part of them."""
    return [data, *(word for name in aside for word in (f"--{name}", aside[name]))]


class Places(NamedTuple):
    """Where answers go."""

    recipe: Path | None
    table: Path | None
    picture: Path | None


def _space(rows: Any, labels: Any, fixed: dict[str, Any], file: Path | None) -> Any:
    """What may be chosen: as a file says, or as the data suggests."""
    from isthmus.tuning import propose
    from isthmus.tuning.space import read, without

    if file is not None:
        return without(read(file), fixed)
    return propose(rows, labels, fixed=fixed)


def _tell_space(
    space: dict[str, Any], *, dry_run: bool, quiet: bool, as_json: bool
) -> None:
    """All that a dry run answers; before a search, for the eye."""
    from isthmus.cli.tables import to_json
    from isthmus.tuning.space import to_toml

    if dry_run:
        print(to_json(space) if as_json else to_toml(space), end="")
    elif not quiet:
        sys.stderr.write(f"Searching among\n\n{to_toml(space)}\n")


def _tell(
    found: Any, rows: list[str], places: Places, *, quiet: bool, as_json: bool
) -> None:
    """The recipe to a file or to standard output; to standard error, how good it is."""
    from isthmus.cli.tables import to_json
    from isthmus.data.files import write_table

    recipe, table, picture = places
    if table is not None:
        write_table(found.table, table)
        written.tell(table)
    if picture is not None:
        found.plot(picture)
        written.tell(picture)
    if recipe is not None:
        recipe.write_text(found.to_toml(), encoding="utf-8")
        written.tell(recipe)
    if not quiet:
        sys.stderr.write(f"{found}\n")
        if recipe is not None:
            words = shlex.join(["isthmus", "fit", *rows, "--recipe", str(recipe)])
            sys.stderr.write(f"Next:\n  {words}\n")
    if as_json:
        print(to_json(found.to_dict()))
    elif recipe is None:
        print(found.to_toml(), end="")
