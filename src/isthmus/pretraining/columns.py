"""Weights of columns that are still there, where others came or went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sklearn.base import clone

from isthmus.data.categories import Categories
from isthmus.data.frames import is_frame
from isthmus.data.numbers import LEARNED, Numbers
from isthmus.data.table import Table
from isthmus.errors import warn
from isthmus.estimator.reading import read_rows
from isthmus.estimator.wishes import columns_of
from isthmus.model import AutoencoderModule
from isthmus.pretraining.features import stages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from isthmus.data.conversion import Converter
    from isthmus.estimator import Autoencoder

Key = tuple[object, ...]
"""Which column, and which of its entries or levels, a number of a row stands for."""


def fitting(given: Autoencoder, X: Any) -> Autoencoder:
    """A fitted autoencoder for the columns of ``X``: the given one, if they are its.

    Columns are known by name, and what was learned of those that are still there is
    kept: scale, levels and weights. Weights that read a new column start at zero, so
    that features are at first what they were without it.
    """
    known, old = getattr(given, "feature_names_in_", None), given._converter  # noqa: SLF001
    if known is None or not is_frame(X) or not isinstance(old, Table):
        return given
    names = [str(name) for name in X.columns] if hasattr(X, "columns") else []
    names = list(getattr(X, "column_names", names))
    new = [name for name in names if name not in known]
    gone = [name for name in known if name not in {*names, *old.aside}]
    if not new and not gone:
        return given
    told = "; ".join(
        f"{what}: {', '.join(map(repr, some[:10]))}"
        for what, some in (("new, and starts fresh", new), ("gone", gone))
        if some
    )
    warn(f"Columns changed since pre-training ({told}). The others keep their weights.")
    made = _prepared(given, X, {*names} - {*new})
    _keep(made, given)
    return made


def _prepared(given: Autoencoder, X: Any, shared: set[str]) -> Autoencoder:
    """An untrained autoencoder of these columns, with the old scales and levels."""
    old: Any = given._converter  # noqa: SLF001 - estimators of one family
    recipe = given.recipe_
    words = {part.name for part in old.parts if isinstance(part, Categories)}
    wishes = columns_of(given)
    kinds = {n: k for n, k in wishes.kinds.items() if n in shared}
    kinds |= dict.fromkeys(sorted(words & shared), "category")
    weights = {n: w for n, w in wishes.weights.items() if n in shared}
    made: Autoencoder = clone(given).set_params(
        architecture=recipe.architecture,
        bottleneck=recipe.bottleneck,
        columns=wishes.changed(kinds=kinds, weights=weights),
    )
    made.prepared(read_rows(made, X, reset=True, least=2))
    table: Any = made._converter  # noqa: SLF001
    table.parts = [_as_it_was(part, old.parts) for part in table.parts]
    table.places = type(table)(
        table.columns, table.found, table.parts, constants=table.constants
    ).places
    module = AutoencoderModule(made.recipe_, table.layout(), missing=table.missing)
    made.module_ = module.to(given._device).eval()  # noqa: SLF001
    made.history_, made.path_ = given.history_, given.path_
    return made


def _as_it_was(part: Converter, old: list[Converter]) -> Converter:
    """A converter with the scales or levels that its columns had."""
    if not isinstance(part, Numbers):
        alike = [o for o in old if type(o) is type(part) and o.names == part.names]
        return alike[0] if alike else part
    for other in old:
        if isinstance(other, Numbers) and other.content == part.content:
            places = {name: i for i, name in enumerate(other.names)}
            for j, name in enumerate(part.names):
                for key in LEARNED if name in places else ():
                    getattr(part, key)[j] = getattr(other, key)[places[name]]
    return part


def _keep(made: Autoencoder, given: Autoencoder) -> None:
    """Copy weights, entry by entry where they read or write columns."""
    new, old = made.module_, given.module_
    seen = _inputs(made), _inputs(given)
    told = _outputs(made), _outputs(given)
    first = {id(p) for p in stages(new.encoder)[0].parameters()}
    last = {id(p) for p in [*new.decoder.modules()][-1].parameters()}
    weights = dict(old.named_parameters())
    with torch.no_grad():
        for name, parameter in new.named_parameters():
            before = weights[name]
            shape = tuple(parameter.shape)
            if id(parameter) in first and shape[1:] == (len(seen[0]),):
                parameter.copy_(_moved(before, 1, *seen))
            elif id(parameter) in last and shape[:1] == (len(told[0]),):
                parameter.copy_(_moved(before, 0, *told))
            elif parameter.shape == before.shape:
                parameter.copy_(before)


def _moved(weights: Tensor, axis: int, new: list[Key], old: list[Key]) -> Tensor:
    """Weights of the old numbers along an axis, as those of the new ones; else zero."""
    places = {key: i for i, key in enumerate(old)}
    pairs = [(j, places[key]) for j, key in enumerate(new) if key in places]
    here, there = (torch.tensor(side) for side in zip(*pairs, strict=True))
    shape = list(weights.shape)
    shape[axis] = len(new)
    found = weights.new_zeros(shape)
    return found.index_copy(axis, here, weights.index_select(axis, there))


def _inputs(model: Autoencoder) -> list[Key]:
    """What each number stands for that the encoder is given, in order."""
    found = list(_keys(model, 1))
    if "visible" in model.module_.clues:
        found += [("visible", *key) for key in _keys(model, None)]
    return found + [("level",)] * ("level" in model.module_.clues)


def _outputs(model: Autoencoder) -> list[Key]:
    """What each number stands for that the decoder tells, in order."""
    return list(_keys(model, 0))


def _keys(model: Autoencoder, lowest: int | None) -> Iterator[Key]:
    """Every entry of every column; of a category, every level from the lowest up."""
    table: Any = model._converter  # noqa: SLF001 - estimators of one family
    for part in table.parts:
        content, levels = part.field.content, part.field.levels or 0
        width = part.field.shape[0] // len(part.names)
        for name in part.names:
            for k in range(width):
                if content != "category" or lowest is None:
                    yield content, name, k
                    continue
                for level in range(lowest, levels):
                    yield content, name, k, level
