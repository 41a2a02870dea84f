"""Training on pictures that are changed anew whenever they are gone through."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from isthmus.storage import to_json
from isthmus.trace import Batch
from isthmus.training import Trainer
from isthmus.training.checkpoint import Checkpoint
from isthmus.training.examples import InMemory


class Fresh(InMemory):
    """Examples of which every batch is what ``change`` makes of it, by chance."""

    def __init__(self, data, change):
        super().__init__(data)
        self.change = change

    def shuffled(self, order, sizes):
        """Every row once, changed."""
        for batch in super().shuffled(order, sizes):
            yield Batch(self.change(batch.x))


def train(model, x, path, *, change=None, held_out=None):
    """Fit an estimator to rows ``x``, changed anew in every epoch; return it.

    Where there is a checkpoint at ``path``, training goes on from there. With a
    ``change`` this is what the estimator's ``fit`` does, for examples of our own.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if change is None:
        return model.fit(x, validation=held_out, checkpoint=path)
    examples = Fresh(model.prepared(x), change)
    if held_out is not None:
        held_out = Batch(torch.from_numpy(model.standardize(held_out)))
    about = [model.recipe_.to_dict(), model.random_state, x.shape]
    kept = Checkpoint(path, hashlib.sha256(to_json(about)).hexdigest())
    trainer = Trainer(model.module_, model.training, model.random_state)
    trainer.fit(examples, held_out, callbacks=model.callbacks, checkpoint=kept)
    model.history_ = trainer.history
    return model
