"""An empty figure, and the colours that figures share."""

from __future__ import annotations

from typing import Any

from isthmus.errors import MissingExtraError

USUAL, ODD, INK, FAINT = "#8fa3bf", "#d1495b", "#2b303a", "#8a919e"
"""Usual rows and cells, odd ones, words, and words of less weight."""


def blank(width: float, height: float) -> Any:
    """A figure of so many inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(
            "Pictures need matplotlib. Install it with: pip install 'isthmus[plots]'"
        ) from None
    figure: Any = Figure(figsize=(width, height), dpi=120, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return figure
