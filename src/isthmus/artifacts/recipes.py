"""Recipes as plain data: all that decides what is trained, in tables by name.

    {"task": "anomaly", "validation": 0.1, "bottleneck": {"kind": "dense", "size": 8},
     "terms": {"reconstruction": {}, "l1": {"weight": 0.1}}, "training": {}, ...}

None means "as the data suggests". A *layer* is a recipe of which most may be left out;
what it says goes before what was said until then. In a layer, a table with a ``kind``
starts from the defaults of that kind, and one without changes the part that is there;
a term that is not there is added. ``size = 8`` is short for ``bottleneck.size``.

Where to start is said by ``task`` and ``preset``, by parameters of the task, such as
``effort``, and by whether parts are named: then, unless ``folds`` or ``scores`` ask
for replicas, a task gets an `Autoencoder` with these parts, else one of its own choice.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, NoReturn

from isthmus import registry
from isthmus.data.kinds import Columns
from isthmus.errors import RecipeError, unknown
from isthmus.estimator import Autoencoder
from isthmus.estimator.parameters import part_of, training_of
from isthmus.estimator.preparation import held_out
from isthmus.estimator.wishes import (
    columns_of,
    form_of,
    kind_changed,
    kind_from_plain,
    kind_said,
    kind_to_plain,
)
from isthmus.model import FAMILIES, Recipe, name_terms
from isthmus.parts import Bottleneck, Term
from isthmus.training import Training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Layer = Mapping[str, Any]

SHORT = {
    "size": "bottleneck",
    "hidden": "architecture",
    "epochs": "training",
    "batch_size": "training",
    "learning_rate": "training",
}
"""Keywords of an estimator that are parameters of a part, and of which."""

OPEN = {"architecture", "likelihood", "corruption"}
"""Parts that the kind of data decides, where nothing is said of them."""

ELSEWHERE = {"autoencoder", "device", "verbose", "callbacks"}
"""Parameters of estimators that do not decide what is trained."""

PARTS = {*FAMILIES, "terms"}
TABLES = ("columns", *FAMILIES, "terms", "training")


def assemble(*layers: Layer, file: Path | None = None) -> Any:
    """The unfitted estimator that a file and layers describe, the last before all.

    The file must be right by itself, and its terms are all that there are.
    """
    recipe = _start(layers)
    if file is not None:
        recipe = _of_file(file, layers)
    for layer in layers:
        recipe = _changed(recipe, layer)
    return _built(recipe)


def read(file: Path) -> dict[str, Any]:
    """The layer in a TOML file."""
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} is not TOML: {error}.") from None


def describe(model: Any, rows: int | None = None) -> dict[str, Any]:
    """The recipe of an estimator; of a fitted one, with all that the data decided.

    ``rows`` decide the epochs and the batch size where these were left open.
    """
    task = next(name for name, kind in tasks().items() if type(model) is kind)
    inner, params = model, model.get_params(deep=False)
    if task != "autoencoder":
        inner, params, rows = model.settled(rows)
    return {
        "task": task,
        **_own(inner.get_params(deep=False)),
        **_own(params),
        "columns": columns_of(inner).to_dict(),
        **_parts(inner),
        "training": _training(inner, rows),
    }


def tasks() -> dict[str, type[Any]]:
    """Every task by its short name, such as ``anomaly``."""
    found = registry.short_names().items()
    made = {short: registry.task(name) for short, name in found}
    return {"autoencoder": Autoencoder, **made}


def part(name: str, table: Layer) -> Any:
    """The part that a table of a recipe stands for."""
    return FAMILIES[name].from_dict(dict(table))


def term(label: str, table: Layer) -> Term:
    """The term that a table called ``l1``, or ``l1_2``, stands for."""
    kind, _, number = label.rpartition("_")
    numbered = number.isdigit() and label not in Term.kinds()
    return Term.named(kind if numbered else label)(**table)


def _start(layers: Sequence[Layer]) -> dict[str, Any]:
    """The recipe from which layers set out."""
    said = {name: value for layer in layers for name, value in layer.items()}
    task, preset = said.get("task", "autoencoder"), said.get("preset")
    if task not in tasks():
        raise RecipeError(unknown("task", task, tasks()))
    form = kind_said(layer["kind"] for layer in layers if "kind" in layer)
    made = (Autoencoder if preset is None else registry.preset(preset))(kind=form)
    if task == "autoencoder":
        return describe(made)
    kind, replicas = tasks()[task], said.get("folds", 1) != 1 or "scores" in said
    named = preset or (not replicas and PARTS & {SHORT.get(n, n) for n in said})
    usual = _own(kind().get_params(deep=False))
    params = {n: v for n, v in {**said, "kind": form}.items() if n in usual}
    return describe(kind(autoencoder=made if named else None, **params))


def _of_file(file: Path, options: tuple[Layer, ...]) -> dict[str, Any]:
    """The recipe in a file; options may say which task and preset it starts from."""
    layer = read(file)
    try:
        recipe = _start([layer, *options])
        if "terms" in layer:
            recipe["terms"] = {}
        return describe(_built(_changed(recipe, layer)))
    except RecipeError as error:
        raise RecipeError(f"{file}: {error}") from None


def _own(params: Layer) -> dict[str, Any]:
    """Parameters of an estimator itself, as plain data."""
    others = {*TABLES, *SHORT, *ELSEWHERE}
    found = {name: value for name, value in params.items() if name not in others}
    if "kind" in found:
        found["kind"] = kind_to_plain(found["kind"])
    return found


def _usual(task: str) -> dict[str, Any]:
    """Parameters of an autoencoder and of a task, as they are if nothing is said."""
    kinds = Autoencoder, tasks()[task]
    params = [_own(kind().get_params(deep=False)) for kind in kinds]
    return params[0] | params[1]


def _parts(model: Autoencoder) -> dict[str, Any]:
    """Tables of the parts; None for what is left to the data."""
    source: Any = getattr(model, "recipe_", model)
    tables: dict[str, Any] = {}
    open_ = OPEN if form_of(model) is not None else {"likelihood"}
    for name in FAMILIES:
        given = name not in open_ or getattr(source, name) is not None
        tables[name] = part_of(source, name).to_dict() if given else None
    for name, home in SHORT.items():
        if name in (tables.get(home) or {}) and tables[home][name] is None:
            value = getattr(model, name)
            tables[home][name] = list(value) if isinstance(value, tuple) else value
    terms = None if source.terms is None else name_terms(source.terms)
    return {**tables, "terms": terms and {n: _plain(t) for n, t in terms.items()}}


def _plain(term: Term) -> dict[str, Any]:
    return {name: value for name, value in term.to_dict().items() if name != "kind"}


def _training(model: Autoencoder, rows: int | None) -> dict[str, Any]:
    training = training_of(model)
    if rows is not None and (training.epochs or not training.steps):
        epochs, batch_size = training.plan(rows - held_out(model, rows))
        training = training.changed(epochs=epochs, batch_size=batch_size)
    return training.to_dict()


def _changed(recipe: dict[str, Any], layer: Layer) -> dict[str, Any]:
    """A recipe after what a layer says."""
    tables, changed = _tables(layer), {**recipe, **_scalars(recipe, layer)}
    for name in FAMILIES.keys() & tables.keys():
        changed[name] = _changed_part(name, recipe[name], tables[name])
    if "training" in tables:
        changed["training"] = recipe["training"] | tables["training"]
    if "columns" in tables:
        changed["columns"] = _joined("columns", recipe["columns"], tables["columns"])
    if "terms" in tables:
        terms, bottleneck = recipe["terms"], changed["bottleneck"]["kind"]
        if terms is None:
            terms = {name: {} for name in Bottleneck.named(bottleneck).terms}
        changed["terms"] = _joined("terms", terms, tables["terms"])
    return changed


def _scalars(recipe: dict[str, Any], layer: Layer) -> dict[str, Any]:
    """What a layer says outside of tables."""
    others = {*TABLES, *SHORT, "task", "preset"}
    found = {name: value for name, value in layer.items() if name not in others}
    usual = _usual(recipe["task"])
    for name, value in found.items():
        if name not in usual:
            _refuse(name, recipe)
        if name == "kind":
            found[name] = kind_changed(recipe["kind"], value)
        if isinstance(usual[name], int) and not isinstance(value, int):
            raise RecipeError(f"{name} must be a whole number. Got {value!r}.")
        if isinstance(usual[name], float) and not isinstance(value, int | float):
            raise RecipeError(f"{name} must be a number. Got {value!r}.")
    return found


def _refuse(name: str, recipe: Layer) -> NoReturn:
    """Say whose parameter it is, or what it may have been meant for."""
    if owners := [task for task in tasks() if name in _usual(task)]:
        raise RecipeError(
            f"{name} is a parameter of the task {owners[0]}, and this is "
            f"{recipe['task']}. Say which task is meant, as task = '{owners[0]}' or "
            f"--task {owners[0]}, or leave it out."
        )
    known = {*recipe, *SHORT, "preset"}
    raise RecipeError(unknown("part or parameter", name, known))


def _tables(layer: Layer) -> dict[str, dict[str, Any]]:
    """The tables of a layer, with short names where they belong."""
    tables: dict[str, dict[str, Any]] = {}
    for name in [name for name in TABLES if name in layer]:
        table = layer[name]
        if isinstance(table, str) and name in FAMILIES:
            table = {"kind": table}
        if not isinstance(table, dict):
            raise RecipeError(f"{name} must be a table of parameters. Got {table!r}.")
        tables[name] = table
    for name, home in SHORT.items():
        if name in layer:
            tables[home] = {name: layer[name]} | tables.get(home, {})
    return tables


def _changed_part(
    name: str, old: dict[str, Any] | None, table: dict[str, Any]
) -> dict[str, Any]:
    if "kind" in table:
        kind = FAMILIES[name].named(str(table["kind"]))
        shared = {n: v for n, v in (old or {}).items() if SHORT.get(n) == name}
        kept = {n: v for n, v in shared.items() if n in kind.model_fields}
        return kept | table
    if old is None:
        known = ", ".join(FAMILIES[name].kinds())
        raise RecipeError(f"{name} needs a kind beside {min(table)!r}: {known}.")
    return old | table


def _joined(name: str, old: Layer, tables: dict[str, Any]) -> dict[str, Any]:
    """Tables within a table, with some changed and some added."""
    for label, table in tables.items():
        if not isinstance(table, dict):
            raise RecipeError(f"{name}.{label} must be a table. Got {table!r}.")
    changed = {label: {**old.get(label, {}), **t} for label, t in tables.items()}
    return {**old, **changed}


def _built(recipe: dict[str, Any]) -> Any:
    """The unfitted estimator of a whole recipe."""
    parts = {n: part(n, recipe[n]) for n in FAMILIES if recipe[n] is not None}
    terms = recipe["terms"]
    if terms is not None:
        terms = tuple(term(label, table) for label, table in terms.items())
    Recipe(**parts, terms=terms)  # refuses what does not fit together
    plain = {n: v for n, v in recipe.items() if n not in {*TABLES, "task"}}
    inner = {n: plain.pop(n) for n in _usual("autoencoder") if n in plain}
    inner["kind"] = kind_from_plain(inner.get("kind"))
    if any(recipe["columns"].values()):
        inner["columns"] = Columns(**recipe["columns"])
    training = Training(**recipe["training"])
    made = Autoencoder(**parts, terms=terms, training=training, **inner)
    if recipe["task"] == "autoencoder":
        return made
    task = tasks()[recipe["task"]]
    shared = {n: getattr(made, n) for n in inner.keys() & task().get_params()}
    return task(autoencoder=made, **shared, **plain)
