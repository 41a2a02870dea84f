"""An empty figure, and the colours that figures share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isthmus.errors import IsthmusError, optional

FORMATS = ("png", "pdf", "svg")
"""What pictures can be written as."""

USUAL, ODD, INK, FAINT = "#8fa3bf", "#d1495b", "#2b303a", "#8a919e"
"""Usual rows and cells, odd ones, words, and words of less weight."""


def blank(width: float, height: float) -> Any:
    """A figure of so many inches."""
    figure = optional("matplotlib.figure", "plots").Figure(
        figsize=(width, height), dpi=120, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return figure


def save(figure: Any, path: str | Path) -> None:
    """Write a figure as what the end of the name says: PNG, PDF or SVG."""
    kind = Path(path).suffix.lower().removeprefix(".") or "png"
    if kind not in FORMATS:
        raise IsthmusError(
            f"{path}: pictures are written as {', '.join(FORMATS)}, and not as {kind}."
        )
    figure.savefig(path, format=kind)
