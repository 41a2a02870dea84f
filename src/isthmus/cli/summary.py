"""What a training came to: figures, and a few lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.cli.advice import advised

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


def summarize(
    model: Any, rows: pa.Table, beside: pa.Table, label: list[str]
) -> dict[str, Any]:
    """Figures of a fitted model on the rows it was trained on."""
    from isthmus.cli.detection import detection, values_of
    from isthmus.codes import topic_weights, topic_words

    autoencoder = getattr(model, "autoencoder_", model)
    converter = autoencoder._converter  # noqa: SLF001
    detects = hasattr(model, "offset_")
    replicas = model.folds_ if detects else getattr(model, "folds", 1)
    task = type(model).__name__.lower().removeprefix("pretrained")
    figures = {
        "task": "anomaly" if detects else task,
        "rows": rows.num_rows,
        "form": getattr(converter, "form", "table"),
        "columns": len(converter.names),
        "past_code": autoencoder.module_.past,
        "seen": seen(autoencoder),
        **_course(autoencoder.history_),
        "kinds": [found._asdict() for found in autoencoder.columns_],
        "replicas": replicas,
    }
    if replicas == 1:
        figures |= _rebuilding(autoencoder, rows)
    if autoencoder.recipe_.architecture.grouped:
        words = topic_weights(autoencoder)[1]
        figures["topics"] = topic_words(autoencoder, min(10, len(words)))
    if hasattr(model, "left_out_score_"):
        figures |= _labels(model, beside, label[0])
    if detects:
        two = len(label) == 1 and len({*values_of(beside, label[0])} - {None}) == 2
        known = model.calibration_
        if two or known is None or known.source != "cross":
            scores = model.score_samples(rows)
        else:
            scores = known.scores  # those of all rows, in another order
        figures |= _flagging(model, scores)
        if two:
            figures |= detection(scores, beside, label[0])
    return figures


def _course(history: list[dict[str, Any]]) -> dict[str, Any]:
    """How training went."""
    watched = "validation_loss" if "validation_loss" in history[0] else "loss"
    losses = [row[watched] for row in history]
    return {"watched": watched, "losses": losses}


def _rebuilding(autoencoder: Any, rows: pa.Table) -> dict[str, Any]:
    """How well one autoencoder, at its best epoch, rebuilds rows."""
    from isthmus.estimator.comparison import beside_pca, entries_beside_pca, perplexity

    losses = _course(autoencoder.history_)["losses"]
    form = getattr(autoencoder._converter, "form", "table")  # noqa: SLF001
    if form == "text":
        errors: Any = {"words": perplexity(autoencoder, rows)}
    elif form != "table":
        name = "counts" if form == "counts" else "entries"
        errors = {name: entries_beside_pca(autoencoder, rows)}
    else:
        errors = beside_pca(autoencoder, rows)
    return {
        "size": autoencoder.recipe_.bottleneck.width,
        "epochs": len(losses),
        "best_epoch": losses.index(min(losses)) + 1,
        "errors": {name: found._asdict() for name, found in errors.items()},
    }


def _labels(model: Any, beside: pa.Table, label: str) -> dict[str, Any]:
    """What labels a model that predicts was given, and what it made of them."""
    from collections import Counter

    from isthmus.pretraining.labels import known_of

    _, known = known_of(beside[label])
    classes = hasattr(model, "classes_")
    return {
        "label": label,
        "labelled": len(known),
        "classes": dict(Counter(map(str, known))) if classes else {},
        "left_out": model.left_out_score_,
        "measure": "accuracy" if classes else "R2",
        "spread": getattr(model, "spread_", False),
    }


def _flagging(model: Any, scores: Any) -> dict[str, Any]:
    """Where a detector draws the line, and what its p-values rest on."""
    known = model.calibration_
    figures = {
        "offset": float(model.offset_),
        "flagged": int((scores < model.offset_).sum()),
        "judged": len(scores),
    }
    if known is None:
        return figures
    least = 1 / (known.rows + 1)
    return figures | {
        "calibration_rows": known.rows,
        "calibration": known.source,
        "least_p_value": least,
    }


def seen(autoencoder: Any) -> str:
    """In what pieces images and series are seen; nothing of a table."""
    from isthmus.data.pixels import Pixels
    from isthmus.data.series import SeriesTable
    from isthmus.data.sounds import Sounds

    converter = autoencoder._converter  # noqa: SLF001
    if isinstance(converter, Pixels):
        height, width = converter.size
        return f"{'whole' if converter.whole else 'patches'}, {height} x {width} pixels"
    if isinstance(converter, SeriesTable):
        return f"windows of {converter.window} rows"
    if isinstance(converter, Sounds):
        view = "samples" if converter.mel is None else "log-mel frames"
        at = f"{converter.rate:,} samples per second"
        return f"windows of {converter.seconds:.3g} s of {view}, {at}"
    return ""


ERRORS = {
    "entries": "entries: mean squared error, scaled",
    "counts": "log(1 + count): mean squared error",
    "words": "words: perplexity",
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
        if found["why"]
    ]
    return lines


def told(figures: dict[str, Any], out: Path) -> str:
    """The figures in words, and what to do next."""
    losses, replicas = figures["losses"], figures["replicas"]
    rows, columns = figures["rows"], figures["columns"]
    made = f"{replicas} replicas that each leave out a part of the rows"
    made = f"{figures['size']} code entries" if replicas == 1 else made
    end = min(losses) if replicas == 1 else losses[-1]
    form, seen = figures["form"], figures["seen"]
    held = f"{rows:,} rows, {columns} columns"
    if form == "images":
        held = f"{rows:,} images of {columns} channel{'s' * (columns > 1)}"
    if form == "text":
        held = f"{rows:,} texts, {columns:,} words"
    if form == "audio":
        held = f"{rows:,} recordings"
    kinds = figures["kinds"] and form != "text"
    lines = [
        f"{held}{f', {seen}' if seen else ''} -> {made}",
        *(kinds_in_words(figures["kinds"]) if kinds else []),
        f"{figures['watched']} {_sparkline(losses)} {losses[0]:.4g} -> {end:.4g}",
    ]
    if figures["past_code"]:
        lines.append(
            "skips lead past the code: it says less than all, and alone nothing"
        )
    if replicas == 1:
        lines += _rebuilding_in_words(figures)
    lines += [f"  {k}: {' '.join(t)}" for k, t in enumerate(figures.get("topics", ()))]
    if figures["task"] == "anomaly":
        lines += _flagging_in_words(figures)
    if "labelled" in figures:
        lines += _labels_in_words(figures)
    if "roc_auc" in figures:
        lines.append(
            f"ROC-AUC {figures['roc_auc']:.4g} for {figures['anomaly_is']}, which the "
            f"model never saw"
        )
    lines += [
        f"Wrote {out} ({out.stat().st_size / 1000:,.0f} kB). Next:",
        *advised(figures, out),
    ]
    return "\n".join(lines) + "\n"


def _rebuilding_in_words(figures: dict[str, Any]) -> list[str]:
    best, count = figures["best_epoch"], figures["epochs"]
    return [
        f"the weights of epoch {best} of {count} were best, and are kept",
        *(
            f"{ERRORS[kind]} {e['model']:.4g}; {_of_pca(e)}guessing {e['guess']:.4g}"
            for kind, e in figures["errors"].items()
        ),
    ]


def _of_pca(errors: dict[str, float]) -> str:
    """The error of PCA, where its code is not large enough for everything."""
    if errors.get("pca", 0.0) <= 1e-9 * errors["guess"]:
        return ""
    return f"PCA of the same size {errors['pca']:.4g}, "


SOURCES = {
    "cross": "all, judged by the replicas that have not seen them",
    "kept": "kept out of training",
    "validation": "those that said when to stop",
    "given": "given",
}


def _flagging_in_words(figures: dict[str, Any]) -> list[str]:
    flagged, offset = figures["flagged"], figures["offset"]
    judged = figures["judged"]
    line = f"flagged: {flagged:,} of {judged:,} rows ({flagged / judged:.2%}), "
    line += f"below {offset:.4g}"
    if "calibration" not in figures:
        return [line, "no calibration rows, so no p-values"]
    source, least = SOURCES[figures["calibration"]], figures["least_p_value"]
    known = f"{figures['calibration_rows']:,} calibration rows: {source}"
    return [line, known, f"false-alarm rates from {least:.2g} up can be asked for"]


def _labels_in_words(figures: dict[str, Any]) -> list[str]:
    """How many labels of which kind there are, and how well they are told."""
    counts = sorted(figures["classes"].items(), key=lambda pair: -pair[1])
    few = ", ".join(f"{name} {count:,}" for name, count in counts[:10])
    few += ", ..." if len(counts) > 10 else ""
    of = f"labels: {figures['labelled']:,} of {figures['rows']:,} rows have a "
    lines = [f"{of}{figures['label']}{f' ({few})' if few else ''}"]
    if figures["left_out"] is not None:
        told = f"{figures['measure']} {figures['left_out']:.4g}"
        lines.append(f"labels that were left out: {told} (they also say when to stop)")
    if figures["spread"]:
        lines.append("labels were spread to rows without one, along their neighbours")
    return lines


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
