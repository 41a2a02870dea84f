"""Pictures of what was made: sheets of images, and columns beside the real ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.errors import DataError
from isthmus.plots._figure import INK, ODD, USUAL, blank, save
from isthmus.plots.images import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MOST_COLUMNS = 24
"""Columns that are drawn, the first ones."""

BINS = 30
"""Bars of a histogram, about."""

BARS = 8
"""Levels of a column that are drawn, the most frequent ones."""


def draw_sheet(
    path: str | Path, images: Sequence[NDArray[Any]], across: int = 10
) -> None:
    """Draw images (height, width) or (height, width, channels) on one sheet.

    ``across`` stand in a line; all are drawn in the same shades.
    """
    if not len(images):
        raise DataError("There is no image to draw.")
    down = math.ceil(len(images) / across)
    height, width = images[0].shape[:2]
    figure = blank(0.75 * across, 0.75 * down * height / width)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    grid = figure.subplots(down, across, squeeze=False).ravel()
    low = min(float(np.nanmin(image)) for image in images)
    high = max(float(np.nanmax(image)) for image in images)
    for axes in grid:
        axes.set_axis_off()
    for axes, image in zip(grid, images, strict=False):
        axes.imshow(shown(image, low, high), cmap="gray", vmin=0, vmax=1)
    save(figure, path)


def draw_columns(
    path: str | Path,
    made: Mapping[str, NDArray[Any]],
    real: Mapping[str, NDArray[Any]] | None = None,
) -> None:
    """Draw how the cells of columns are distributed, and those of real rows behind.

    A column is an array of numbers, NaN where one is missing, or of objects, None
    where one is missing: of these the share of the most frequent ones is drawn.
    """
    names = list(made)[:MOST_COLUMNS]
    if not names:
        raise DataError("There is no column to draw.")
    across = min(4, len(names))
    down = math.ceil(len(names) / across)
    figure = blank(3.0 * across, 2.2 * down)
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(grid, names, strict=False):
        behind = None if real is None else real[name]
        draw = _numbers if made[name].dtype.kind in "fiu" else _levels
        draw(axes, made[name], behind)
        axes.set_title(name, fontsize=9, color=INK)
        axes.tick_params(labelsize=7)
        axes.set_yticks([])
    if real is not None:
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    save(figure, path)


def _numbers(axes: Any, made: NDArray[Any], real: NDArray[Any] | None) -> None:
    """Histograms with the same bins; of whole numbers each holds equally many."""
    both = [made] if real is None else [made, real]
    cells = [column[np.isfinite(column)].astype(float) for column in both]
    every = np.concatenate(cells)
    if not len(every):
        return
    bins = np.histogram_bin_edges(every, bins=BINS)
    if (every == np.rint(every)).all():
        step = math.ceil(max(np.ptp(every), 1) / BINS)
        bins = np.arange(every.min(), every.max() + step + 1, step) - 0.5
    if real is not None and len(cells[1]):
        axes.hist(cells[1], bins, density=True, color=USUAL, label="real")
    if len(cells[0]):
        style = {"histtype": "step", "linewidth": 1.4, "color": ODD, "label": "made"}
        axes.hist(cells[0], bins, density=True, **style)


def _levels(axes: Any, made: NDArray[Any], real: NDArray[Any] | None) -> None:
    """Shares of the levels that are most frequent among real rows."""
    first = made if real is None else real
    words, counts = np.unique(_words(first), return_counts=True)
    top = words[np.argsort(-counts, kind="stable")][:BARS]
    places = np.arange(len(top))
    if real is not None:
        axes.bar(places, _shares(real, top), color=USUAL, label="real")
    style = {"fill": False, "edgecolor": ODD, "linewidth": 1.4, "label": "made"}
    axes.bar(places, _shares(made, top), **style)
    short = [word if len(word) <= 9 else f"{word[:8]}\u2026" for word in top]
    axes.set_xticks(places, short, rotation=40, ha="right")


def _shares(cells: NDArray[Any], levels: NDArray[Any]) -> list[float]:
    words = _words(cells)
    return [float((words == level).mean()) for level in levels]


def _words(cells: NDArray[Any]) -> NDArray[Any]:
    return np.array(["missing" if c is None else str(c) for c in cells])
