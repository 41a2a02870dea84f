"""``isthmus compare``."""

from __future__ import annotations

from typing import Annotated

import typer

from isthmus.cli import written
from isthmus.cli.fit import Epochs, Ignore, Quiet, Seed, Set, Size
from isthmus.cli.options import (
    PRESETS,
    Data,
    Json,
    Label,
    Out,
    Picture,
    chosen,
    names,
)
from isthmus.cli.unfitted import Kinds, fixed_by, unfitted

Presets = Annotated[
    str | None,
    typer.Option(
        "--presets", metavar="A,B,C", help=f"Which, of {', '.join(PRESETS)}; or all."
    ),
]


def compare(
    data: Data,
    out: Out = None,
    picture: Picture = None,
    label: Label = None,
    presets: Presets = None,
    size: Size = None,
    epochs: Epochs = None,
    setting: Set = [],  # noqa: B006 - typer copies it
    ignore: Ignore = None,
    kind: Kinds = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Presets side by side: errors, use of the code, time; with --label, what it says.

    isthmus compare data.csv --label income --picture presets.png
    isthmus compare data.csv --presets undercomplete,masked,variational --size 8

    Each learns three quarters of the rows and is asked about the others. Errors are
    multiples of guessing: of cells rebuilt, and of cells hidden. Of a code: entries of
    a row that are not 0, entries that never vary, effective rank. With --label: the
    accuracy (or R2) of a linear model on the codes, and NMI of their clusters.
    """
    from isthmus.cli.tables import answer, to_json
    from isthmus.tuning import compare as compared

    fixed = fixed_by(chosen(size=size, epochs=epochs), kind, setting)
    rows, labels = unfitted(data, names(ignore), label, fixed)
    found = compared(
        rows,
        labels,
        presets=names(presets) or None,
        fixed=fixed,
        random_state=seed or 0,
        verbose=not quiet,
    )
    if picture is not None:
        found.plot(picture)
        written.tell(picture)
    if out is not None:
        columns = {name: found.table[name] for name in found.table.column_names}
        answer(columns, out, as_json=False, raw=True)
    if as_json:
        for row in found.to_dicts():
            print(to_json(row))
    elif out is None:
        print(found)
