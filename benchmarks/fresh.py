"""Training on pictures that are changed anew whenever they are gone through."""

from __future__ import annotations

import hashlib
from pathlib import Path

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


def train(model, x, training, seed, path, *, change=None, held_out=None, calls=()):
    """Fit an estimator to rows ``x``, changed anew in every epoch; return its module.

    This is what its ``fit`` does, with examples of our own. Where there is a checkpoint
    at ``path``, training goes on from there.
    """
    data = model.prepared(x)
    examples = data if change is None else Fresh(data, change)
    about = [model.recipe_.to_dict(), training.to_dict(), seed, x.shape]
    name = hashlib.sha256(to_json(about)).hexdigest()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(model.module_, training, seed)
    trainer.fit(
        examples,
        None if held_out is None else Batch(model.standardize(held_out)),
        callbacks=calls,
        checkpoint=Checkpoint(path, name),
    )
    return model.module_
