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

BESIDE: dict[str, Any] = {"rotation": 0, "ha": "right", "va": "center", "fontsize": 8}
"""How the names of columns stand beside them."""


def draw_series(
    path: str | Path,
    actual: dict[str, NDArray[np.float64]],
    expected: dict[str, NDArray[np.float64]],
    *,
    scores: NDArray[np.float64] | None = None,
    offset: float | None = None,
    times: Any = None,
    title: str = "",
) -> None:
    """Draw columns (n,) by name, what was expected of them, and the scores below.

    Where scores lie below ``offset`` the ground is shaded. ``times`` (n,) rise; lines
    are broken where rows are missing. Of more than `MOST` columns those are drawn that
    are farthest from what was expected, in their own spreads.
    """
    names = sorted(actual, key=lambda name: -_distance(actual[name], expected[name]))
    names = [name for name in actual if name in set(names[:MOST])]
    count = len(names) + (scores is not None)
    figure = blank(9, 1.3 * count + 0.8)
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    x = np.arange(len(next(iter(actual.values())))) if times is None else times
    x, gaps = np.asarray(x), _gaps(np.asarray(x))
    at = np.insert(x, gaps, x[gaps])
    for axes, name in zip(panels, names, strict=False):
        for values, colour, width, told in (
            (expected[name], USUAL, 1.4, "expected"),
            (actual[name], INK, 0.7, "actual"),
        ):
            line = np.insert(np.asarray(values, np.float64), gaps, np.nan)
            axes.plot(at, line, color=colour, linewidth=width, label=told)
        axes.set_ylabel(name, **BESIDE)
    if scores is not None:
        line = np.insert(np.asarray(scores, np.float64), gaps, np.nan)
        panels[-1].plot(at, line, color=FAINT, linewidth=0.8)
        panels[-1].set_ylabel("score", **BESIDE)
        if offset is not None:
            panels[-1].axhline(offset, color=ODD, linewidth=0.8)
            for axes in panels:
                _shade(axes, at, line < offset)
    panels[0].set_title(title, loc="left", fontsize=9)
    _finish(figure, panels, "row" if times is None else "time", x)
    save(figure, path)


def _finish(figure: Any, panels: Any, below: str, x: NDArray[Any]) -> None:
    """Names of lines above, of the axis below, and dates no longer than need be."""
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
    lines, names = panels[0].get_legend_handles_labels()
    figure.legend(
        lines, names, loc="outside upper right", ncols=2, frameon=False, fontsize=8
    )
    figure.align_ylabels(panels)
    panels[-1].set_xlabel(below)
    if x.dtype.kind == "M":
        dates = optional("matplotlib.dates", "plots")
        locator = dates.AutoDateLocator()
        panels[-1].xaxis.set_major_locator(locator)
        panels[-1].xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _gaps(x: NDArray[Any]) -> NDArray[np.int64]:
    """Rows that come more than two usual steps after the row before."""
    if len(x) < 2 or x.dtype.kind not in "iufM":
        return np.arange(0)
    steps = np.diff(x).astype(np.float64)
    return np.flatnonzero(steps > 2.5 * np.median(steps)) + 1


def _distance(actual: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    spread = float(np.nanstd(actual)) or 1.0
    return float(np.nanmean(np.abs(actual - expected)) / spread)


def _shade(axes: Any, x: NDArray[Any], odd: NDArray[np.bool_]) -> None:
    """Colour the ground from the first to the last row of each run."""
    edges = np.flatnonzero(np.diff(odd.astype(np.int8), prepend=0, append=0))
    for start, stop in edges.reshape(-1, 2):
        axes.axvspan(x[start], x[stop - 1], color=ODD, alpha=0.25, linewidth=1)
