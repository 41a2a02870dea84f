"""Scores that the workers of an engine compute."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from isthmus.cli.options import ENGINES

if TYPE_CHECKING:
    from pathlib import Path

    from isthmus.cli.tables import Opened


def refuse(engine: str | None, workers: int | None) -> None:
    """Refuse an engine that there is not, and workers of none."""
    if engine is not None and engine not in ENGINES:
        known = ", ".join(ENGINES)
        raise typer.BadParameter(f"--engine: {engine!r} is not known. Known: {known}.")
    if engine is None and workers is not None:
        raise typer.BadParameter("--workers needs --engine.")


def scores_by_ray(opened: Opened, model: Path, workers: int | None) -> Any:
    """Scores of all rows, (n,), in their order."""
    import numpy as np

    from isthmus.cluster import Answers, ray

    answers = Answers(model, wanted=["score"])
    sys.stderr.write("Scoring on Ray\n")
    with ray.started(workers):
        found = ray.answer(opened.rows, answers, workers=workers)
        batches = found.iter_batches(batch_size=None, batch_format="numpy")
        return np.concatenate([batch["score"] for batch in batches])
