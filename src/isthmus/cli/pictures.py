"""Pictures in, pictures out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from isthmus.cli import written

if TYPE_CHECKING:
    from isthmus.cli.tables import Opened

MOST_DRAWN = 10
"""Pictures that are drawn before and after."""


def rebuild(opened: Opened, model: Any, out: Path | None, picture: Path | None) -> None:
    """Write what a model makes of pictures to a folder, under their names, as PNG."""
    from isthmus.errors import DataError

    if out is None and picture is None:
        raise typer.BadParameter("Pictures need --out FOLDER, or --picture FILE.")
    if out is not None and out.exists() and not out.is_dir():
        raise DataError(f"--out {out}: is a file, and pictures go into a folder.")
    first: list[tuple[Any, Any]] = []
    count = 0
    for before in opened.rows:
        after = model.reconstruct(before)
        pairs = zip(before, after, strict=True)
        first += list(pairs)[: MOST_DRAWN - len(first)]
        if out is not None:
            names = opened.rows.files[count : count + len(before)]
            for name, image in zip(names, after, strict=True):
                save_image(place_of(out, name, opened.rows.files, ".png"), image)
        count += len(before)
        if out is None and len(first) >= MOST_DRAWN:
            break
    if out is not None:
        sys.stderr.write(f"Wrote {count:,} pictures to {out}\n")
    if picture is not None:
        from isthmus.plots import draw_before_and_after

        draw_before_and_after(picture, first)
        written.tell(picture)


def draw_one(
    picture: Path, opened: Opened, expected: Any, scores: Any = None, offset: Any = None
) -> None:
    """Draw a series, what was expected of it, and scores: that with the oddest row."""
    import numpy as np
    from pyarrow import types

    from isthmus.errors import DataError
    from isthmus.plots import draw_series

    rows: Any = opened.rows
    form = opened.series
    clock, group = (getattr(form, name, None) for name in ("time", "by"))
    places, times, title = np.arange(len(rows)), None, ""
    if group is not None:
        names = np.array(rows.column(group).to_pylist(), dtype=object)
        shown = names[0 if scores is None else np.argmin(scores)]
        places, title = places[names == shown], f"{group} = {shown}"
    if clock is not None:
        times = rows.column(clock).to_numpy()
        places = places[times[places].argsort(kind="stable")]
    numbers = [
        name
        for name, kind in zip(rows.column_names, rows.schema.types, strict=True)
        if (types.is_floating(kind) or types.is_integer(kind))
        and name not in {clock, group}
    ]
    if not numbers:
        raise DataError("The series has no column of numbers that could be drawn.")
    actual, meant = (
        {name: table.column(name).to_numpy()[places] for name in numbers}
        for table in (rows, expected)
    )
    draw_series(
        picture,
        actual,
        meant,
        scores=None if scores is None else scores[places],
        offset=offset,
        times=None if times is None else times[places],
        title=title,
    )


def place_of(out: Path, name: str, names: tuple[str, ...], suffix: str) -> Path:
    """The same folders below ``out`` as below what all names have in common."""
    import os

    common = os.path.commonpath([str(Path(n).parent) for n in names])
    place = out / Path(name).relative_to(common).with_suffix(suffix)
    if place.absolute() == Path(name).absolute():
        raise typer.BadParameter(f"--out {out}: would replace {name}. Give another.")
    return place


def save_image(path: Path, image: Any) -> None:
    """Write an image as PNG."""
    from isthmus.errors import optional

    path.parent.mkdir(parents=True, exist_ok=True)
    optional("PIL.Image", "images").fromarray(image).save(path)
