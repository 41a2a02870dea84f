"""Which rows are odd, why, and whether rows are still like those of training."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import written
from isthmus.cli.engines import refuse, scores_by_ray
from isthmus.cli.holding import need
from isthmus.cli.options import (
    Anything,
    Engine,
    Json,
    Label,
    Model,
    Out,
    Picture,
    Rate,
    Raw,
    Top,
    Workers,
)
from isthmus.cli.reasons import told_of
from isthmus.cli.scoring import about, scores_in_parts, tell_flagged, write_in_pieces
from isthmus.cli.series import draw_one
from isthmus.cli.tables import Opened, answer, identifiers, open_for_model, to_json

if TYPE_CHECKING:
    from pathlib import Path

Columns = Annotated[
    int, typer.Option(min=1, metavar="N", help="How many columns a row.")
]
Discoveries = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="False discovery rate: the share of normal rows among those flagged.",
    ),
]


def score(
    model: Model,
    data: Anything,
    out: Out = None,
    top: Top = None,
    fpr: Rate = None,
    fdr: Discoveries = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Name the columns that speak loudest.")
    ] = False,
    picture: Picture = None,
    label: Label = None,
    engine: Engine = None,
    workers: Workers = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Score of every row, lower is odder; and which rows are outliers.

    isthmus score model.isthmus new.csv --top 20 --explain
    isthmus score model.isthmus new.csv --fdr 0.1 --picture scores.png
    cat new.csv | isthmus score model.isthmus - --json
    isthmus score model.isthmus "new/*.parquet" --fpr 0.01 --engine ray --out s.csv

    Rows are counted from 0. A model of --task anomaly also gives p-values, and outliers
    (1) or not (0): rows below its threshold; those of p-value --fpr at most; or those
    that Benjamini and Hochberg's procedure picks out of all rows of the file. --picture
    draws how scores are distributed, apart for each --label; or, without one, a series.
    """
    refuse(engine, workers)
    opened = _opened(data, model, label, rates=fpr is not None or fdr is not None)
    scores = scores_by_ray(opened, model, workers) if engine else None
    if opened.in_pieces and out is not None and top is None and picture is None:
        if scores is None:
            scores = scores_in_parts(opened, about(model, data), out)
        _write_in_pieces(opened, scores, out, fpr, fdr, explain=explain, raw=raw)
        return
    scores, order = _oddest(opened, top, scores)
    columns = identifiers(opened, order) | {"score": scores[order]}
    offset, flagged = getattr(opened.model, "offset_", None), None
    if fpr is not None or fdr is not None or offset is not None:
        p, flagged, offset = _verdicts(opened.model, scores, fpr, fdr)
        columns |= _judged(p, flagged, order)
    if explain:
        columns["why"] = _why(told_of(opened, order))
    if picture is not None:
        _draw(picture, opened, scores, offset, label)
    answer(columns, out, as_json=as_json, raw=raw)
    if flagged is not None:
        tell_flagged(flagged)


def _write_in_pieces(
    opened: Opened,
    scores: Any,
    out: Path,
    fpr: float | None,
    fdr: float | None,
    *,
    explain: bool,
    raw: bool,
) -> None:
    """The same of a file that is larger than memory."""
    p = flagged = None
    if fpr is not None or fdr is not None or hasattr(opened.model, "offset_"):
        p, flagged, _ = _verdicts(opened.model, scores, fpr, fdr)

    def columns(rows: Any, here: slice) -> dict[str, Any]:
        found = {"score": scores[here], **_judged(p, flagged, here)}
        if explain:
            found["why"] = _why(opened.model.explain(rows))
        return found

    if not explain and not opened.in_files:  # then they are only counted
        one = opened.rows.column_names[:1]
        opened = opened._replace(rows=opened.rows.select(one))
    write_in_pieces(opened, out, columns, raw=raw)
    if flagged is not None:
        tell_flagged(flagged)


