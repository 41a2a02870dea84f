"""What a decoder makes of a code of which one entry moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from isthmus.bounds import whole
from isthmus.errors import DataError
from isthmus.plots._figure import blank, save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ENDS = 0.02, 0.98
"""Quantiles of an entry between which it moves."""

MOST = 10
"""Entries that are drawn: those that change the answer most."""


def plot_traversal(
    model: Any,
    X: Any,
    path: str | Path | None = None,
    *,
    entries: Sequence[int] | None = None,
    row: int | None = None,
    steps: int = 7,
    pixels: tuple[int, int] | None = None,
) -> Any:
    """Draw what becomes of a code when one entry moves and the others stay.

    Each line is an entry, which goes from its 2 % to its 98 % quantile over the codes
    of ``X``; the others are those of a ``row`` of ``X``, or at their medians. Without
    ``entries`` the ten that change the answer most are drawn. Images are drawn as they
    are, rows of pixels with their ``pixels`` (height, width). Of a table each panel is
    an entry, and shows the columns of numbers that it moves most, in their standard
    deviations. Returns the figure, which is written to ``path`` if that is given.
    """
    codes = np.asarray(model.transform(X))
    if codes.ndim != 2:
        raise DataError("Codes with places cannot be traversed entry by entry.")
    if row is not None:
        whole("row", row, 0, len(codes) - 1)
    start = np.median(codes, axis=0) if row is None else codes[row]
    low, high = np.quantile(codes, ENDS, axis=0)
    moved = np.tile(start, (codes.shape[1], steps, 1))
    for j in range(codes.shape[1]):
        moved[j, :, j] = np.linspace(low[j], high[j], steps)
    answers = model.inverse_transform(moved.reshape(-1, codes.shape[1]).astype("f4"))
    names, made = _numbers(answers, X, pixels)
    made = made.reshape(*moved.shape[:2], *made.shape[1:])
    chosen = _farthest(made) if entries is None else list(entries)
    if names is None:
        figure = _images(made[chosen], chosen)
    else:
        figure = _lines(made[chosen], moved[chosen, :, chosen], chosen, names)
    if path is not None:
        save(figure, path)
    return figure


def _numbers(
    answers: Any, X: Any, pixels: tuple[int, int] | None
) -> tuple[list[str] | None, NDArray[np.float64]]:
    """Images (n, height, width, ...), or columns in standard deviations and names."""
    if isinstance(answers, np.ndarray) and (answers.ndim > 2 or pixels):
        shape = answers.shape if pixels is None else (len(answers), *pixels)
        return None, answers.astype(np.float64).reshape(shape)
    if isinstance(answers, np.ndarray):
        given = np.asarray(X, dtype=np.float64)
        spread = np.nanstd(given, axis=0)
        names = [f"x{j}" for j in range(given.shape[1])]
        return names, answers / np.where(spread > 0, spread, 1)
    frame, given = (nw.from_native(f, eager_only=True) for f in (answers, X))
    names = [c for c in frame.columns if frame[c].dtype.is_numeric()]
    if not names:
        raise DataError("The table has no column of numbers that could be drawn.")
    columns = [
        frame[c].to_numpy().astype(np.float64) / (float(given[c].std()) or 1.0)
        for c in names
    ]
    return names, np.stack(columns, axis=1)


def _farthest(made: NDArray[np.float64]) -> list[int]:
    """Entries that change the answer most."""
    spread = made.std(axis=1).reshape(len(made), -1)
    change = np.sqrt((spread**2).sum(axis=1))
    return [int(j) for j in np.argsort(-change, kind="stable")[:MOST]]


def _images(made: NDArray[np.float64], chosen: list[int]) -> Any:
    """A line of images for each entry."""
    lines, steps = made.shape[:2]
    figure = blank(0.8 * steps + 0.6, 0.8 * lines + 0.4)
    low, high = float(np.nanmin(made)), float(np.nanmax(made))
    grid = figure.subplots(lines, steps, squeeze=False)
    for line, images, j in zip(grid, made, chosen, strict=True):
        for axes, image in zip(line, images, strict=True):
            shown = image[..., 0] if image.ndim == 3 and image.shape[2] != 3 else image
            scaled = (shown - low) / (high - low or 1.0)
            axes.imshow(scaled, cmap="gray", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
        line[0].set_ylabel(f"z{j}", rotation=0, ha="right", va="center")
    return figure


def _lines(
    made: NDArray[np.float64],
    values: NDArray[np.float64],
    chosen: list[int],
    names: list[str],
) -> Any:
    """A panel for each entry, with the columns that it moves most.

    A column has one colour and one kind of line in all panels.
    """
    wide = min(len(chosen), 4)
    tall = -(-len(chosen) // wide)
    figure = blank(3.2 * wide, 2.6 * tall)
    grid = figure.subplots(tall, wide, squeeze=False, sharey=True)
    panels = [np.argsort(-np.ptp(m, axis=0), kind="stable")[:4] for m in made]
    drawn = list(dict.fromkeys(int(c) for most in panels for c in most))
    looks = {
        c: (f"C{k % 10}", ("-", "--", ":")[k // 10 % 3]) for k, c in enumerate(drawn)
    }
    for k, (axes, at, j) in enumerate(zip(grid.flat, values, chosen, strict=False)):
        change = made[k] - made[k].mean(axis=0)
        for c in panels[k]:
            colour, line = looks[int(c)]
            axes.plot(at, change[:, c], color=colour, ls=line, label=names[c])
        axes.set_title(f"z{j}", fontsize=10)
        axes.legend(fontsize=7)
    for axes in grid.flat[len(chosen) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("standard deviations", fontsize=8)
    return figure
