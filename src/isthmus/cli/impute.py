"""``isthmus impute``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import written
from isthmus.cli.holding import need
from isthmus.cli.options import Json, Out, Picture, Raw
from isthmus.cli.tables import answer, open_for_model

if TYPE_CHECKING:
    from isthmus.tasks.imputer import Imputer

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="[MODEL] DATA",
        help="File that `isthmus fit` wrote, and a CSV or Parquet file.",
    ),
]
Draws = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="M",
        help="Fill the table M times by draws; the column draw says which. 0: once, by "
        "what is expected.",
    ),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Of all draws.")]


def impute(
    files: Files,
    out: Out = None,
    draws: Draws = 0,
    seed: Seed = None,
    picture: Picture = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Rows with their missing cells filled, and all else as it is.

    isthmus impute data.csv --out filled.csv
    isthmus fit data.csv --task imputer --out model.isthmus
    isthmus impute model.isthmus new.csv --out filled.csv --picture filled.png
    isthmus impute model.isthmus new.csv --draws 20 --out drawn.parquet

    Without a model the table itself is learned first. --picture draws what was filled
    in beside what was there, column by column.
    """
    imputer, rows, beside = _opened(files)
    sys.stderr.write(_told(imputer.missing(rows)))
    if draws:
        tables = imputer.sample(rows, draws, random_state=seed)
    else:
        tables = [imputer.transform(rows)]
    if picture is not None:
        from isthmus.plots import draw_filled

        draw_filled(picture, rows, tables, imputer.missing(rows))
        written.tell(picture)
    if out is not None or as_json or picture is None:
        answer(_below(beside, tables, draws), out, as_json=as_json, raw=raw)


def _told(missing: dict[str, Any]) -> str:
    """How many cells of which columns are filled, in a line."""
    counts = {name: int(cells.sum()) for name, cells in missing.items()}
    gaps = sorted((n for n in counts if counts[n]), key=lambda n: -counts[n])
    if not gaps:
        return "No cell is missing.\n"
    named = ", ".join(f"{name} {counts[name]:,}" for name in gaps[:10])
    more = f" and {len(gaps) - 10} more columns" if len(gaps) > 10 else ""
    total = sum(counts.values())
    return f"{total:,} cells are missing, and are filled: {named}{more}\n"


def _opened(files: list[str]) -> tuple[Imputer, Any, Any]:
    """An imputer, the rows to fill, and the columns beside them."""
    from isthmus.data.files import read_table
    from isthmus.data.streams import at_hand
    from isthmus.tasks.imputer import Imputer

    if len(files) > 2:
        raise typer.BadParameter(f"One table at a time. Got {', '.join(files[1:])}.")
    if len(files) == 1:
        table = read_table(files[0])
        return Imputer().fit(table), table, table.select([])
    opened = open_for_model(files[1], Path(files[0]))
    fits = isinstance(opened.model, Imputer)
    need(fits, files[0], opened.model, "isthmus impute", "imputer")
    return opened.model, at_hand(opened.rows), at_hand(opened.beside)


def _below(beside: Any, tables: list[Any], draws: int) -> dict[str, Any]:
    """Filled tables below one another, with the columns that the model left out."""
    import pyarrow as pa

    found = [_columns(beside) | _columns(table) for table in tables]
    if draws:
        found = [{"draw": [k] * len(tables[k]), **one} for k, one in enumerate(found)]
    whole = pa.concat_tables([pa.table(one) for one in found])
    return {name: whole[name] for name in whole.column_names}


def _columns(table: Any) -> dict[str, Any]:
    return dict(zip(table.column_names, table.columns, strict=True))
