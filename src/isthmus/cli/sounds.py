"""Sound in, sound out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from isthmus.cli import written
from isthmus.cli.pictures import place_of

if TYPE_CHECKING:
    from pathlib import Path

    from isthmus.cli.tables import Opened

MOST_DRAWN = 4
"""Recordings that are drawn before and after."""


def rebuild(opened: Opened, model: Any, out: Path | None, picture: Path | None) -> None:
    """Write what a model makes of recordings to a folder, under their names, as WAV."""
    from isthmus.data.wav import write_wav
    from isthmus.errors import DataError

    if out is None and picture is None:
        raise typer.BadParameter("Sound needs --out FOLDER, or --picture FILE.")
    if out is not None and out.exists() and not out.is_dir():
        raise DataError(f"--out {out}: is a file, and recordings go into a folder.")
    files, count = opened.rows.files, 0
    first: list[tuple[Any, Any]] = []
    for before in opened.rows:
        names = files[count : count + len(before)]
        places = [] if out is None else [place_of(out, n, files, ".wav") for n in names]
        after = model.reconstruct(before)
        first += list(zip(before, after, strict=True))[: MOST_DRAWN - len(first)]
        for place, sound in zip(places, after, strict=False):
            write_wav(place, sound)
        count += len(before)
        if out is None and len(first) >= MOST_DRAWN:
            break
    if out is not None:
        sys.stderr.write(f"Wrote {count:,} recordings to {out}\n")
    if picture is not None:
        from isthmus.plots import draw_spectrograms

        names = [name.rpartition("/")[2] for name in files[:MOST_DRAWN]]
        draw_spectrograms(picture, first, names)
        written.tell(picture)
