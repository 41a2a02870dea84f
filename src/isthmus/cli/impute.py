"""``isthmus impute``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli import written
from isthmus.cli.options import Data, Json, Model, Out, Picture, Raw
from isthmus.cli.tables import answer, open_for_model

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
    model: Model,
    data: Data,
    out: Out = None,
    draws: Draws = 0,
    seed: Seed = None,
    picture: Picture = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Rows with their missing cells filled, and all else as it is.

    isthmus fit data.csv --task imputer --out model.isthmus
    isthmus impute model.isthmus data.csv --out filled.csv
    isthmus impute model.isthmus data.csv --draws 20 --out drawn.parquet
    isthmus impute model.isthmus data.csv --out filled.csv --picture filled.png

    --picture draws what was filled in beside what was there, column by column.
    """
    from isthmus.data.streams import at_hand
    from isthmus.errors import RecipeError
    from isthmus.tasks.imputer import Imputer

    opened = open_for_model(data, model)
    if not isinstance(opened.model, Imputer):
        raise RecipeError(
            f"{model} holds no imputer. Fit one: isthmus fit DATA --task imputer."
        )
    rows: Any = at_hand(opened.rows)
    tables = [opened.model.transform(rows)]
    if draws:
        tables = opened.model.sample(rows, draws, random_state=seed)
    if picture is not None:
        from isthmus.plots import draw_filled

        draw_filled(picture, rows, tables, opened.model.missing(rows))
        written.tell(picture)
    if out is None and picture is not None:
        return
    beside = at_hand(opened.beside)
    answer(_below(beside, tables, draws), out, as_json=as_json, raw=raw)


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
