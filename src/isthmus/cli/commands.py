"""What one asks of a fitted model."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from isthmus.cli.options import Data, Json, Label, Model, Out, Picture, Top
from isthmus.cli.tables import Opened, answer, identifiers, open_for_model

Columns = Annotated[int, typer.Option(min=1, help="How many columns a row.")]


def encode(
    model: Model,
    data: Data,
    out: Out = None,
    picture: Picture = None,
    label: Label = None,
    as_json: Json = False,
) -> None:
    """Codes of the rows, as columns z0, z1, ...

    --picture draws them as points, coloured by --label.
    """
    opened = open_for_model(data, model, label)
    z = _autoencoder(opened).transform(opened.rows)
    if picture is not None:
        from isthmus.plots import draw_codes

        colours = opened.beside[label].to_numpy() if label else None
        draw_codes(picture, z, colours)
    if out is not None or picture is None:
        codes = {f"z{j}": z[:, j] for j in range(z.shape[1])}
        answer(identifiers(opened) | codes, out, as_json=as_json)


def reconstruct(
    model: Model,
    data: Data,
    out: Out = None,
    picture: Picture = None,
    pixels: Annotated[
        str | None, typer.Option(help="Rows are pictures of HEIGHTxWIDTH pixels.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rows as the model rebuilds them, in their own units.

    --picture with --pixels draws the first rows before and after.
    """
    opened = open_for_model(data, model)
    rebuilt = _autoencoder(opened).reconstruct(opened.rows)
    if picture is not None:
        _draw_pictures(opened, rebuilt, picture, pixels)
    if out is not None or picture is None:
        columns = {name: rebuilt[name] for name in rebuilt.column_names}
        answer(identifiers(opened) | columns, out, as_json=as_json)


def score(
    model: Model,
    data: Data,
    out: Out = None,
    top: Top = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Name the columns that speak loudest.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Score of every row: log-likelihood in nats, lower is odder.

    A model of --task anomaly also says which rows are outliers (1) or not (0).
    """
    opened = open_for_model(data, model)
    scores = opened.model.score_samples(opened.rows)
    columns = identifiers(opened) | {"score": scores}
    if hasattr(opened.model, "offset_"):
        columns["outlier"] = (scores < opened.model.offset_).astype(int)
    order = scores.argsort(kind="stable")[: top or len(scores)] if top else slice(None)
    columns = {name: _pick(values, order) for name, values in columns.items()}
    if explain:
        columns["why"] = _reasons(opened, order)
    answer(columns, out, as_json=as_json)


def explain(
    model: Model,
    data: Data,
    out: Out = None,
    top: Top = 5,
    columns: Columns = 5,
    as_json: Json = False,
) -> None:
    """Why the oddest rows are odd: one line per row and column.

    ``contribution`` is the column's share of the score, in nats.
    """
    import numpy as np

    opened = open_for_model(data, model)
    scores = opened.model.score_samples(opened.rows)
    order = scores.argsort(kind="stable")[:top]
    told = opened.model.explain(opened.rows.take(order))
    names = told.contributions.column_names
    cells, actual, expected = (_matrix(t) for t in told[:1] + told[2:])
    loudest = cells.argsort(axis=1, kind="stable")[:, :columns]
    lines: dict[str, list[Any]] = {}
    for i, row in enumerate(order):
        for j in loudest[i]:
            line = {"row": int(row), "score": scores[row], "column": names[j]}
            line |= {"contribution": cells[i, j], "actual": actual[i, j]}
            line |= {"expected": np.round(expected[i, j], 6)}
            for name, value in line.items():
                lines.setdefault(name, []).append(value)
    answer(lines, out, as_json=as_json)


def evaluate(
    model: Model,
    data: Data,
    label: Label = None,
    positive: Annotated[
        str | None, typer.Option(help="Value of --label that means an anomaly.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Loss on these rows; with --label, ROC-AUC.

    Every term of the loss, its metric per cell, and what terms report; with --label,
    how well the scores find anomalies. The value that means an anomaly is --positive,
    by default the rarest one.
    """
    opened = open_for_model(data, model, label)
    figures = _autoencoder(opened).evaluate(opened.rows)
    if label is not None:
        from isthmus.metrics import detection_figures

        truth = opened.beside[label].cast("string").to_pylist()
        positive = positive or min(sorted(set(truth), key=str), key=truth.count)
        figures |= detection_figures(
            opened.model.score_samples(opened.rows), [t == positive for t in truth]
        )
        figures["anomaly_is"] = f"{label}={positive}"
    _print_figures(figures, as_json=as_json)


def info(model: Model, as_json: Json = False) -> None:
    """What a model file says of itself."""
    from isthmus.artifacts import inspect

    document = inspect(model)
    state = document["state"].get("autoencoder", document["state"])
    figures = {
        "kind": document["kind"],
        "columns": len(state["converter"]["names"]),
        "names": state["feature_names"],
        "recipe": state["recipe"],
        "epochs": len(state["history"]),
        "last_epoch": state["history"][-1] if state["history"] else {},
        "notes": document["notes"],
        "versions": document["manifest"]["about"],
    }
    _print_figures(figures, as_json=as_json)


def _autoencoder(opened: Opened) -> Any:
    return getattr(opened.model, "autoencoder_", opened.model)


def _pick(values: Any, order: Any) -> Any:
    import numpy as np

    return np.asarray(values, dtype=object if isinstance(values, list) else None)[order]


def _matrix(table: Any) -> Any:
    import numpy as np

    return np.column_stack([table[name].to_numpy() for name in table.column_names])


def _reasons(opened: Opened, order: Any, most: int = 3) -> list[str]:
    """Return the loudest columns of each row in words."""
    import numpy as np

    picked = np.arange(opened.rows.num_rows)[order]
    told = opened.model.explain(opened.rows.take(picked))
    names = told.contributions.column_names
    cells, actual, expected = (_matrix(t) for t in told[:1] + told[2:])
    loudest = cells.argsort(axis=1, kind="stable")[:, :most]
    return [
        "; ".join(
            f"{names[j]} {actual[i, j]:.4g} (expected {expected[i, j]:.4g})"
            for j in row
        )
        for i, row in enumerate(loudest)
    ]


def _draw_pictures(opened: Opened, rebuilt: Any, path: Any, pixels: str | None) -> None:
    from isthmus.plots import draw_pictures

    try:
        height, width = map(int, (pixels or "").lower().split("x"))
    except ValueError:
        message = f"--picture needs --pixels HEIGHTxWIDTH, such as 28x28. Got {pixels}."
        raise typer.BadParameter(message) from None
    before = _matrix(opened.rows.select(rebuilt.column_names))
    draw_pictures(path, before, _matrix(rebuilt), (height, width))


def _print_figures(figures: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures, default=lambda value: value.tolist()))
        return
    for name, value in figures.items():
        shown = f"{value:.6g}" if isinstance(value, float) else value
        print(f"{name:<24} {shown}")
