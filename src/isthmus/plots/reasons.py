"""Which cells speak against rows, and what was expected of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from isthmus.plots._figure import FAINT, INK, ODD, USUAL, blank, save
from isthmus.scores.reasons import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from isthmus.scores.reasons import Reason

CAPTION = "first: what mends the row most if set right; bars: what lowers the score"

ROWS = 12
"""Rows that are drawn at most."""

LONGEST = 26
"""Letters of a name or a cell."""

PLACES = {"actual": 0.0, "expected": 0.4, "tail": 0.82}
"""Where the words beside the bars begin."""


def draw_reasons(
    path: str | Path, told: Any, titles: Sequence[str] | None = None, *, most: int = 5
) -> None:
    """Draw the ``most`` loudest cells of each row of an `Explanation` as bars.

    That comes first which mends the row most if it is set right (`Explanation.top`). A
    bar is as long as the cell lowers the score. Beside it stand the cell, what was
    expected in its place, and how rare as low a contribution is. 12 rows at most.
    """
    every = told.top(most)[:ROWS]
    rows = [[cell for cell in row if cell.contribution < 0] for row in every]
    titles = titles or [f"row {i}" for i in range(len(rows))]
    lines = max(1, *map(len, rows))
    figure = blank(9.2, 0.5 + len(rows) * (0.5 + 0.26 * lines))
    figure.get_layout_engine().set(hspace=0.02)
    panels = figure.subplots(len(rows), 2, squeeze=False, width_ratios=(5, 4))
    lengths = [-cell.contribution for cells in rows for cell in cells]
    ends = 0.0, max(0.0, *lengths)
    for i, (pair, cells) in enumerate(zip(panels, rows, strict=True)):
        _bars(pair[0], cells, ends)
        _words(pair[1], cells, heads=i == 0)
        pair[0].set_title(titles[i], loc="left", fontsize=10, color=INK, weight="bold")
        for axes in pair:
            axes.set_ylim(lines - 0.5, -0.5)
    figure.supxlabel(CAPTION, fontsize=8, color=FAINT)
    save(figure, path)


def _bars(axes: Any, cells: list[Reason], ends: tuple[float, float]) -> None:
    """The loudest on top; what speaks for the row goes to the other side."""
    lengths = [-cell.contribution for cell in cells]
    colours = [ODD if length > 0 else USUAL for length in lengths]
    bars = axes.barh(range(len(cells)), lengths, height=0.68, color=colours)
    shown = [_figure_of(cell.contribution) for cell in cells]
    axes.bar_label(bars, shown, padding=3, fontsize=8, color=FAINT)
    names = [_short(cell.column) for cell in cells]
    axes.set_yticks(range(len(cells)), names, fontsize=9, color=INK)
    room = 0.12 * ((ends[1] - ends[0]) or 1.0)
    axes.set_xlim(ends[0] - room * (ends[0] < -0.1 * room), ends[1] + room)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.axvline(0, color=FAINT, lw=1)


def _words(axes: Any, cells: list[Reason], *, heads: bool) -> None:
    """The cells, what was expected of them, and their tails, in columns."""
    axes.set_axis_off()
    across = axes.get_yaxis_transform()
    for name, x in PLACES.items():
        if name == "tail" and all(math.isnan(cell.tail) for cell in cells):
            continue
        if heads:
            axes.text(x, 1.03, name, transform=axes.transAxes, fontsize=9, color=FAINT)
        for i, cell in enumerate(cells):
            chance = getattr(cell, f"{name}_probability", math.nan)
            text = _short(in_words(getattr(cell, name), chance))
            text = f"{cell.tail:.2g}" if name == "tail" else text
            style = {"color": INK if name == "actual" else FAINT, "fontsize": 9}
            axes.text(x, i, text, transform=across, va="center", **style)


def _figure_of(value: float) -> str:
    return f"{value:.2f}" if abs(value) >= 0.005 else "0"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
