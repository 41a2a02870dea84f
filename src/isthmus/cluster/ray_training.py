"""Training on Ray: its workers are a process group, in which `fit` shares batches."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus import errors
from isthmus.artifacts import load, save
from isthmus.data.streams import is_stream, stream
from isthmus.errors import IsthmusError, RecipeError, optional
from isthmus.estimator import Autoencoder
from isthmus.ranks import together

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS = 3
"""How often a training goes on after a worker was lost."""

MODEL = "model.isthmus"


def fit(
    model: Autoencoder,
    rows: Any,
    *,
    workers: int,
    folder: str | Path,
    checkpoint: str | Path | None = None,
) -> Any:
    """A fitted equal of ``model``, trained by so many ``workers`` together.

    ``rows`` are what `Autoencoder.fit` takes; of a stream each worker reads its own
    part. The losses are those of one process (docs/scale.md). In ``folder``, which all
    machines must see, Ray keeps its notes; and there lies the ``checkpoint``, if no
    other place is given, from which training goes on where a worker was lost. Call it
    inside `isthmus.cluster.ray.started`.
    """
    if not isinstance(model, Autoencoder):
        raise RecipeError(
            f"Several workers train an Autoencoder. Got {type(model).__name__}: one "
            f"process trains its replicas together."
        )
    train, torch_train = (
        optional("ray.train", "ray"),
        optional("ray.train.torch", "ray"),
    )
    place = Path(folder).absolute()
    place.mkdir(parents=True, exist_ok=True)
    kept = Path(checkpoint or place / "checkpoint").absolute()
    refused = place / "refused.json"
    os.environ.setdefault("RAY_TRAIN_ENABLE_PRINT_PATCH", "0")  # lines come twice else
    backend = "nccl" if str(model.device).startswith("cuda") else "gloo"
    trainer = torch_train.TorchTrainer(
        _work(train, model, rows, refused, kept),
        torch_config=torch_train.TorchConfig(backend=backend),
        scaling_config=train.ScalingConfig(num_workers=workers),
        run_config=train.RunConfig(
            name="ray",
            storage_path=str(place),
            failure_config=train.FailureConfig(max_failures=ATTEMPTS),
        ),
    )
    refused.unlink(missing_ok=True)
    result = trainer.fit()
    if refused.exists():
        kind, message = json.loads(refused.read_text())
        raise getattr(errors, kind)(message)
    with result.checkpoint.as_directory() as found:
        return load(Path(found) / MODEL)


def _work(
    train: Any, model: Autoencoder, rows: Any, refused: Path, kept: Path
) -> Callable[[dict[str, Any]], None]:
    """What each worker does; the first hands over the model.

    An error of ours comes again however often one tries. It ends this attempt, for
    workers wait for each other, and the next finds it written and is over at once.
    """
    source, here = _sent(rows), Path.cwd()

    def work(_config: dict[str, Any]) -> None:
        if refused.exists():
            train.report({})
            return
        with suppress(OSError):  # relative paths are those of the caller
            os.chdir(here)
        try:
            fitted = model.fit(source(), checkpoint=kept)
        except IsthmusError as error:
            refused.write_text(json.dumps([type(error).__name__, str(error)]))
            raise
        if not together().first:
            train.report({})
            return
        with tempfile.TemporaryDirectory() as made:
            save(fitted, Path(made) / MODEL)
            train.report({}, checkpoint=train.Checkpoint.from_directory(made))

    return work


def _sent(rows: Any) -> Any:
    """A function that gives a worker the rows: a stream to read, or a copy."""
    if is_stream(rows):
        source = stream(rows)
        return lambda: source
    ray = optional("ray", "ray")
    reference = ray.put(rows)
    return lambda: ray.get(reference)
