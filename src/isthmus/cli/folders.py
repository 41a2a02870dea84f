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
    files, form = opened.rows.files, opened.rows.form
    what, most = WORDS[form], DRAWN[form]
    if out is None and picture is None:
        raise typer.BadParameter("Files need --out FOLDER, or --picture FILE.")
    places = [] if out is None else _places(out, files, SUFFIXES[form])
    first: list[tuple[Any, Any]] = []
    count = 0
    for before in opened.rows:
        after = model.reconstruct(before)
        first += list(zip(before, after, strict=True))[: most - len(first)]
        if out is not None:
            for place, one in zip(places[count:], after, strict=False):
                _write(form, place, one)
        count += len(before)
        if out is None and len(first) >= most:
            break
    if out is not None:
        where = places[0] if count == 1 else f"{count:,} {what} to {out}"
        sys.stderr.write(f"Wrote {where}\n")
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


def _places(out: Path, names: tuple[str, ...], suffix: str) -> list[Path]:
    """The same folders below ``out`` as below what all names have in common.

    Of one file, ``out`` itself, where it is called like one.
    """
    import os

    from isthmus.errors import DataError

    common = os.path.commonpath([str(Path(n).parent) for n in names])
    found = [out / Path(n).relative_to(common).with_suffix(suffix) for n in names]
    if out.is_file() or (out.suffix.lower() == suffix and not out.is_dir()):
        if len(names) > 1 or out.suffix.lower() != suffix:
            raise DataError(
                f"--out {out}: is no folder. Name one, or for a single file a "
                f"{suffix} to write."
            )
        found = [out]
    read = {Path(name).resolve(): name for name in names}
    for place in found:
        if place.resolve() in read:
            raise DataError(
                f"--out {out}: would replace {read[place.resolve()]}. Name another."
            )
    return found


def save_image(path: Path, image: Any) -> None:
    """Write an image as PNG."""
    from isthmus.errors import optional

    path.parent.mkdir(parents=True, exist_ok=True)
    optional("PIL.Image", "images").fromarray(image).save(path)
