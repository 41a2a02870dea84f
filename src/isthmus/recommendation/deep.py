"""Recommenders that are trained: multinomial autoencoders (Liang et al., 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from isthmus.data.blocks import in_blocks
from isthmus.layout import Layout
from isthmus.model import AutoencoderModule
from isthmus.recommendation.batches import Batches
from isthmus.recommendation.ranking import block
from isthmus.recommendation.reasons import each_left_out
from isthmus.recommendation.sampled import Sampled
from isthmus.recommendation.splits import empty
from isthmus.training import Trainer, progress, seeded

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix
    from torch import Tensor

    from isthmus.model import Recipe
    from isthmus.recommendation.judges import Judges
    from isthmus.trace import Batch
    from isthmus.training import Epoch, Training


MANY = 50_000
"""Items above which each step is computed on some of them."""

DRAWN = 8192
"""Items of such a step, at least."""


class Deep(NamedTuple):
    """x -> log softmax of what the decoder says of the code."""

    module: AutoencoderModule

    def scores(self, rows: csr_matrix) -> NDArray[np.float32]:
        """Scores of all items for users, (users, items)."""
        module = self.module

        def say(batch: Batch) -> tuple[Tensor]:
            return (module.decode(*module.encoded(batch)).log_softmax(-1),)

        return _in_blocks(say, rows, module)

    def codes(self, rows: csr_matrix) -> NDArray[np.float32]:
        """Codes of users, (users, size)."""
        return _in_blocks(lambda b: (self.module.encode(b),), rows, self.module)

    def rises(self, rows: csr_matrix) -> NDArray[np.float32]:
        """By how much scores are above those of a user of whom nothing is known."""
        return self.scores(rows) - self.scores(empty((1, rows.shape[1])))

    def effects(self, row: csr_matrix, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """By how much the score of j falls without i, (seen, items)."""
        without: NDArray[np.float32] = self.scores(each_left_out(row))[:, items]
        return self.scores(row)[:, items] - without


class Watch:
    """Looks how well held-out interactions are found; keeps the best weights."""

    def __init__(
        self, module: AutoencoderModule, judges: Judges, patience: int
    ) -> None:
        self.module, self.judges, self.patience = module, judges, patience
        self.best, self.stale = -1.0, 0
        self.weights: dict[str, Tensor] = {}

    def look(self, epoch: Epoch) -> None:
        """Add a figure to an epoch; if nothing is held out, the last epoch is best."""
        module, found = self.module, float(epoch.number)
        if self.judges.any:
            module.train(mode=False)
            found = self.judges.of(Deep(module).scores)
            epoch.figures[f"validation_{self.judges.measure}"] = found
        self.stale = 0 if found > self.best else self.stale + 1
        if found > self.best:
            self.best = found
            state = module.state_dict()
            self.weights = {name: value.clone() for name, value in state.items()}

    def tired(self, _epoch: Epoch) -> bool:
        """Whether this epoch is to be the last."""
        return 0 < self.patience <= self.stale


def trained(
    recipe: Recipe,
    training: Training,
    rows: csr_matrix,
    judges: Judges,
    *,
    seed: int,
    device: torch.device,
    verbose: int = 0,
) -> tuple[Deep, list[dict[str, float]]]:
    """A model of these rows, and its history."""
    layout = Layout.of(rows.shape[1], content="count")
    with seeded(seed, torch.device("cpu")):
        module = AutoencoderModule(recipe, layout).to(device)
    many = rows.shape[1] > MANY
    learner = Sampled(module, DRAWN) if many else module
    watch = Watch(module, judges, training.patience)
    trainer = Trainer(learner, training.changed(patience=0), seed)
    with progress(rows.shape[0], verbose=verbose) as tell:

        def told(epoch: Epoch, seconds: float) -> None:
            watch.look(epoch)
            tell(epoch, seconds)

        trainer.fit(Batches(rows, thin=many), tell=told, callbacks=(watch.tired,))
    module.load_state_dict(watch.weights)
    return Deep(module), trainer.history


def _in_blocks(
    function: Callable[[Batch], tuple[Tensor, ...]],
    rows: csr_matrix,
    module: AutoencoderModule,
) -> NDArray[np.float32]:
    """What a function says of users, in blocks of one size."""
    size = block(rows.shape[1])
    (found,) = in_blocks(function, Batches(rows), module, size)
    return found.numpy()
