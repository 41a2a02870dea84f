"""From rows as they were handed over to an untrained module and its batches."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state

from isthmus.data.kinds import GONE
from isthmus.data.sparse import Sparse
from isthmus.data.windows import Windows
from isthmus.errors import DataError, RecipeError, warn
from isthmus.estimator.reading import read_rows
from isthmus.estimator.suggestions import likelihood_for, recipe_for
from isthmus.model import AutoencoderModule, Recipe
from isthmus.storage import to_json
from isthmus.trace import Batch
from isthmus.training import pick_device, placed, seeded
from isthmus.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized
    from pathlib import Path

    from numpy.typing import NDArray

    from isthmus.estimator.reading import Converter, Learner


class Prepared(NamedTuple):
    """All that is settled before the first step."""

    seed: int
    device: torch.device
    converter: Converter
    recipe: Recipe
    module: AutoencoderModule


def prepare(estimator: Any, learner: Learner) -> Prepared:
    """Settle seed, device, converter and recipe, and draw the first weights."""
    if not 0 <= estimator.validation < 1:
        raise RecipeError(f"validation must lie in [0, 1). Got {estimator.validation}.")
    seed = int(check_random_state(estimator.random_state).randint(2**31 - 1))
    device = pick_device(estimator.device)
    converter = learner.finish()
    if all(found.why == GONE for found in converter.found) and converter.found:
        raise DataError("Every cell is missing: there is nothing to learn from.")
    if aside := [f for f in converter.found if f.why and f.name in converter.aside]:
        told = "; ".join(f"{f.name!r} ({f.why})" for f in aside[:10])
        name, kind = aside[0].name, "category" if aside[0].type == "text" else "integer"
        advice = (
            f"To keep such a column, say what it is: columns={{{name!r}: {kind!r}}}, "
            f"in the terminal --kind {name}={kind}."
        )
        if "free text" in told:
            advice += (
                " Texts are learned by themselves, as kind=Text(column=...), in the "
                "terminal --kind text --column."
            )
        if "are numbers" in told:
            advice = "Mend or empty the cells that are no numbers. " + advice
        warn(f"Set aside: {told}. {advice}")
    layout = converter.layout()
    likelihood = likelihood_for(estimator, converter)
    recipe = recipe_for(estimator, converter, likelihood)
    with seeded(seed, torch.device("cpu")):
        module = AutoencoderModule(recipe, layout, missing=converter.missing)
    return Prepared(seed, device, converter, recipe, module.to(device))


def checkpoint_of(
    estimator: Any, data: Sized, path: str | Path, more: Sequence[int] = ()
) -> Checkpoint:
    """A checkpoint that knows the training of a prepared estimator from others."""
    about = {
        "recipe": estimator.recipe_.to_dict(),
        "columns": estimator._converter.to_dict(),  # noqa: SLF001 - prepared above
        "seed": estimator._seed,  # noqa: SLF001
        "rows": [len(data), *more],
        "version": version("isthmus"),
    }
    return Checkpoint(path, hashlib.sha256(to_json(about)).hexdigest())


Data = Batch | Windows | Sparse


def standardized(data: Data) -> NDArray[np.float32]:
    """Entries as the model meets them; of windows, those of each place."""
    if isinstance(data, Sparse):
        data.refuse_whole()
        data = data.dense()
    return np.asarray(data.x.numpy())


def split(estimator: Any, data: Data, validation: Any) -> tuple[Data, Data | None]:
    """Rows to train on, and to check on: those given, or a share of ten or more."""
    device, seed = estimator._device, estimator._seed  # noqa: SLF001 - prepared above
    if validation is not None:
        rows, _ = read_rows(estimator, validation, reset=False)
        checked = estimator._converter.encode(rows)  # noqa: SLF001
        return placed(data, device), checked.to(device)
    if isinstance(data, Windows):
        kept, some = data.divided(estimator.validation, seed)
        return placed(kept, device), None if some is None else some.to(device)
    count = held_out(estimator, len(data))
    if not count:
        return placed(data, device), None
    order = _shuffled(len(data), seed)
    rows, held = data.rows(order[count:]), data.rows(order[:count])
    return placed(rows, device), held.to(device)


def held_out(estimator: Any, rows: int) -> int:
    """How many rows are kept out of training: a share of ten or more."""
    return round(estimator.validation * rows) if rows >= 10 else 0


def validation_rows(estimator: Any, rows: int) -> NDArray[np.int64]:
    """Which of the rows of fitting only said when to stop, if they were a share."""
    order = _shuffled(rows, estimator._seed)  # noqa: SLF001 - prepared above
    return np.asarray(order[: held_out(estimator, rows)].numpy())


def _shuffled(rows: int, seed: int) -> torch.Tensor:
    return torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
