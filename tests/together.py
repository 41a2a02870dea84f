"""What `test_ranks` runs in one process and in several: fits, and writes what came out.

torchrun --standalone --nproc-per-node 2 together.py DATA OUT CASE...
"""

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.errors import DataError, RecipeError
from isthmus.ranks import Ranks, joined
from isthmus.training import checkpoint

SHORT = {"epochs": 6, "batch_size": 64, "verbose": 0, "hidden": (16,)}


class At(NamedTuple):
    """What a case is told."""

    path: str
    out: str
    ranks: Ranks


def memory(at):
    rows = pyarrow.parquet.read_table(at.path)
    return isthmus.Autoencoder(size=3, **SHORT).fit(rows)


def stream(at):
    return isthmus.Autoencoder(size=3, **SHORT).fit(at.path)


def texts(at):
    """Words that only one process finds, columns that turn out to be numbers."""
    columns = ["c0", "c1", "kind", "word", "gaps"]
    rows = isthmus.stream(at.path, piece=100).select(columns)
    return isthmus.Autoencoder(size=3, **SHORT).fit(rows)


def frames(at):
    """A source that every process must read, with rows of one's own to check on."""
    rows = pyarrow.parquet.read_table(at.path)
    pieces = isthmus.stream(lambda: (rows.slice(i, 90) for i in range(0, 2000, 90)))
    model = isthmus.Autoencoder(size=3, **SHORT | {"batch_size": 2})
    return model.set_params(epochs=1).fit(pieces, validation=rows.slice(5, 77))


def early(at):
    training = isthmus.Training(patience=2, min_improvement=0.1)
    model = isthmus.Autoencoder(size=3, **SHORT | {"epochs": 60})
    return model.set_params(training=training).fit(at.path)


def told(at):
    """The last process alone wants to end it."""
    last = at.ranks.rank == at.ranks.world_size - 1
    ends = (lambda epoch: last and epoch.number == 3,)
    return isthmus.Autoencoder(size=3, **SHORT, callbacks=ends).fit(at.path)


def timed(at):
    training = isthmus.Training(seconds=0.5 + at.ranks.rank)
    model = isthmus.Autoencoder(size=3, **SHORT | {"epochs": 10_000})
    return model.set_params(training=training).fit(at.path)


def noise(at):
    return isthmus.variational(size=3, **SHORT).fit(at.path)


def online(at):
    rows = pyarrow.parquet.read_table(at.path).select(["c0", "c1", "c2"])
    model = isthmus.Autoencoder(size=2, **SHORT)
    return model.partial_fit(rows).partial_fit(rows.slice(7))


def lost(at):
    """The second process is killed once; without it no epoch is lost that is kept."""
    checkpoint.EVERY = 0.0
    once = Path(f"{at.out}.lost")

    def lose(epoch):
        if at.ranks.rank == 1 and epoch.number == 4 and not once.exists():
            once.touch()
            os._exit(9)

    model = isthmus.denoising(size=3, **SHORT, callbacks=(lose,))
    return model.fit(at.path, checkpoint=f"{at.out}.checkpoint")


def whole(at):
    return isthmus.denoising(size=3, **SHORT).fit(at.path)


def mixing(at):
    """Parts that look at a whole batch are refused."""
    complaints = []
    for part in (
        {"architecture": Mlp(hidden=(16,), norm="batch")},
        {"corruption": "swap_noise"},
        {"training": isthmus.Training(cutoff=4)},
    ):
        try:
            isthmus.Autoencoder(size=3, **SHORT | {"hidden": ()}, **part).fit(at.path)
        except RecipeError as error:
            complaints.append(str(error))
    Path(f"{at.out}.complaints.{at.ranks.rank}").write_text("\n".join(complaints))
    return isthmus.Autoencoder(size=3, **SHORT).fit(at.path)


def short(at):
    """A file of one row group is not enough for two processes."""
    try:
        isthmus.Autoencoder(size=3, **SHORT).fit(f"{at.path}.one.parquet")
    except DataError as error:
        Path(f"{at.out}.short.{at.ranks.rank}").write_text(str(error))
    return isthmus.Autoencoder(size=3, **SHORT).fit(at.path)


def write(model, path):
    """What a training came to."""
    weights = [p.detach().numpy() for p in model.module_.parameters()]
    np.savez(f"{path}.npz", *weights)
    Path(f"{path}.json").write_text(json.dumps(model.history_))


def run(path, out, cases):
    with joined() as ranks:
        for name in cases:
            write(globals()[name](At(path, out, ranks)), f"{out}.{name}.{ranks.rank}")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
