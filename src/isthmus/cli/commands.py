"""What one asks of a fitted model."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli import written
from isthmus.cli.folders import rebuild
from isthmus.cli.options import Anything, Json, Label, Model, Out, Picture, Raw
from isthmus.cli.recommend import about, who
from isthmus.cli.series import draw_one
from isthmus.cli.tables import (
    Opened,
    answer,
    identifiers,
    open_for_model,
    print_figures,
)

Pixels = Annotated[
    str | None,
    typer.Option(metavar="HxW", help="Rows are pictures of so many pixels."),
]
Positive = Annotated[
    str | None,
    typer.Option(metavar="VALUE", help="Value of --label that means an anomaly."),
]

DETECTOR = ("effort", "replicas", "contamination", "fpr", "calibrated")
"""What a detector adds to what a model file says of itself."""

MOST_DRAWN = 10
"""Rows that are drawn as pictures."""


def encode(
    model: Model,
    data: Anything,
    out: Out = None,
    picture: Picture = None,
    label: Label = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Codes of the rows, as columns z0, z1, ...

    isthmus encode model.isthmus data.csv --out codes.parquet
    isthmus encode model.isthmus data.csv --picture codes.png --label digit

    --picture draws them as points, coloured by --label.
    """
    opened = open_for_model(data, model, label, recommends=True)
    z = _autoencoder(opened).transform(opened.rows)
    if picture is not None:
        from isthmus.data.streams import at_hand
        from isthmus.plots import draw_codes

        beside = at_hand(opened.beside)
        colours = beside[label].to_numpy() if label else None
        draw_codes(picture, z, colours)
        written.tell(picture)
    if out is not None or as_json or picture is None:
        flat = z.reshape(len(z), -1)
        codes = {f"z{j}": flat[:, j] for j in range(flat.shape[1])}
        named = who(opened) or identifiers(opened)
        if len(flat) != len(next(iter(named.values()))):  # windows, or patches
            named = {"window": range(len(flat))}
        answer(named | codes, out, as_json=as_json, raw=raw)


def reconstruct(
    model: Model,
    data: Anything,
    out: Out = None,
    picture: Picture = None,
    pixels: Pixels = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Rows as the model rebuilds them, in their own units.

    isthmus reconstruct model.isthmus data.csv --out rebuilt.csv
    isthmus reconstruct model.isthmus digits.csv --picture digits.png --pixels 8x8
    isthmus reconstruct model.isthmus photos/ --out cleaned/ --picture some.png
    isthmus reconstruct model.isthmus noisy/ --out cleaned/ --picture some.png

    Of a folder of pictures, --out is a folder of PNG files, and of recordings one of
    WAV files. --picture draws the first rows before and after; rows of a table need
    --pixels. Of a series it draws lines, of recordings spectrograms.
    """
    opened = open_for_model(data, model)
    if opened.in_files:
        rebuild(opened, _autoencoder(opened), out, picture)
        return
    rebuilt = _autoencoder(opened).reconstruct(opened.rows)
    if picture is not None and opened.series is not None:
        draw_one(picture, opened, rebuilt)
        written.tell(picture)
    elif picture is not None:
        _draw_pictures(opened, rebuilt, picture, pixels)
    if out is not None or as_json or picture is None:
        columns = {name: rebuilt[name] for name in rebuilt.column_names}
        answer(identifiers(opened) | columns, out, as_json=as_json, raw=raw)


def evaluate(
    model: Model,
    data: Anything,
    label: Label = None,
    positive: Positive = None,
    as_json: Json = False,
) -> None:
    """Loss on these rows, and how many are flagged; with --label, ROC-AUC.

    isthmus evaluate model.isthmus new.csv
    isthmus evaluate model.isthmus new.csv --label fraud --positive yes

    Every term of the loss, its metric per cell, and what terms report; with --label,
    how well the scores find anomalies among the rows that have a label. The value that
    means an anomaly is --positive, by default the rarest one. Of several replicas, the
    loss is that of the first. A recommender is asked for a fifth of the interactions of
    each user, the latest where times are known, given the others; of users whom it
    was fitted to, that flatters.
    """
    if positive and not label:
        raise typer.BadParameter("--positive needs --label, the column that holds it.")
    opened = open_for_model(data, model, label, recommends=True)
    figures = _autoencoder(opened).evaluate(opened.rows)
    if label is not None or hasattr(opened.model, "offset_"):
        figures |= _detection(opened, label, positive)
    print_figures(figures, as_json=as_json)


def info(model: Model, as_json: Json = False) -> None:
    """What a model file says of itself.

    isthmus info model.isthmus
    """
    from isthmus.artifacts import inspect

    document = inspect(model)
    if document["kind"] == "recommender":
        print_figures(about(document), as_json=as_json)
        return
    state = document["state"].get("autoencoder", document["state"])
    converter = state["converter"]  # in files of 0.1.0, it knows names alone
    form, table = converter.get("form", "table"), converter.get("table", converter)
    names = converter.get("center") or table.get("columns") or table["names"]
    figures = {
        "kind": document["kind"],
        "form": form,
        {"images": "channels", "audio": "bands"}.get(form, "columns"): len(names),
        "names": state["feature_names"],
        "recipe": state["recipe"],
        "past_code": "skips"
        if state["recipe"]["architecture"].get("skips")
        else "nothing",
        "epochs": len(state["history"]),
        "path": state.get("path", {}),
        "last_epoch": state["history"][-1] if state["history"] else {},
        **{n: document["state"][n] for n in DETECTOR if n in document["state"]},
        "notes": {n: v for n, v in document["notes"].items() if n != "recipe"},
        "versions": document["manifest"]["about"],
    }
    print_figures(figures, as_json=as_json)


def _detection(
    opened: Opened, label: str | None, positive: str | None
) -> dict[str, Any]:
    """How many rows are flagged, and how well the scores find those of a label."""
    from isthmus.cli.detection import detection
    from isthmus.data.streams import at_hand

    if (
        label is not None
        and hasattr(opened.model, "predict")
        and not hasattr(opened.model, "offset_")
    ):
        from isthmus.pretraining.agreement import agreement

        given = at_hand(opened.beside)[label]
        return agreement(opened.model, given, opened.model.predict(opened.rows))
    scores, figures = opened.model.score_samples(opened.rows), {}
    if hasattr(opened.model, "offset_"):
        figures["flagged"] = int((scores < opened.model.offset_).sum())
    if label is None:
        return figures
    offset = getattr(opened.model, "offset_", None)
    return figures | detection(scores, opened.beside, label, positive, offset)


def _autoencoder(opened: Opened) -> Any:
    return getattr(opened.model, "autoencoder_", opened.model)


def _draw_pictures(opened: Opened, rebuilt: Any, path: Any, pixels: str | None) -> None:
    from isthmus.plots import draw_pictures

    try:
        height, width = map(int, (pixels or "").lower().split("x"))
    except ValueError:
        message = f"--picture needs --pixels HEIGHTxWIDTH, such as 28x28. Got {pixels}."
        raise typer.BadParameter(message) from None
    rebuilt = rebuilt.slice(0, MOST_DRAWN)
    before = opened.rows.select(rebuilt.column_names).take(list(range(len(rebuilt))))
    draw_pictures(path, _matrix(before), _matrix(rebuilt), (height, width), MOST_DRAWN)
    written.tell(path)


def _matrix(table: Any) -> Any:
    """The columns of numbers, side by side."""
    import numpy as np
    from pyarrow import types

    kept = [f.name for f in table.schema if types.is_primitive(f.type)]
    return np.column_stack([table[name].to_numpy() for name in kept])
