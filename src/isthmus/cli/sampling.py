"""``isthmus sample``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import written
from isthmus.cli.holding import need
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
Real = Annotated[
    str | None,
    typer.Option(
        "--real", metavar="FILE", help="The rows of fitting, to report on made ones."
    ),
]
Holdout = Annotated[
    str | None,
    typer.Option(
        "--holdout", metavar="FILE", help="Rows that the model has not seen, for that."
    ),
]
Predicted = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="COLUMN", help="Column to predict; by default each in turn."
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
    real: Real = None,
    holdout: Holdout = None,
    target: Predicted = None,
    seed: Seed = 0,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """New rows, images or windows that are like those of fitting.

    isthmus fit people.csv --task sampler --out people.isthmus
    isthmus sample people.isthmus --rows 1000 --out made.csv --picture made.png
    isthmus sample people.isthmus --rows 100 --given sex=F --given age=30
    isthmus sample faces.isthmus --rows 50 --out made/ --picture sheet.png
    isthmus sample people.isthmus --real people.csv --holdout others.csv

    With --real and --holdout no rows are written, but a report: how like real rows
    made ones are, what they teach of --target, and what they give away.

    The model is a sampler, or a variational autoencoder: of that, rows are means of
    p(x|z), z drawn from its prior. --picture draws how the cells of each column are
    distributed; of images, a sheet.
    """
    loaded = _loaded(model, special=bool(given or real or holdout))
    if real is not None or holdout is not None:
        _report(loaded, (real, holdout), target, rows, seed, picture, as_json=as_json)
        return
    made = _made(loaded, rows, _given(given), seed)
    autoencoder = getattr(loaded, "autoencoder_", loaded)
    if getattr(autoencoder._converter, "form", "table") == "images":  # noqa: SLF001
        _images(made, out, picture)
        return
    table = _table(made, autoencoder)
    if picture is not None:
        from isthmus.plots import draw_columns

        draw_columns(picture, cells_of(table))
        written.tell(picture)
    if out is not None or as_json or picture is None:
        columns = {name: table[name] for name in table.column_names}
        answer(columns, out, as_json=as_json, raw=raw)


def _loaded(model: Path, *, special: bool) -> Any:
    """A sampler; or, where nothing special is asked, an autoencoder."""
    from isthmus.artifacts import load
    from isthmus.estimator import Autoencoder
    from isthmus.tasks.sampler import Sampler

    loaded = load(model)
    own = isinstance(loaded, Autoencoder) and not special
    asks = "a report or --given" if special else "isthmus sample"
    need(own or isinstance(loaded, Sampler), model, loaded, asks, "sampler")
    return loaded


def _made(loaded: Any, rows: int | None, given: Any, seed: int) -> Any:
    """What a sampler makes, or a variational autoencoder."""
    if hasattr(loaded, "interpolate"):
        return loaded.sample(rows, given=given, random_state=seed)
    return loaded.sample(rows or 1, random_state=seed)


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


def _report(
    loaded: Any,
    files: tuple[str | None, str | None],
    target: str | None,
    rows: int | None,
    seed: int,
    picture: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print what made rows are worth, beside the rows of two files."""
    from isthmus.cli.tables import to_json
    from isthmus.data.files import read_table

    if None in files:
        raise typer.BadParameter("--real and --holdout need each other.")
    found = loaded.autoencoder_.columns_
    words = {column.name for column in found if column.type == "text"}
    names = [column.name for column in found]
    tables = [read_table(str(file), words) for file in files]
    train, held_out = (
        t.select([n for n in t.column_names if n in names]) for t in tables
    )
    report = loaded.report(train, held_out, target=target, n=rows, random_state=seed)
    print(to_json(report.figures()) if as_json else report)
    if picture is not None:
        report.draw(picture)
        written.tell(picture)


def _given(texts: list[str]) -> Any:
    """Cells by column, or the table in a file."""
    from isthmus.data.files import read_table

    if not texts:
        return None
    pairs = [text.partition("=") for text in texts]
    if len(texts) == 1 and not pairs[0][1]:
        if not Path(texts[0]).exists():
            raise typer.BadParameter(
                f"--given wants COLUMN=VALUE, or a file with rows of them. Got "
                f"{texts[0]!r}, and there is no such file."
            )
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
    from isthmus.cli.folders import save_image

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
