"""What ``isthmus fit`` would do, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

MOMENT = 1e-9
"""Seconds after which training ends at its first step."""


def plan(model: Any, rows: pa.Table, height: int) -> dict[str, Any]:
    """The recipe that the rows settle, what they are, and the number of weights.

    ``height`` is how many rows there are, where ``rows`` are some of them. A copy of
    the model takes one step of training, so that what would fail now fails.
    """
    from sklearn.base import clone

    from isthmus.artifacts.recipes import describe
    from isthmus.cli.summary import seen
    from isthmus.estimator.streams import MOST_CELLS
    from isthmus.model import FAMILIES

    inner = clone(model.settled().autoencoder if hasattr(model, "settled") else model)
    one_step = {"verbose": 0, "validation": 0, "training__seconds": MOMENT}
    tried = inner.set_params(**one_step).fit(rows)
    settled = describe(tried)
    parts = {name: settled[name] for name in (*FAMILIES, "terms")}
    columns = len(tried.columns_) or 1  # images have none
    named = tried.columns_ and hasattr(rows, "schema")
    held = min(height, max(MOST_CELLS // columns, rows.num_rows))
    return {
        "rows": height,
        "columns": describe_columns(tried, rows) if named else [],
        "form": getattr(tried._converter, "form", "table"),  # noqa: SLF001
        "width": columns,
        "seen": seen(tried),
        "weights": sum(p.numel() for p in tried.module_.parameters()),
        **_replicas(model, held, tried.module_.event.numel()),
        "recipe": describe(model, height) | parts,
    }


def _replicas(model: Any, rows: int, entries: int) -> dict[str, int]:
    """How many replicas are trained in how many steps; nothing, if it is one."""
    from isthmus.detection.efforts import folds_of, lasts
    from isthmus.detection.thresholds import kept_of
    from isthmus.estimator.parameters import training_of
    from isthmus.imputation import training as imputing
    from isthmus.tasks.imputer import Imputer

    if isinstance(model, Imputer):
        taken = imputing.lasts(training_of(model.settled().autoencoder), rows)[0]
        return {"replicas": model.folds, "steps": taken}
    if not hasattr(model, "folds") or folds_of(model) == 1:
        return {}
    rows -= kept_of(model, rows)
    training = training_of(model.autoencoder)
    steps = lasts(model.effort, training, rows, entries)[0]
    return {"replicas": folds_of(model), "steps": steps}


def describe_columns(model: Any, rows: pa.Table) -> list[str]:
    """A line per column: its name, its Arrow type, and what it is taken for."""
    width = max(map(len, rows.column_names))
    types = {field.name: str(field.type) for field in rows.schema}
    longest = max(map(len, types.values()))
    return [
        f"{found.name:<{width}}  {types[found.name]:<{longest}}  {found.kind}"
        f"{f' ({found.why})' if found.why else ''}"
        for found in model.columns_
    ]


def _held(plan: dict[str, Any]) -> str:
    """What there are so many of, and in what pieces it is seen."""
    pieces = plan["seen"]
    files = {"images": "images", "audio": "recordings"}
    held = files.get(plan["form"], f"rows, {plan['width']:,} columns")
    return f"{held}, {pieces}" if pieces else held


def as_comments(plan: dict[str, Any], data: str, left_out: dict[str, list[str]]) -> str:
    """The plan as comments that may stand above its recipe."""
    training = plan["recipe"]["training"]
    epochs, batch = training["epochs"], training["batch_size"]
    long = f"; at most {epochs} epochs, {batch} rows a step"
    if epochs is None:
        long = f"; {training['steps']} steps of {batch} rows"
    if "replicas" in plan:
        long = f" in each of {plan['replicas']} replicas; {plan['steps']:,} steps"
    gone = [f"{', '.join(cols)} (--{name})" for name, cols in left_out.items() if cols]
    lines = [
        f"{data}: {plan['rows']:,} {_held(plan)}",
        *(f"  {line}" for line in plan["columns"]),
        f"Left out: {'; '.join(gone) or 'nothing'}.",
        f"{plan['weights']:,} weights{long}.",
        "Nothing was written.",
    ]
    return "".join(f"# {line}\n" for line in lines)
