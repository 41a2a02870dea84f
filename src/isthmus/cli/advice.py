"""What one may want to do with a model that was just written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PREDICT = [
    "predict {out} FILE --out predicted.csv",
    "evaluate {out} FILE --label {label}",
]
NEXT = {
    "denoiser": ["reconstruct {out} FILE --out cleaned"],
    "sampler": ["sample {out} --rows 1000 --picture made.png"],
    "classifier": PREDICT,
    "regressor": PREDICT,
    "imputer": [
        "impute {out} FILE --out filled.csv --picture filled.png",
        "impute {out} FILE --draws 20 --out drawn.csv",
    ],
    "anomaly": [
        "score {out} FILE --top 10{why}",
        "score {out} FILE --fdr 0.1 --picture scores.png",
        "drift {out} FILE",
    ],
    "topics": [
        "topics {out} --picture topics.png",
        "encode {out} FILE --out shares.csv",
    ],
    "autoencoder": ["evaluate {out} FILE", "encode {out} FILE --picture codes.png"],
}
"""Commands by the task of a model."""


def advised(figures: dict[str, Any], out: Path) -> list[str]:
    """Commands that one may want next, given what a fit came to."""
    task = "topics" if "topics" in figures else figures["task"]
    why = "" if figures["form"] in {"images", "audio"} else " --explain"
    said = {"out": out, "why": why, "label": figures.get("label")}
    return [f"  isthmus {command.format(**said)}" for command in NEXT[task]]
