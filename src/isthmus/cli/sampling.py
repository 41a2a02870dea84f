"""``isthmus sample``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import written
from isthmus.cli.options import Json, Model, Picture, Raw
from isthmus.cli.tables import answer

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Annotated[
    int | None,
    typer.Option(
        "--rows",
        min=1,
        metavar="N",
        help="Rows, images or windows to make; 1 or one per row of --given by default.",
    ),
]
Given = Annotated[
    list[str],
    typer.Option(
        "--given",
        metavar="COLUMN=VALUE|FILE",
        help="A cell that every row shall have; may be repeated. Or a file with some "
        "of the columns: each row of it is completed.",
    ),
]
Target = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="CSV or Parquet file; standard output by default. Of images a folder.",
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="Of all chance; 0 by default.")
]


def sample(
    model: Model,
    rows: Rows = None,
    given: Given = [],  # noqa: B006 - typer copies it
    out: Target = None,
    picture: Picture = None,
    seed: Seed = 0,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """New rows, images or windows that are like those of fitting.

    isthmus fit people.csv --task sampler --out people.isthmus
    isthmus sample people.isthmus --rows 1000 --out made.csv --picture made.png
    isthmus sample people.isthmus --rows 100 --given sex=F --given age=30
    isthmus sample faces.isthmus --rows 50 --out made/ --picture sheet.png

    The model is a sampler, or a variational autoencoder: of that, rows are means of
    p(x|z), z drawn from its prior. --picture draws how the cells of each column are
    distributed; of images, a sheet.
    """
    from isthmus.artifacts import load
    from isthmus.errors import DataError

    loaded = load(model)
    fixed = _given(given)
    if hasattr(loaded, "interpolate"):
        made = loaded.sample(rows, given=fixed, random_state=seed)
    elif fixed is not None or not hasattr(loaded, "sample"):
        raise DataError(
            f"{model} is no sampler. Make one with: isthmus fit DATA --task sampler"
        )
    else:
        made = loaded.sample(rows or 1, random_state=seed)
    autoencoder = getattr(loaded, "autoencoder_", loaded)
    if getattr(autoencoder._converter, "form", "table") == "images":  # noqa: SLF001
        _images(made, out, picture)
        return
    table = _table(made, autoencoder)
    if picture is not None:
        from isthmus.plots import draw_columns

        draw_columns(picture, cells_of(table))
        written.tell(picture)
    if out is not None or picture is None:
        columns = {name: table[name] for name in table.column_names}
        answer(columns, out, as_json=as_json, raw=raw)


def cells_of(table: pa.Table) -> dict[str, Any]:
    """Columns as numbers with NaN, or as objects with None, to be drawn."""
    from isthmus.data.frames import open_frame

    rows, _ = open_frame(table, {})
    found: dict[str, Any] = {}
    for column in rows.columns:
        name = column.name
        if name in rows.texts:
            found[name] = rows.texts[name].to_numpy()
        else:
            found[name] = rows.numbers[:, rows.numeric.index(name)]
    return found


def _given(texts: list[str]) -> Any:
    """Cells by column, or the table in a file."""
    from isthmus.data.files import read_table

    if not texts:
        return None
    pairs = [text.partition("=") for text in texts]
    if len(texts) == 1 and not pairs[0][1]:
        return read_table(texts[0], set())
    for name, equals, _ in pairs:
        if not (name and equals):
            raise typer.BadParameter(f"--given wants COLUMN=VALUE. Got {name!r}.")
    return {name: value for name, _, value in pairs}


def _table(made: Any, autoencoder: Any) -> pa.Table:
    """Rows as an Arrow table, whatever the container of fitting was."""
    import numpy as np
    import pyarrow as pa

    from isthmus.data.frames import as_arrow, is_frame

    if is_frame(made):
        return pa.table(as_arrow(made))
    flat = np.asarray(made)
    names = autoencoder._converter.names  # noqa: SLF001
    flat = flat.reshape(-1, len(names))
    return pa.table({name: flat[:, j] for j, name in enumerate(names)})


def _images(made: Any, out: Path | None, picture: Path | None) -> None:
    from isthmus.cli.pictures import save_image

    if out is None and picture is None:
        raise typer.BadParameter("Images need --out FOLDER, or --picture FILE.")
    if out is not None:
        for j, image in enumerate(made):
            save_image(out / f"{j:0{len(str(len(made)))}}.png", image)
        sys.stderr.write(f"Wrote {len(made):,} images to {out}\n")
    if picture is not None:
        from isthmus.plots import draw_sheet

        draw_sheet(picture, list(made))
        written.tell(picture)
