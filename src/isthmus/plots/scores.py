"""How scores are distributed, and where the threshold lies."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.plots._figure import INK, ODD, USUAL, blank, save

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

BINS = 60
FEWEST_TICKS, MOST_TICKS = 4, 9
MOST_LABELS = 6
FEW, HIGH = 400, 40
"""So few flagged rows have a mark each, if the highest bar is so many times as high as
the lowest."""


def draw_scores(
    path: str | Path, scores: ArrayLike, offset: float | None = None, labels: Any = None
) -> None:
    """Draw a histogram of scores (n,), the rows below ``offset`` in another colour.

    Each of ``labels`` (n,), the six commonest at most, has a histogram of its own, as
    shares of its rows. Scores far from the median are drawn nearer, by asinh of their
    distance in interquartile ranges.
    """
    found = np.asarray(scores, dtype=np.float64)
    none = offset is not None and not math.isfinite(offset)
    offset = None if none else offset
    scale = _Scale(found)
    names = ["rows"] if labels is None else _names(labels)
    groups = [found] if labels is None else _grouped(found, labels, names)
    figure = blank(7.6, 1.6 + 2.2 * len(groups))
    panels = figure.subplots(len(groups), sharex=True, squeeze=False)[:, 0]
    edges = scale.edges(found, offset)
    for axes, name, some in zip(panels, names, groups, strict=True):
        axes.set_xscale("function", functions=(scale, scale.inverse))
        _histogram(axes, some, edges, offset, share=labels is not None)
        _tell(axes, some, offset, name, none=none)
        axes.set_xlim(edges[0], edges[-1])
        axes.spines[["top", "right"]].set_visible(False)
    ticks = scale.ticks(edges[0], edges[-1])
    panels[-1].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panels[-1].minorticks_off()
    panels[-1].set_xlabel("score: lower is odder; far ones are drawn nearer")
    save(figure, path)


class _Scale:
    """x -> asinh((x - median) / interquartile range)."""

    def __init__(self, scores: NDArray[np.float64]) -> None:
        low, self.middle, high = np.quantile(scores, [0.25, 0.5, 0.75])
        self.width = max(high - low, 1e-6 * max(abs(self.middle), 1.0))

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.arcsinh((np.asarray(x) - self.middle) / self.width))

    def inverse(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.middle + self.width * np.sinh(place))

    def edges(
        self, scores: NDArray[np.float64], offset: float | None
    ) -> NDArray[np.float64]:
        """Of bins equally wide in the picture, one of which begins at ``offset``."""
        ends = [scores.min(), scores.max(), *([] if offset is None else [offset])]
        low, high = self(np.array([min(ends), max(ends)]))
        step = max(high - low, 1e-3) / BINS
        start = low if offset is None else float(self(np.array([offset]))[0])
        before, after = (
            math.ceil((start - low) / step),
            math.ceil((high - start) / step),
        )
        places = start + step * np.arange(-before - 1, after + 2)
        return self.inverse(places)

    def ticks(self, low: float, high: float) -> list[float]:
        """Round numbers that stand apart; if these are few, others near the median."""
        top = max(abs(low), abs(high), self.width)
        least, most = math.floor(math.log10(self.width)), math.ceil(math.log10(top))
        sizes = [m * 10.0**p for p in range(least, most + 1) for m in (1, 2, 5)]
        known = sorted({0.0, *sizes, *(-s for s in sizes)}, key=_roundness)
        kept = self._apart(known, low, high)
        if len(kept) < FEWEST_TICKS:
            step = 10.0**least
            known += [step * (round(self.middle / step) + k) for k in range(-30, 31)]
            kept = self._apart(known, low, high)
        return sorted(kept)

    def _apart(self, known: list[float], low: float, high: float) -> list[float]:
        """Those that do not stand too near to one before them."""
        span = float(np.ptp(self(np.array([low, high]))))
        kept: list[float] = []
        for tick in (t for t in known if low <= t <= high):
            gaps = np.abs(self(np.array(kept)) - self(np.array([tick])))
            if gaps.min(initial=np.inf) > span / MOST_TICKS:
                kept.append(tick)
        return kept


def _roundness(tick: float) -> tuple[float, float]:
    """The rounder, the smaller: 0, then powers of ten, then the others."""
    if tick == 0:
        return 0.0, 0.0
    power = math.log10(abs(tick))
    return (1.0 if abs(power - round(power)) < 1e-9 else 2.0), abs(tick)


def _names(labels: Any) -> list[str]:
    counts = Counter(str(label) for label in labels)
    return sorted(name for name, _ in counts.most_common(MOST_LABELS))


def _grouped(
    scores: NDArray[np.float64], labels: Any, names: list[str]
) -> list[NDArray[np.float64]]:
    words = np.array([str(label) for label in labels])
    return [scores[words == name] for name in names]


def _histogram(
    axes: Any,
    scores: NDArray[np.float64],
    edges: NDArray[np.float64],
    offset: float | None,
    *,
    share: bool,
) -> None:
    counts = np.histogram(scores, edges)[0] / (len(scores) if share else 1)
    beyond = edges[1:] <= (-np.inf if offset is None else offset)
    colours = np.where(beyond, ODD, USUAL)
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colours, lw=0)
    axes.set_ylabel("share of rows" if share else "rows")
    if offset is None:
        return
    axes.axvline(offset, color=INK, lw=1, ls=(0, (4, 3)))
    low = scores[scores < offset]
    if len(low) <= FEW and counts.max() > HIGH * counts[counts > 0].min():
        axes.plot(low, np.zeros(len(low)), ls="", marker=2, color=ODD, ms=7, mew=1)


def _tell(
    axes: Any,
    scores: NDArray[np.float64],
    offset: float | None,
    name: str,
    *,
    none: bool,
) -> None:
    count = (
        f"{len(scores):,} rows" if name == "rows" else f"{name}: {len(scores):,} rows"
    )
    axes.set_title(count, loc="left", fontsize=10, color=INK)
    if none:
        axes.set_title("none flagged", loc="right", fontsize=10, color=INK)
    elif offset is not None:
        beyond = int((scores < offset).sum())
        share = beyond / max(len(scores), 1)
        told = f"{beyond:,} below the threshold, {offset:.3g} ({share:.2%})"
        axes.set_title(told, loc="right", fontsize=10, color=ODD)
