"""How well scores find the anomalies that a label names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import pyarrow as pa

    from isthmus.data.pieces import Stream


def detection(
    scores: Any,
    labels: pa.Table | Stream,
    name: str,
    positive: str | None = None,
    offset: float | None = None,
) -> dict[str, Any]:
    """ROC-AUC and the like, over the rows that have a label.

    ``positive`` is the value that means an anomaly, by default the rarest; rows below
    ``offset`` are flagged.
    """
    from isthmus.metrics import detection_figures

    values = values_of(labels, name)
    counts = Counter(value for value in values if value is not None)
    if positive is None:
        positive = min(sorted(counts), key=counts.__getitem__, default=None)
    elif positive not in counts:
        _refuse(name, positive, counts)
    known = [i for i, value in enumerate(values) if value is not None]
    truth = [values[i] == positive for i in known]
    figures: dict[str, Any] = dict(detection_figures(scores[known], truth))
    if offset is not None:
        below = scores[known] < offset
        figures["found"] = int((below & truth).sum())
        figures["false_alarms"] = int(below.sum()) - figures["found"]
    return {**figures, "anomaly_is": f"{name}={positive}"}


def values_of(labels: pa.Table | Stream, name: str) -> list[str | None]:
    """Values of a column as text, None where one is missing."""
    from isthmus.data.streams import at_hand

    column = at_hand(labels.select([name]))[name]
    values: list[str | None] = column.cast("string").to_pylist()
    return values


def _refuse(name: str, positive: str, counts: Counter[str]) -> None:
    from isthmus.errors import unknown

    few = [value for value, _ in counts.most_common(20)]
    complaint = unknown("value", positive, few)
    raise typer.BadParameter(f"--positive of --label {name}: {complaint}")
