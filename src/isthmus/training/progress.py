"""What a person sees of training: a bar on a terminal, some lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isthmus.training.engine import Epoch

    Tell = Callable[[Epoch, float], None]

LINES = 10
"""Epochs of which a line tells, about, where there is no terminal."""


@contextmanager
def progress(rows: int, *, verbose: int) -> Iterator[Tell]:
    """Yield the function that is told of every epoch; silent where ``verbose`` is 0."""
    if not verbose:
        yield lambda _epoch, _seconds: None
    elif sys.stderr.isatty():
        with _bar(rows) as tell:
            yield tell
    else:
        yield partial(_print, rows)


def _print(rows: int, epoch: Epoch, seconds: float) -> None:
    """A line for the first epoch, and for every tenth of all: a log stays short."""
    if epoch.number == 1 or epoch.number % max(epoch.planned // LINES, 1) == 0:
        told = _figures(epoch, rows, seconds)
        line = f"epoch {epoch.number}/{epoch.planned}  {told}\n"
        sys.stderr.write(line)


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
    from rich.table import Column  # noqa: PLC0415

    columns = (
        TextColumn("epoch", table_column=Column(no_wrap=True)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        BarColumn(8),
        TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
        TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True)),
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as bar:
        task = bar.add_task("", total=None)

        def tell(epoch: Epoch, seconds: float) -> None:
            bar.update(
                task,
                completed=epoch.number,
                total=epoch.planned,
                description=_short(epoch, rows, seconds),
            )

        yield tell


def _short(epoch: Epoch, rows: int, seconds: float) -> str:
    """The loss, that of validation rows, speed, and terms: what fits stays."""
    told = dict(epoch.figures)
    loss, held_out = told["loss"], told.get("validation_loss")
    text = f"loss {loss:.4g}" + ("" if held_out is None else f" / {held_out:.4g}")
    names = [n for n in told if not n.startswith("validation_")][2:-1]
    terms = [f"{n} {told[n]:.3g}" for n in names] if len(names) > 1 else []
    return "  ".join([text, f"{rows / max(seconds, 1e-9):,.0f} rows/s", *terms])


def _figures(epoch: Epoch, rows: int, seconds: float) -> str:
    shown = [f"{k} {v:.4g}" for k, v in epoch.figures.items() if k != "epoch"]
    return "  ".join([*shown, f"{rows / max(seconds, 1e-9):,.0f} rows/s"])
