"""What a notebook shows of an autoencoder beside its parameters."""

from __future__ import annotations

import html
from typing import Any


def describe(estimator: Any) -> str:
    """The parts, the sizes and the curve of the loss, once fitted; empty before."""
    if not hasattr(estimator, "module_"):
        return ""
    recipe, module = estimator.recipe_, estimator.module_
    count = sum(p.numel() for p in module.parameters())
    parts = "".join(
        f"<tr><th style='text-align:left'>{name}</th><td><code>"
        f"{html.escape(repr(getattr(recipe, name)))}</code></td></tr>"
        for name in ("architecture", "bottleneck", "likelihood", "corruption")
    )
    cost = " + ".join(
        f"{term.weight:g} {name}" if term.weight != 1 else name
        for name, term in recipe.costs().items()
    )
    columns, size = estimator.n_features_in_, recipe.bottleneck.width
    return (
        f"<p><b>{columns} columns &rarr; {size} &rarr; {columns}</b>, {count:,} "
        f"parameters, loss = {html.escape(cost)}</p><table>{parts}</table>"
        f"{_curve(estimator.history_)}"
    )


def _curve(history: list[dict[str, float]], width: int = 320, height: int = 60) -> str:
    """Training and validation loss over the epochs, as inline SVG."""
    if len(history) < 2:
        return ""
    names = [n for n in ("loss", "validation_loss") if n in history[0]]
    values = [row[name] for row in history for name in names]
    low, high = min(values), max(values)
    lines = ""
    for name, colour in zip(names, ("#4477aa", "#ee6677"), strict=False):
        points = " ".join(
            f"{i * width / (len(history) - 1):.1f},"
            f"{height - height * (row[name] - low) / ((high - low) or 1):.1f}"
            for i, row in enumerate(history)
        )
        lines += f"<polyline points='{points}' fill='none' stroke='{colour}'/>"
    last = ", ".join(f"{name} {history[-1][name]:.4g}" for name in names)
    return (
        f"<svg width='{width}' height='{height}' "
        f"viewBox='-2 -2 {width + 4} {height + 4}'>{lines}</svg>"
        f"<p>epoch {len(history)}: {last}</p>"
    )
