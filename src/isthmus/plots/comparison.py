"""Presets side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.plots._figure import FAINT, INK, USUAL, blank, save

if TYPE_CHECKING:
    from pathlib import Path

WORDS = {
    "rebuilt": "rebuilt cells:\nerror in guesses",
    "hidden": "hidden cells:\nerror in guesses",
    "rank": "effective rank\nof the codes",
    "probe": "linear model\non the codes",
    "nmi": "NMI of clusters\nof the codes",
    "seconds": "seconds\nof training",
}


def draw_comparison(path: str | Path, comparison: Any) -> None:
    """Draw figures of presets as bars, a panel for each that is known; PCA is grey."""
    rows = comparison.to_dicts()
    shown = [name for name in WORDS if rows[0][name] is not None]
    figure = blank(1.4 + 1.7 * len(shown), 1.1 + 0.28 * len(rows))
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    colours = [FAINT if row["preset"] == "PCA" else USUAL for row in rows]
    for axes, name in zip(panels, shown, strict=True):
        values = [row[name] for row in rows]
        axes.barh(range(len(rows)), values, color=colours, height=0.7)
        for place, value in enumerate(values):
            text = f"{value:.1f}" if name in {"rank", "seconds"} else f"{value:.3f}"
            axes.text(0, place, f" {text}", va="center", fontsize=7, color=INK)
        axes.set_title(WORDS[name], fontsize=8)
        axes.set_xlim(left=0)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(rows)), [row["preset"] for row in rows])
    panels[0].invert_yaxis()
    save(figure, path)
