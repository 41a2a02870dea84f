"""Answers on Ray: short tasks, each of which reads some rows and answers them.

Tasks, and not actors: actors keep their processors, and where they keep all of them
none is left to read with, so that nothing ever moves. For tasks one processor is
enough; the model stays in the process that runs them.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from isthmus.cluster.answers import ROWS, Answers
from isthmus.data.pieces import Stream
from isthmus.errors import IsthmusError, optional

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


@contextmanager
def started(workers: int | None = None) -> Iterator[None]:
    """Ray, inside the block: as it runs already, that of RAY_ADDRESS, or our own.

    Our own has so many ``workers``, by default one for each processor, and ends with
    the block. It listens to nobody without a token, which is made up for this process
    (or that of RAY_AUTH_TOKEN), shows no dashboard and reports no usage. Errors of
    isthmus in a worker are raised as they are.
    """
    known = sys.modules.get("ray")
    own = known is None or not known.is_initialized()
    if own:
        _settle(known)
    ray = optional("ray", "ray")
    if own:
        _start(ray, workers)
    try:
        yield
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, IsthmusError):
            message, _, _ = str(error.cause).partition("\nFailed to apply UDF")
            raise type(error.cause)(message) from None
        raise
    finally:
        if own:
            ray.shutdown()


def answer(rows: Any, answers: Answers, *, workers: int | None = None) -> Any:
    """Answers to rows, in their order, as a Ray dataset that is computed when read.

    ``rows`` are a Ray dataset, an Arrow table, or a stream, whose files and row groups
    are read by the workers. At most so many ``workers`` are at work at a time.
    """
    data = optional("ray.data", "ray")
    own = not isinstance(rows, data.Dataset)
    parts = _parts(rows) if own else []
    most = min(workers, len(parts)) if own and workers else workers
    tasks = {"compute": data.TaskPoolStrategy(size=most), "batch_format": "pyarrow"}
    if own:
        rows = _dataset(data, parts, tasks)
    found = rows.map_batches(answers, batch_size=None, zero_copy_batch=True, **tasks)
    found.context.execution_options.preserve_order = True
    found.context.raise_original_map_exception = True
    return found


def _settle(known: Any) -> None:
    """Say by the environment, which Ray reads when it is imported, what it shall do."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if os.environ.get("RAY_ADDRESS"):  # a cluster has rules of its own
        return
    if known is not None and os.environ.get("RAY_AUTH_MODE") != "token":
        raise IsthmusError(
            "Ray was imported without RAY_AUTH_MODE=token, and would let everybody in. "
            "Set that in the environment first, or call ray.init() yourself."
        )
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _start(ray: Any, workers: int | None) -> None:
    """Join the cluster, or make one here."""
    optional("ray.data", "ray")  # it settles its log when it is imported
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors are raised, too
    if os.environ.get("RAY_ADDRESS"):
        ray.init(logging_level=logging.WARNING)
        return
    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        logging_level=logging.WARNING,
    )


def _parts(rows: pa.Table | Stream) -> list[Any]:
    """Slices of a table, or streams of some rows each."""
    if isinstance(rows, Stream):
        return list(rows.parts or (rows,))
    starts = range(0, max(rows.num_rows, 1), ROWS)
    return [rows.slice(start, ROWS) for start in starts]


def _dataset(data: Any, parts: list[Any], tasks: dict[str, Any]) -> Any:
    """Slices, which are sent; or streams, which are read where they go."""
    if not isinstance(parts[0], Stream):
        found = data.from_arrow(parts)
    else:

        def read(places: pa.Table) -> Iterator[Any]:
            for place in places["id"].to_pylist():
                yield from parts[place]

        numbers = data.range(len(parts), override_num_blocks=len(parts))
        found = numbers.map_batches(read, batch_size=1, **tasks)
    found.context.enable_progress_bars = sys.stderr.isatty()
    return found
