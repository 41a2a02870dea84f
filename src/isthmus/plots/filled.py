"""What was filled in beside what was there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.data.frames import as_arrow
from isthmus.errors import DataError
from isthmus.plots._figure import FAINT, INK, ODD, USUAL, blank, save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOST_COLUMNS, MOST_LEVELS, BINS = 12, 8, 24

YEARS, YEAR = 3, 365.2425
"""Dates that lie more years apart stand at their years; days of a year."""


def draw_filled(
    path: str | Path, before: Any, tables: list[Any], missing: Mapping[str, Any]
) -> None:
    """Draw the cells that were there and those that were filled, column by column.

    ``before`` is a frame with gaps, ``tables`` are the same rows without, one or
    several; ``missing``, masks by column, says where gaps were. Of these columns the
    `MOST_COLUMNS` with most of them are drawn.
    """
    known = as_arrow(before)
    filled = [as_arrow(table) for table in tables]
    order = sorted(missing, key=lambda n: -int(missing[n].sum()))
    names = order[:MOST_COLUMNS]
    if not names:
        raise DataError("No cell is missing, so there is nothing to draw.")
    across = min(len(names), 4)
    down = -(-len(names) // across)
    figure = blank(2.9 * across + 0.4, 2.3 * down + 0.6)
    grid = figure.subplots(down, across, squeeze=False).flatten()
    for axes, name in zip(grid, names, strict=False):
        gone = missing[name]
        there = known[name].filter(~gone)
        new = [cells[name].filter(gone) for cells in filled]
        _draw(axes, there, new)
        axes.set_title(
            f"{name}: {gone.sum():,} of {len(gone):,}", fontsize=9, color=INK
        )
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(labelsize=7, colors=FAINT)
        axes.set_yticks([])
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    said = f", mean of {len(tables)} draws" if len(tables) > 1 else ""
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(
        handles,
        [label + (said if label == "filled in" else "") for label in labels],
        loc="outside lower center",
        ncols=2,
        fontsize=8,
        frameon=False,
    )
    save(figure, path)


def _draw(axes: Any, there: pa.ChunkedArray, new: list[pa.ChunkedArray]) -> None:
    """Shares of the cells in bins, or at levels."""
    if pa.types.is_temporal(there.type):
        there, new = there.cast("timestamp[us]"), [n.cast("timestamp[us]") for n in new]
        cells: list[Any] = [c.to_numpy() for c in (there, *new)]
        cells = [c[~np.isnat(c)] for c in cells]
    elif pa.types.is_integer(there.type) or pa.types.is_floating(there.type):
        cells = [c.cast(pa.float64()).to_numpy() for c in (there, *new)]
        cells = [c[np.isfinite(c)] for c in cells]
    else:
        words = [pc.cast(c, pa.string()).drop_null().to_pylist() for c in (there, *new)]
        _levels(axes, words[0], words[1:])
        return
    _bins(axes, cells[0], cells[1:])


def _bins(axes: Any, there: Any, new: list[Any]) -> None:
    both = np.concatenate([there, *new])
    if not len(both):
        return
    if both.dtype.kind == "M":
        start, day = both.min(), np.timedelta64(1, "D")
        at = [(c - start) / day for c in (there, *new)]
        said = f"days since {str(start)[:10]}"
        if (both.max() - start) / day > YEARS * YEAR:
            at = [
                (c - np.datetime64("1970")) / day / YEAR + 1970 for c in (there, *new)
            ]
            said = "year"
        axes.set_xlabel(said, fontsize=7, color=FAINT)
        there, new = at[0], at[1:]
        both = np.concatenate([there, *new])
    low, high = np.quantile(both, (0.005, 0.995)).tolist()
    edges = np.linspace(low, high, BINS + 1)
    if edges[0] == edges[-1]:
        edges = np.linspace(both.min() - 0.5, both.max() + 0.5, BINS + 1)
    bars = [_shares(cells, edges) for cells in (there, np.concatenate(new))]
    axes.stairs(bars[0], edges, fill=True, color=USUAL, label="there")
    axes.stairs(bars[1], edges, color=ODD, linewidth=1.6, label="filled in")


def _shares(cells: Any, edges: Any) -> Any:
    inside = np.clip(cells, edges[0], edges[-1])
    return np.histogram(inside, edges)[0] / max(len(cells), 1)


def _levels(axes: Any, there: list[str], new: list[list[str]]) -> None:
    drawn = [word for words in new for word in words]
    names, counts = np.unique(
        np.array([*there, *drawn], dtype=object), return_counts=True
    )
    names = names[np.argsort(-counts, kind="stable")][:MOST_LEVELS]
    bars = [
        [np.mean([w == n for w in words] or [0]) for n in names]
        for words in (there, drawn)
    ]
    place = np.arange(len(names))
    axes.bar(place, bars[0], 0.8, color=USUAL, label="there")
    axes.stairs(
        np.ravel([bars[1], np.zeros(len(names))], order="F")[:-1],
        np.ravel([place - 0.4, place + 0.4], order="F"),
        color=ODD,
        linewidth=1.6,
        label="filled in",
    )
    axes.set_xticks(place, [str(n)[:12] for n in names], rotation=30, ha="right")
