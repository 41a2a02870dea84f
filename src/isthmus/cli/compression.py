"""``isthmus compress`` and ``isthmus decompress``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import written
from isthmus.cli.fit import Quiet
from isthmus.cli.options import Data, Json, Out, Raw
from isthmus.cli.tables import answer, print_figures

Packed = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="File that `isthmus compress` wrote."),
]
Target = Annotated[
    Path, typer.Option("--out", metavar="FILE", help="By custom NAME.isz.")
]
Errors = Annotated[
    list[str],
    typer.Option(
        "--error",
        metavar="ERROR",
        help="How far off numbers may be, as a share of the range of their column: "
        "0.01; or COLUMN=ERROR, several times, and all else is exact.",
    ),
]
Absolute = Annotated[
    bool, typer.Option("--absolute", help="--error is in the units of the column.")
]


def compress(
    data: Data,
    out: Target,
    error: Errors = [],  # noqa: B006 - typer's way of an option given several times
    absolute: Absolute = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """A table as few bytes; no number further off than --error.

    isthmus compress data.csv --error 0.01 --out data.isz
    isthmus compress data.parquet --error price=5 --error weight=0.1 --absolute --out
    data.isz

    Without --error all is exact, as is all but numbers in any case. Whole numbers that
    all differ are taken for identifiers, and are exact unless they are named.
    """
    from isthmus.compression import compress as packed
    from isthmus.data.files import names_of, read_table
    from isthmus.storage import replace

    table = read_table(data)
    found = packed(table, _errors(error), absolute=absolute, verbose=not quiet)
    replace(out, found)
    written.tell(out)
    before = [Path(n).stat().st_size for n in names_of(data) if n != "-"]
    figures = {"rows": table.num_rows, "columns": table.num_columns}
    figures |= {"bytes before": sum(before)} if before else {}
    print_figures(figures | {"bytes": len(found)}, as_json=as_json)


def decompress(
    file: Packed, out: Out = None, raw: Raw = False, as_json: Json = False
) -> None:
    """The table in a file of `isthmus compress`.

    isthmus decompress data.isz --out data.parquet
    """
    from isthmus.compression import decompress as unpacked
    from isthmus.compression.forms import as_table
    from isthmus.errors import DataError

    try:
        table, _ = as_table(unpacked(file.read_bytes()))
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    columns = {name: table[name] for name in table.column_names}
    answer(columns, out, as_json=as_json, raw=raw)


def _errors(texts: list[str]) -> float | dict[str, float]:
    """One error, or errors by name."""
    pairs = [text.rpartition("=") for text in texts]
    try:
        found = {name: float(number) for name, _, number in pairs}
    except ValueError:
        wanted = "--error wants 0.01, or COLUMN=0.01."
        raise typer.BadParameter(f"{wanted} Got {', '.join(texts)}.") from None
    if "" in found and len(texts) > 1:
        raise typer.BadParameter("--error: one number, or COLUMN=ERROR for each.")
    return found.get("", found) if found else 0.0
