"""``isthmus predict``."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from isthmus.cli.holding import need
from isthmus.cli.options import Data, Json, Label, Model, Out, Raw
from isthmus.cli.tables import answer, identifiers, open_for_model


def predict(
    model: Model,
    data: Data,
    out: Out = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Also the probability of every class.")
    ] = False,
    label: Label = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """What a model of --task classifier or regressor predicts of each row.

    isthmus predict model.isthmus new.csv --out predicted.csv
    isthmus predict model.isthmus new.csv --proba
    isthmus predict model.isthmus labelled.csv --label churned

    The most probable class, and how probable it is; or a number. With --label, how well
    the predictions agree with that column is told.
    """
    from sklearn.base import is_classifier, is_regressor

    from isthmus.data.streams import at_hand
    from isthmus.pretraining.agreement import agreement

    opened = open_for_model(data, model, label)
    fits = is_classifier(opened.model) or is_regressor(opened.model)
    need(fits, model, opened.model, "isthmus predict", "classifier", "regressor")
    found = _predicted(opened.model, opened.rows, proba=proba)
    columns = identifiers(opened, range(len(found["predicted"]))) | found
    answer(columns, out, as_json=as_json, raw=raw)
    if label is not None:
        given = at_hand(opened.beside)[label]
        figures = agreement(opened.model, given, found["predicted"])
        told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        sys.stderr.write(f"{label}: {told}\n")


def _predicted(model: Any, rows: Any, *, proba: bool) -> dict[str, Any]:
    """Columns of predictions."""
    if not hasattr(model, "predict_proba"):
        return {"predicted": model.predict(rows)}
    p = model.predict_proba(rows)
    best, p = p.argmax(axis=1), p.round(6)
    found = {"predicted": model.classes_[best], "probability": p.max(axis=1)}
    if proba:
        found |= {f"p_{c}": p[:, k] for k, c in enumerate(model.classes_.tolist())}
    return found
