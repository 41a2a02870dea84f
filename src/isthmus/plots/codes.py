"""Pictures of codes and reconstructions, as PNG files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA

from isthmus.errors import DataError
from isthmus.plots._figure import blank, save

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


MOST_COLOURS = 10
"""Labels that are told apart by colour."""


def draw_codes(path: str | Path, z: NDArray[np.float32], labels: Any = None) -> None:
    """Draw codes z (n, D) as points, coloured by ``labels`` (n,).

    More than two entries are brought to their first two principal components.
    """
    figure = blank(6.4, 5.2)
    axes = figure.subplots()
    names = ["z0", "z1"]
    if z.shape[1] > 2:
        pca = PCA(2).fit(z)
        z = pca.transform(z)
        shares = pca.explained_variance_ratio_
        names = [f"component {i + 1} of z ({s:.0%})" for i, s in enumerate(shares)]
    points = z if z.shape[1] == 2 else np.column_stack([z, np.zeros(len(z))])
    if labels is None:
        axes.scatter(*points.T, s=8, alpha=0.6, linewidths=0)
    else:
        _coloured(axes, points, np.asarray(labels))
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.set_title(f"Codes of {len(z):,} rows")
    save(figure, path)


def draw_pictures(
    path: str | Path,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    pixels: tuple[int, int],
    most: int = 10,
) -> None:
    """Draw the first rows (n, height * width) as pictures, before and after."""
    if before.shape[1] != pixels[0] * pixels[1]:
        raise DataError(
            f"Pictures of {pixels[0]} x {pixels[1]} pixels need "
            f"{pixels[0] * pixels[1]} columns. Got {before.shape[1]}."
        )
    count = min(most, len(before))
    figure = blank(0.8 * count + 1, 2.2)
    grid = figure.subplots(2, count, squeeze=False)
    low, high = float(np.nanmin(before)), float(np.nanmax(before))
    for line, rows, name in zip(grid, (before, after), ("x", "rebuilt"), strict=True):
        for axes, row in zip(line, rows, strict=False):
            axes.imshow(row.reshape(pixels), cmap="gray_r", vmin=low, vmax=high)
            axes.set_xticks([])
            axes.set_yticks([])
        line[0].set_ylabel(name)
    save(figure, path)


def _coloured(axes: Any, points: NDArray[Any], labels: NDArray[Any]) -> None:
    """One colour and one legend entry per label, or a scale for many numbers.

    Of many names the most frequent are told apart, and the others are grey.
    """
    labels = labels if labels.dtype.kind in "biuf" else labels.astype(str)
    kinds, counts = np.unique(labels, return_counts=True)
    if len(kinds) > MOST_COLOURS and labels.dtype.kind != "U":
        marks = axes.scatter(*points.T, c=labels, s=8, linewidths=0, cmap="viridis")
        axes.figure.colorbar(marks)
        return
    if len(kinds) > MOST_COLOURS:
        kinds = np.sort(kinds[np.argsort(-counts, kind="stable")][:MOST_COLOURS])
        others = points[~np.isin(labels, kinds)]
        axes.scatter(*others.T, s=8, linewidths=0, color="0.8", label="others")
    for i, kind in enumerate(kinds):
        here = points[labels == kind]
        axes.scatter(*here.T, s=8, alpha=0.7, linewidths=0, color=f"C{i}", label=kind)
    axes.legend(markerscale=2, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
