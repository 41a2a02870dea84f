"""What a person sees of training: a bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isthmus.training.engine import Epoch

    Tell = Callable[[Epoch, float], None]


@contextmanager
def progress(rows: int, *, verbose: int) -> Iterator[Tell]:
    """Yield the function that is told of every epoch; silent where ``verbose`` is 0."""
    if not verbose:
        yield lambda _epoch, _seconds: None
    elif sys.stderr.isatty():
        with _bar(rows) as tell:
            yield tell
    else:
        yield lambda epoch, seconds: print(  # noqa: T201 - asked for by ``verbose``
            f"epoch {epoch.number}/{epoch.planned}  {_figures(epoch, rows, seconds)}",
            file=sys.stderr,
        )


@contextmanager
def _bar(rows: int) -> Iterator[Tell]:
    # only where there is a terminal
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
    )
    text = TextColumn("{task.description}")
    with Progress(*columns, text, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def tell(epoch: Epoch, seconds: float) -> None:
            bar.update(
                task,
                completed=epoch.number,
                total=epoch.planned,
                description=_figures(epoch, rows, seconds),
            )

        yield tell


def _figures(epoch: Epoch, rows: int, seconds: float) -> str:
    shown = [f"{k} {v:.4g}" for k, v in epoch.figures.items() if k != "epoch"]
    return "  ".join([*shown, f"{rows / max(seconds, 1e-9):,.0f} rows/s"])
