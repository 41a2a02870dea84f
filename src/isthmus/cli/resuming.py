"""A checkpoint beside the model that is trained, and ``--resume``."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from isthmus.cli import written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from isthmus.ranks import Ranks


@contextmanager
def checkpoint(out: Path, ranks: Ranks, *, resume: bool) -> Iterator[Path]:
    """A file that is gone on with only where that is asked for, and that vanishes.

    Of several processes the first sees to that. After a restart, what there is is gone
    on with.
    """
    from isthmus.errors import DataError
    from isthmus.ranks import restarted

    kept = out.with_name(f"{out.name}.checkpoint")
    if resume and not restarted() and not _checkpoints(kept):
        raise DataError(f"--resume: there is no {kept}. Leave it out.")
    if ranks.first and not resume and not restarted():
        for path in _checkpoints(kept):
            old = path.replace(f"{path}.old")
            told = f"{path} of an earlier training is now {old}"
            sys.stderr.write(f"{told}; rename it, and --resume goes on with it.\n")
    ranks.all_gather(None)  # nobody looks for a file before
    written.unfinished[:] = [kept]
    yield kept
    for path in _checkpoints(kept) if ranks.first else ():
        path.unlink()


def _checkpoints(kept: Path) -> list[Path]:
    """The file itself, or one with a number behind it for each replica."""
    form = re.compile(rf"{re.escape(kept.name)}(\.\d+)?")
    return [path for path in kept.parent.iterdir() if form.fullmatch(path.name)]
