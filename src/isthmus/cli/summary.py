"""What a training came to: figures, and a few lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


def summarize(
    model: Any, rows: pa.Table, beside: pa.Table, label: list[str]
) -> dict[str, Any]:
    """Figures of a fitted model on the rows it was trained on."""
    from isthmus.cli.detection import detection, values_of
    from isthmus.estimator.comparison import beside_pca

    autoencoder = getattr(model, "autoencoder_", model)
    history = autoencoder.history_
    watched = "validation_loss" if "validation_loss" in history[0] else "loss"
    losses = [row[watched] for row in history]
    detects = hasattr(model, "offset_")
    figures = {
        "task": "anomaly" if detects else "autoencoder",
        "rows": rows.num_rows,
        "columns": rows.num_columns,
        "size": autoencoder.recipe_.bottleneck.width,
        "epochs": len(history),
        "best_epoch": losses.index(min(losses)) + 1,
        "watched": watched,
        "losses": losses,
        "kinds": [found._asdict() for found in autoencoder.columns_],
        "errors": {
            name: beside._asdict()
            for name, beside in beside_pca(autoencoder, rows).items()
        },
    }
    two = len(label) == 1 and len({*values_of(beside, label[0])} - {None}) == 2
    if two and detects:
        figures |= detection(model.score_samples(rows), beside, label[0])
    return figures


ERRORS = {
    "numbers": "numbers: mean squared error per scaled cell",
    "categories": "categories: share of cells rebuilt wrong",
}


def kinds_in_words(kinds: list[dict[str, str]]) -> list[str]:
    """What columns were found to be, and which were set aside, in a line each."""
    from collections import Counter

    counts = Counter(found["kind"] for found in kinds)
    lines = [", ".join(f"{number} {kind}" for kind, number in counts.most_common())]
    lines += [
        f"set aside: {found['name']} ({found['why']})"
        for found in kinds
        if found["kind"] in {"identifier", "text"}
    ]
    return lines


def told(figures: dict[str, Any], out: Path) -> str:
    """The figures in words, and what to do next."""
    losses, best = figures["losses"], figures["best_epoch"]
    rows, columns, size = (figures[name] for name in ("rows", "columns", "size"))
    curve = f"{_sparkline(losses)} {losses[0]:.4g} -> {min(losses):.4g}"
    lines = [
        f"{rows:,} rows, {columns} columns -> {size} code entries",
        *kinds_in_words(figures["kinds"]),
        f"{figures['watched']} {curve}",
        f"the weights of epoch {best} of {len(losses)} were best, and are kept",
    ]
    lines += [
        f"{ERRORS[kind]} {e['model']:.4g}; PCA of the same size {e['pca']:.4g}, "
        f"guessing {e['guess']:.4g}"
        for kind, e in figures["errors"].items()
    ]
    if "roc_auc" in figures:
        lines.append(
            f"ROC-AUC {figures['roc_auc']:.4g} for {figures['anomaly_is']}, which the "
            f"model never saw"
        )
    anomaly = figures["task"] == "anomaly"
    lines += [
        f"Wrote {out} ({out.stat().st_size / 1000:,.0f} kB). Next:",
        f"  isthmus evaluate {out} FILE",
        f"  isthmus score {out} FILE --top 10 --explain"
        if anomaly
        else f"  isthmus encode {out} FILE --picture codes.png",
    ]
    return "\n".join(lines) + "\n"


def _sparkline(values: list[float], width: int = 30) -> str:
    """Draw a falling curve in one line of text."""
    import numpy as np

    picked = np.interp(
        np.linspace(0, len(values) - 1, min(width, len(values))),
        range(len(values)),
        np.log(np.array(values) - min(*values, 0) + 1e-9),
    )
    span = np.ptp(picked) or 1
    return "".join("▁▂▃▄▅▆▇█"[int(7 * v)] for v in (picked - picked.min()) / span)
