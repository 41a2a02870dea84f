"""Series, what was expected of them, and where they are odd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.errors import optional
from isthmus.plots._figure import FAINT, INK, ODD, USUAL, blank, save

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MOST = 8
"""Columns that are drawn."""


def draw_series(
    path: str | Path,
    actual: dict[str, NDArray[np.float64]],
    expected: dict[str, NDArray[np.float64]],
    *,
    scores: NDArray[np.float64] | None = None,
    offset: float | None = None,
    times: Any = None,
) -> None:
    """Draw columns (n,) by name, what was expected of them, and the scores below.

    Where scores lie below ``offset`` the ground is shaded. Of more than `MOST` columns
    those are drawn that are farthest from what was expected, in their own spreads.
    """
    names = sorted(actual, key=lambda name: -_distance(actual[name], expected[name]))
    names = [name for name in actual if name in set(names[:MOST])]
    count = len(names) + (scores is not None)
    figure = blank(9, 1.3 * count + 0.8)
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    x = np.arange(len(next(iter(actual.values())))) if times is None else times
    for axes, name in zip(panels, names, strict=False):
        axes.plot(x, expected[name], color=USUAL, linewidth=1.4, label="expected")
        axes.plot(x, actual[name], color=INK, linewidth=0.7, label="actual")
        axes.set_ylabel(name)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False)
    if scores is not None:
        panels[-1].plot(x, scores, color=FAINT, linewidth=0.8)
        panels[-1].set_ylabel("score")
        panels[-1].spines[["top", "right"]].set_visible(False)
        if offset is not None:
            panels[-1].axhline(offset, color=ODD, linewidth=0.8)
            for axes in panels:
                _shade(axes, x, scores < offset)
    panels[-1].set_xlabel("row" if times is None else "time")
    if np.asarray(x).dtype.kind == "M":
        dates, axis = optional("matplotlib.dates", "plots"), panels[-1].xaxis
        axis.set_major_formatter(dates.ConciseDateFormatter(axis.get_major_locator()))
    save(figure, path)


def _distance(actual: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    spread = float(np.nanstd(actual)) or 1.0
    return float(np.nanmean(np.abs(actual - expected)) / spread)


def _shade(axes: Any, x: Any, odd: NDArray[np.bool_]) -> None:
    """Colour the ground from the first to the last row of each run."""
    edges = np.flatnonzero(np.diff(odd.astype(np.int8), prepend=0, append=0))
    for start, stop in edges.reshape(-1, 2):
        last = min(stop, len(x) - 1)
        axes.axvspan(x[start], x[last], color=ODD, alpha=0.25, linewidth=0)
