"""What one user is recommended, and because of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.plots._figure import FAINT, INK, USUAL, blank, save

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MOST = 15
"""Recommendations that are drawn."""


def draw_recommendations(
    path: str | Path,
    items: Sequence[Any],
    reasons: Sequence[Mapping[Any, float]],
    title: str,
) -> None:
    """A bar per recommendation, best first, made of the effects of its reasons.

    ``reasons`` holds, for each item, effects by the names of the user's items.
    """
    items, reasons = items[:MOST], reasons[:MOST]
    figure = blank(8, 1.2 + 0.42 * len(items))
    axes = figure.subplots()
    for place, effects in enumerate(reasons):
        start = 0.0
        for rank, (name, effect) in enumerate(effects.items()):
            strength = max(1 - 0.3 * rank, 0.25)
            axes.barh(place, effect, left=start, color=USUAL, alpha=strength)
            axes.text(start, place, f" {name}", va="center", fontsize=7, color=INK)
            start += effect
    ranked = [f"{rank}. {item}" for rank, item in enumerate(items, 1)]
    axes.set_yticks(range(len(items)), ranked, color=INK)
    axes.invert_yaxis()
    axes.set_xlabel("how much the score falls without an item", color=FAINT)
    axes.set_title(title, color=INK, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)
