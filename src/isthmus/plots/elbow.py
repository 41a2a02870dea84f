"""The error of recipes against the size of their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.plots._figure import FAINT, INK, ODD, USUAL, blank, save

if TYPE_CHECKING:
    from pathlib import Path


def draw_elbow(path: str | Path, search: Any) -> None:
    """Draw what a search found: trials, those judged anew, the default and PCA.

    The line joins the least errors of codes that are no larger.
    """
    figure = blank(6.4, 4.4)
    axes = figure.subplots()
    done = [trial for trial in search.trials if trial["state"] == "complete"]
    sizes = [trial["size"] for trial in done]
    errors = [trial["error"] for trial in done]
    axes.scatter(sizes, errors, s=16, color=USUAL, alpha=0.8, lw=0, label="trials")
    axes.step(*_front(sizes, errors), where="post", color=USUAL, lw=1)
    shown = sorted(search.pca)
    axes.errorbar(
        *zip(*shown, strict=True), color=FAINT, lw=1, marker=".", ls=":", label="PCA"
    )
    for final in search.finals:
        best, first = final is search.best, final is search.default
        axes.errorbar(
            [final.size],
            [final.error],
            [final.standard_error],
            color=ODD if best else INK,
            marker="s" if first else "o",
            ms=6 if best or first else 3,
            capsize=2,
            ls="none",
            label=_label(search, final),
        )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("entries of a code")
    axes.set_ylabel(search.measure)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def _label(search: Any, final: Any) -> str:
    """What a mark is; of marks that look alike the first says it."""
    if final is search.default:
        return "default, best" if final is search.best else "default"
    if final is search.best:
        return f"best, judged anew: {final.name}"
    others = [f for f in search.finals[1:] if f is not search.best]
    return "others, judged anew" if final is others[0] else ""


def _front(sizes: list[int], errors: list[float]) -> tuple[list[int], list[float]]:
    """The least error of codes of at most each size."""
    front: list[tuple[int, float]] = []
    for size, error in sorted(zip(sizes, errors, strict=True)):
        if not front or error < front[-1][1]:
            front.append((size, error))
    return [size for size, _ in front], [error for _, error in front]
