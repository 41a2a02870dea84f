"""What a batch comes to whose rows lie in several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from isthmus.errors import RecipeError

if TYPE_CHECKING:
    from isthmus.ranks import Ranks
    from isthmus.training.flat import FlatParameters
    from isthmus.training.settings import Training
    from isthmus.training.step import Costs, Trainable


def refuse_mixing(model: Trainable, training: Training) -> None:
    """The loss of a batch must be the mean of those of its parts."""
    found = model.mixing() + ["Training.cutoff"] * (training.cutoff is not None)
    if found:
        raise RecipeError(
            f"{', '.join(found)}: looks at a whole batch, of which each of several "
            f"processes has but a part. Train in one process, or leave it out."
        )


def add_up(
    ranks: Ranks, flat: FlatParameters, costs: Costs, share: float
) -> dict[str, float]:
    """Make the gradient in ``flat`` that of the whole batch; the figures of that.

    ``share`` is the part of the batch that lies here; where it is 0, rows of
    no account were sent through. One message goes around for all.
    """
    name, cost, entries = costs.metric
    losses = torch.stack([costs.total, *costs.terms.values()]).detach() * share
    metric = torch.stack([cost, torch.as_tensor(entries).to(cost)]) * (share > 0)
    message = torch.cat([flat.gradient * share, losses, metric])
    ranks.all_reduce(message)
    size = len(flat.gradient)
    flat.gradient.copy_(message[:size])
    *sums, cost_of_all, entries_of_all = message[size:].tolist()
    figures = dict(zip(("loss", *costs.terms), sums, strict=True))
    return {**figures, name: cost_of_all / entries_of_all}
