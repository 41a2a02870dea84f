"""Spectrograms of sound before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isthmus.data.mel import Mel
from isthmus.data.recordings import as_unit
from isthmus.plots._figure import blank, save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from isthmus.data.wav import Sound

RANGE = 70
"""Decibels below the loudest that are told apart."""


def draw_spectrograms(
    path: str | Path,
    pairs: Sequence[tuple[Sound, Sound]],
    names: Sequence[str] = (),
) -> None:
    """Draw sounds above what was made of them: powers by time and frequency, in dB.

    A sound is a `Sound` or (rate, samples); of several channels the first is drawn.
    Both of a pair have the same shades.
    """
    figure = blank(2.6 * len(pairs) + 1.2, 4.4)
    grid = figure.subplots(2, len(pairs), squeeze=False, sharey=True)
    shades: Any = None
    for j, pair in enumerate(pairs):
        levels = [_decibels(*sound[:2]) for sound in pair]
        top = levels[0].max()
        rate, samples = pair[0][:2]
        extent = 0.0, len(samples) / rate, 0.0, rate / 2000
        for axes, level in zip(grid[:, j], levels, strict=True):
            shades = axes.imshow(
                level,
                origin="lower",
                aspect="auto",
                extent=extent,
                vmin=top - RANGE,
                vmax=top,
                cmap="magma",
            )
            axes.tick_params(labelsize=7)
        grid[0, j].set_xticklabels([])
        grid[1, j].set_xlabel("s", fontsize=8)
        if j < len(names):
            grid[0, j].set_title(names[j], fontsize=8)
    for axes, name in zip(grid[:, 0], ("x", "rebuilt"), strict=True):
        axes.set_ylabel(f"{name}\nkHz", fontsize=8)
    bar = figure.colorbar(shades, ax=grid, shrink=0.6)
    bar.set_label("dB", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    save(figure, path)


def _decibels(rate: int, samples: Any) -> Any:
    """Powers (frequencies, frames) of the first channel, in dB."""
    wave = as_unit(np.asarray(samples).reshape(len(samples), -1)[:, 0])
    power = Mel(rate, 8).spectrum(torch.from_numpy(wave)).abs().square().numpy()
    return 10 * np.log10(power + 1e-12)
