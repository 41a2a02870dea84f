"""Pictures before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots._figure import blank, save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def draw_before_and_after(
    path: str | Path, pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]]
) -> None:
    """Draw images x above what was made of them, in the same shades.

    Each is (height, width) or (height, width, channels); of other than one or three
    channels the first is drawn.
    """
    figure = blank(0.9 * len(pairs) + 1, 2.2)
    grid = figure.subplots(2, len(pairs), squeeze=False)
    for column, pair in zip(grid.T, pairs, strict=True):
        low, high = float(np.nanmin(pair[0])), float(np.nanmax(pair[0]))
        for axes, image in zip(column, pair, strict=True):
            axes.imshow(shown(image, low, high), cmap="gray", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
    for axes, name in zip(grid[:, 0], ("x", "rebuilt"), strict=True):
        axes.set_ylabel(name)
    save(figure, path)


def shown(image: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """From 0 to 1, grey or in three colours."""
    if image.ndim == 3 and image.shape[2] != 3:
        image = image[..., 0]
    scaled = (image.astype(np.float64) - low) / (high - low or 1.0)
    return np.clip(scaled, 0, 1)
