"""A folder of pictures or recordings in, a folder out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from isthmus.cli import written

if TYPE_CHECKING:
    from isthmus.cli.tables import Opened

WORDS = {"images": "pictures", "audio": "recordings"}
SUFFIXES = {"images": ".png", "audio": ".wav"}
DRAWN = {"images": 10, "audio": 4}
"""Files that are drawn before and after."""


def rebuild(opened: Opened, model: Any, out: Path | None, picture: Path | None) -> None:
    """Write what a model makes of files to a folder, under their names."""
    from isthmus.errors import DataError

    files, form = opened.rows.files, opened.rows.form
    what, most = WORDS[form], DRAWN[form]
    if out is None and picture is None:
        raise typer.BadParameter("Files need --out FOLDER, or --picture FILE.")
    if out is not None and out.exists() and not out.is_dir():
        raise DataError(f"--out {out}: is a file, and {what} go into a folder.")
    first: list[tuple[Any, Any]] = []
    count = 0
    for before in opened.rows:
        after = model.reconstruct(before)
        first += list(zip(before, after, strict=True))[: most - len(first)]
        if out is not None:
            for name, one in zip(files[count : count + len(after)], after, strict=True):
                _write(form, _place(out, name, files, SUFFIXES[form]), one)
        count += len(before)
        if out is None and len(first) >= most:
            break
    if out is not None:
        sys.stderr.write(f"Wrote {count:,} {what} to {out}\n")
    if picture is not None:
        _draw(form, picture, first, files[:most])
        written.tell(picture)


def _write(form: str, path: Path, one: Any) -> None:
    from isthmus.data.wav import write_wav

    (save_image if form == "images" else write_wav)(path, one)


def _draw(form: str, path: Path, pairs: list[Any], files: tuple[str, ...]) -> None:
    from isthmus.plots import draw_before_and_after, draw_spectrograms

    if form == "images":
        draw_before_and_after(path, pairs)
    else:
        draw_spectrograms(path, pairs, [Path(name).name for name in files])


def _place(out: Path, name: str, names: tuple[str, ...], suffix: str) -> Path:
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
