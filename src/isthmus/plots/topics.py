"""What topics are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isthmus.plots._figure import FAINT, INK, USUAL, blank, save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike

MOST = 30
"""Topics that are drawn."""

ACROSS = 5
"""Topics side by side."""


def draw_topics(
    path: str | Path,
    weights: ArrayLike,
    words: Sequence[str],
    *,
    shares: ArrayLike | None = None,
    top: int = 8,
) -> None:
    """The foremost words of each topic, a bar for the share of each.

    ``weights`` are (topics, words), as `isthmus.topic_weights` gives them. With
    ``shares``, (texts, topics), as `transform` does, topics that have the largest part
    of all texts come first, and are called by it. An ending that is no format of
    pictures raises `IsthmusError`.
    """
    weights = np.asarray(weights, dtype=float)
    part = None if shares is None else np.asarray(shares, dtype=float).mean(axis=0)
    order = np.arange(len(weights)) if part is None else np.argsort(-part)
    drawn = order[:MOST]
    down = -(-len(drawn) // ACROSS)
    figure = blank(2.1 * ACROSS, 0.4 + (0.35 + 0.17 * top) * down)
    grid = figure.subplots(down, ACROSS, squeeze=False).ravel()
    for axes, k in zip(grid, drawn, strict=False):
        first = np.argsort(-weights[k], kind="stable")[:top]
        axes.barh(range(len(first)), weights[k][first], color=USUAL, height=0.75)
        names = [words[j] for j in first]
        axes.set_yticks(range(len(first)), names, color=INK, fontsize=7)
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.tick_params(length=0)
        title = f"{k}" if part is None else f"{k}: {part[k]:.1%}"
        axes.set_title(title, color=FAINT, fontsize=8, loc="left")
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    for axes in grid[len(drawn) :]:
        axes.set_axis_off()
    save(figure, path)
