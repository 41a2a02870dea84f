"""What a command has written so far, to be told where it is interrupted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

files: list[Path] = []

unfinished: list[Path] = []
"""Checkpoints that --resume goes on from, if they are there."""


def tell(path: Path) -> None:
    """Say that a picture was drawn."""
    files.append(path)
    sys.stderr.write(f"Wrote {path}\n")


def told() -> str:
    """One sentence on `files`."""
    if any(path.exists() for path in unfinished):
        return (
            f"{unfinished[0]} holds where training stood some seconds ago: add "
            f"--resume to go on from there."
        )
    if not files:
        return "Nothing was written."
    return f"Written until then: {', '.join(map(str, files))}."