def explain(
    model: Model,
    data: Anything,
    out: Out = None,
    top: Top = 5,
    columns: Columns = 5,
    change: Annotated[
        bool,
        typer.Option("--change", help="Instead: which cells to change, and to what."),
    ] = False,
    picture: Picture = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Why the oddest rows are odd: one line per row and column.

    isthmus explain model.isthmus new.csv --top 3 --columns 5
    isthmus explain model.isthmus new.csv --picture reasons.png
    isthmus explain model.isthmus new.csv --change

    The first column of a row is the first to blame: set right, it mends the row most.
    ``contribution`` is the column's share of the score, and ``tail`` how rare as low a
    share is among calibration rows. Categories have a probability: that of the cell as
    it is, and of what was expected in its place. --change lists the cells that make a
    row normal, if they are what stands under ``instead``.
    """
    from isthmus.cli.reasons import changed_cells, table_of

    opened = _opened(data, model)
    scores, order = _oddest(opened, top)
    rows = opened.rows.take(order)
    if change:
        fits = hasattr(opened.model, "smallest_change")
        need(fits, model, opened.model, "--change", "anomaly")
        if picture is not None:
            raise typer.BadParameter("--picture draws reasons: leave out --change.")
        places, cells = changed_cells(opened.model.smallest_change(rows), rows)
    else:
        told = told_of(opened, order)
        places, cells = table_of(told.top(columns))
        if picture is not None:
            from isthmus.plots import draw_reasons

            draw_reasons(picture, told, _titled(opened, order, scores), most=columns)
            written.tell(picture)
    picked = [order[place] for place in places]
    lines = identifiers(opened, picked) | {"score": scores[picked]} | cells
    answer(lines, out, as_json=as_json, raw=raw)
    if change and (still := len(order) - len(set(places))):
        sys.stderr.write(f"{_rows(still)} of {len(order):,} not flagged: no change\n")


def drift(
    model: Model,
    data: Anything,
    level: Annotated[
        float, typer.Option(metavar="RATE", help="Probability of a false verdict.")
    ] = 0.01,
    as_json: Json = False,
) -> None:
    """Whether rows are still like those that the model was calibrated on.

    isthmus drift model.isthmus new.csv
    isthmus drift model.isthmus new.csv --level 0.001 --json

    Says whether scores are distributed as they were, whether the threshold still
    flags as few rows as it should, and which columns fit otherwise than they did.
    """
    opened = open_for_model(data, model)
    fits = hasattr(opened.model, "offset_")
    need(fits, model, opened.model, "isthmus drift", "anomaly")
    found = opened.model.check_drift(opened.rows, level=level)
    if not as_json:
        print(found)
        return
    verdicts = ("drifted", "threshold_holds", "drifted_columns")
    figures = found._asdict() | {name: getattr(found, name) for name in verdicts}
    figures["scores"] = found.scores._asdict()
    figures["columns"] = [shift._asdict() for shift in found.columns]
    print(to_json(figures))


def _judged(p: Any, flagged: Any, places: Any) -> dict[str, Any]:
    """Columns on some rows: p-values if they are known, and who is an outlier."""
    found = {} if p is None else {"p_value": p[places]}
    return (
        found if flagged is None else found | {"outlier": flagged[places].astype(int)}
    )


def _why(told: Any) -> list[str]:
    """The cells to blame in each row, in words."""
    from isthmus.scores.reasons import rare

    return ["; ".join(map(str, rare(row))) for row in told.top(3)]


def _oddest(opened: Opened, top: int | None, scores: Any = None) -> tuple[Any, Any]:
    """Scores of all rows, and which to show: the oddest first, or all in order."""
    import numpy as np

    if scores is None:
        scores = opened.model.score_samples(opened.rows)
    every = np.arange(len(scores))
    return scores, scores.argsort(kind="stable")[:top] if top else every


def _draw(
    picture: Path, opened: Opened, scores: Any, offset: Any, label: str | None
) -> None:
    from isthmus.plots import draw_scores

    if label is None and opened.series is not None:
        expected = opened.model.explain(opened.rows).expected
        draw_one(picture, opened, expected, scores, offset)
    else:
        draw_scores(picture, scores, offset, _labels(opened, label))
    written.tell(picture)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _labels(opened: Opened, name: str | None) -> list[str] | None:
    """What each row is said to be, such as ``fraud=yes``."""
    from isthmus.cli.detection import values_of

    if name is None:
        return None
    values = values_of(opened.beside, name)
    return [f"{name} {'missing' if v is None else f'= {v}'}" for v in values]


def _verdicts(
    model: Any, scores: Any, fpr: float | None, fdr: float | None
) -> tuple[Any, Any, Any]:
    """p-values, if they are known; which rows are flagged; and below which score."""
    from isthmus.detection.thresholds import verdicts

    if fpr is not None and fdr is not None:
        raise typer.BadParameter("--fpr and --fdr both say what is flagged. Give one.")
    return verdicts(model, scores, fpr=fpr, fdr=fdr)


def _opened(
    data: str, model: Path, label: str | None = None, *, rates: bool = False
) -> Opened:
    """Data, and a model that has scores; if ``rates``, one that knows how rare."""
    opened = open_for_model(data, model, label)
    fits = hasattr(opened.model, "score_samples")
    need(fits, model, opened.model, "a score", "anomaly", "autoencoder")
    fits = hasattr(opened.model, "offset_") or not rates
    need(fits, model, opened.model, "--fpr or --fdr", "anomaly")
    return opened


def _titled(opened: Opened, order: Any, scores: Any) -> list[str]:
    """What stands above the reasons of each row."""
    named = identifiers(opened, order)
    words = [[str(value) for value in column] for column in named.values()]
    return [
        f"row {', '.join(name)}: score {scores[row]:.3g}"
        for name, row in zip(zip(*words, strict=True), order, strict=True)
    ]
