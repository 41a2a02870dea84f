"""From rows as they were handed over to an untrained module and its batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from sklearn.utils import check_random_state

from isthmus.data.table import NumericTable
from isthmus.errors import RecipeError
from isthmus.estimator.rows import column_names
from isthmus.estimator.suggestions import likelihood_for, recipe_for
from isthmus.model import AutoencoderModule, Recipe
from isthmus.training import pick_device, seeded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from isthmus.trace import Batch


class Prepared(NamedTuple):
    """All that is settled before the first step."""

    seed: int
    device: torch.device
    converter: NumericTable
    recipe: Recipe
    module: AutoencoderModule


def prepare(estimator: Any, values: NDArray[np.float64]) -> Prepared:
    """Settle seed, device, converter and recipe, and draw the first weights."""
    if not 0 <= estimator.validation < 1:
        raise RecipeError(f"validation must lie in [0, 1). Got {estimator.validation}.")
    seed = int(check_random_state(estimator.random_state).randint(2**31 - 1))
    device = pick_device(estimator.device)
    likelihood = likelihood_for(estimator, values)
    converter = NumericTable(column_names(estimator), likelihood.prefers)
    converter.update(values).finish()
    recipe = recipe_for(estimator, values.shape[1], likelihood)
    with seeded(seed, torch.device("cpu")):
        module = AutoencoderModule(
            recipe, converter.layout(), missing=converter.missing
        )
    return Prepared(seed, device, converter, recipe, module.to(device))


def split(data: Batch, share: float, seed: int) -> tuple[Batch, Batch | None]:
    """Rows to train on, and a random share to check on where there are ten or more."""
    count = round(share * len(data)) if len(data) >= 10 else 0
    if not count:
        return data, None
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    return data.rows(order[count:]), data.rows(order[:count])
