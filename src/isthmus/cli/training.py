"""What ``isthmus fit`` does, once it is known what is wanted."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from isthmus.cli import recommend, written
from isthmus.cli.resuming import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa


@dataclass(frozen=True)
class Order:
    """What is wanted, beside a model."""

    data: str
    out: Path
    left_out: dict[str, list[str]]
    """Columns to ignore, identifiers and a label."""
    resume: bool
    engine: str | None
    workers: int | None
    quiet: bool
    as_json: bool


class Tables(NamedTuple):
    """What a file holds; of one that is larger than memory, rows drawn by lot."""

    rows: pa.Table
    """The columns to train on."""
    beside: pa.Table
    """Those that are left out."""
    learned: Any
    """The rows, or a stream of all of them."""
    height: int
    """How many rows there are."""


def train(order: Order, assembled: Callable[[dict[str, Any]], Any]) -> None:
    """Train, save and tell; of several processes the first alone speaks and writes.

    ``assembled`` makes the model, given what the data looks like.
    """
    from isthmus.ranks import joined

    with joined() as ranks:
        if not ranks.first:
            order = replace(order, quiet=True, as_json=False)
        _check(order)
        if hasattr(unfitted := assembled({}), "recommend"):
            recommend.train(order, unfitted)
            return
        model, tables = _opened(order, assembled, whole=ranks.first)
        if order.out.exists() and not order.quiet:
            sys.stderr.write(f"{order.out} is there already. It will be replaced.\n")
        model.set_params(verbose=0 if order.quiet else 1)
        with checkpoint(order.out, ranks, resume=order.resume) as kept:
            model = _fitted(order, model, tables, kept)
            if ranks.first:
                _save(order, model, tables.height)
        _tell(order, model, tables)


def tell_plan(order: Order, assembled: Callable[[dict[str, Any]], Any]) -> None:
    """What was found and would be done, to standard output; text is a recipe, too."""
    from isthmus.artifacts.recipe_text import to_toml
    from isthmus.cli.plan import as_comments, plan
    from isthmus.cli.tables import to_json

    _check(order)
    if hasattr(unfitted := assembled({}), "recommend"):
        recommend.tell_plan(order, unfitted)
        return
    model, tables = _opened(order, assembled, whole=True)
    found = plan(model, tables.rows, tables.height)
    data, left_out = order.data, order.left_out
    if order.as_json:
        print(to_json({"data": data, "left_out": left_out, **found}))
    else:
        print(as_comments(found, data, left_out), to_toml(found["recipe"]), sep="\n")


def _fitted(order: Order, model: Any, tables: Tables, kept: Path) -> Any:
    """Trained here, or by the workers of an engine."""
    given = _labels(order, model, tables)
    if order.engine is None:
        return model.fit(tables.learned, *given, checkpoint=kept)
    from isthmus.cluster import ray, ray_training

    folder = kept.with_name(f"{kept.name}.ray")
    workers = order.workers or os.cpu_count() or 1
    try:
        with ray.started(workers):
            return ray_training.fit(
                model, tables.learned, workers=workers, folder=folder, checkpoint=kept
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _labels(order: Order, model: Any, tables: Tables) -> list[Any]:
    """What a model that predicts is to learn: the cells of --label."""
    from sklearn.base import is_classifier, is_regressor

    from isthmus.data.streams import is_stream
    from isthmus.errors import DataError, RecipeError

    if not (is_classifier(model) or is_regressor(model)):
        return []
    if len(order.left_out["label"]) != 1:
        raise RecipeError(
            "A model that predicts needs --label COLUMN, whose empty cells are rows "
            "without a label."
        )
    if is_stream(tables.learned) or order.engine is not None:
        raise DataError(
            f"{order.data}: a model that predicts holds all rows in memory, and these "
            f"are read in pieces. Give fewer of them."
        )
    return [tables.beside[order.left_out["label"][0]]]


def _opened(
    order: Order, assembled: Callable[[dict[str, Any]], Any], *, whole: bool
) -> tuple[Any, Tables]:
    """The model, and what it is to learn."""
    from isthmus.cli.forms import timed, told
    from isthmus.data.forms import Series
    from isthmus.estimator.wishes import form_of

    model = assembled({})
    tables = _tables(order, model, whole=whole)
    if model.kind is None:
        looks = told(tables.learned, tables.rows, quiet=order.quiet)
        model = assembled(looks) if looks else model
    elif isinstance(said := form_of(model), Series):
        model.set_params(kind=timed(said, tables.rows, quiet=order.quiet))
    return model, tables


def _tables(order: Order, model: Any, *, whole: bool) -> Tables:
    """What a file holds; if not ``whole``, only its columns are looked at."""
    import pyarrow as pa

    from isthmus.cli.large import begun, is_large, looked_at
    from isthmus.cli.tables import refuse_columns, set_aside
    from isthmus.data.files import read_table
    from isthmus.data.forms import Text
    from isthmus.data.lines import is_lines, read_lines
    from isthmus.data.sparse_files import is_sparse_file, read_sparse
    from isthmus.data.streams import stream
    from isthmus.estimator.wishes import form_of

    data, left_out = order.data, order.left_out
    if is_sparse_file(data):
        refuse_columns(data, left_out)
        rows = read_sparse(data)
        return Tables(rows, pa.table({}), rows, rows.height)
    if not is_large(data):
        text = model.kind is None or isinstance(form_of(model), Text)
        words, lines = _words(model, left_out), is_lines(data) and text
        table = read_lines(data) if lines else read_table(data, words)
        beside, rows = set_aside(table, left_out)
        return Tables(rows, beside, rows, rows.num_rows)
    source = stream(data)
    if source.files:
        refuse_columns(data, left_out)
        return Tables(
            source, pa.table({"file": source.files}), source, len(source.files)
        )
    some, count = looked_at(source) if whole else (begun(source), 0)
    beside, rows = set_aside(some, left_out)
    if whole and not order.quiet:
        told = f"{rows.num_rows:,} of {count:,} rows are looked at for the summary."
        sys.stderr.write(f"{data}: read in pieces; {told}\n")
    return Tables(rows, beside, source.select(rows.column_names), count)


def _words(model: Any, left_out: dict[str, list[str]]) -> set[str]:
    """Columns whose words stay as they are: names, labels and wished categories."""
    from sklearn.base import is_classifier, is_regressor

    from isthmus.estimator.wishes import columns_of

    if is_classifier(model) or is_regressor(model):  # a label may be a number
        left_out = {**left_out, "label": []}
    kinds = columns_of(getattr(model, "autoencoder", model)).kinds
    return {name for part in left_out.values() for name in part} | {
        name for name, kind in kinds.items() if kind in {"category", "identifier"}
    }


def _check(order: Order) -> None:
    """Refuse a place that cannot be written to, before hours of training."""
    from isthmus.artifacts import inspect
    from isthmus.errors import DataError, ModelFileError

    out = order.out
    if not out.absolute().parent.is_dir():
        raise DataError(f"--out {out}: there is no folder {out.parent}. Make it first.")
    if not out.exists():
        return
    try:
        inspect(out)
    except ModelFileError:
        raise DataError(
            f"--out {out}: is there already and is no model, so it is not replaced. "
            f"Give another name, or remove it."
        ) from None


def _save(order: Order, model: Any, count: int) -> None:
    from isthmus.artifacts import save
    from isthmus.artifacts.recipes import describe

    save(model, order.out, notes={**order.left_out, "recipe": describe(model, count)})
    written.files.append(order.out)


def _tell(order: Order, model: Any, tables: Tables) -> None:
    """A summary: JSON to standard output, or words to standard error."""
    if order.quiet and not order.as_json:
        return
    from isthmus.cli.summary import summarize, told
    from isthmus.cli.tables import to_json

    figures = summarize(model, tables.rows, tables.beside, order.left_out["label"])
    figures["rows"] = tables.height  # of which some may have been looked at
    if order.as_json:
        print(to_json({"model": str(order.out), **figures}))
    else:
        sys.stderr.write(told(figures, order.out))
