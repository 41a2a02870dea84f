"""Where does the time of a replayed step go, operation by operation?

The small network of `speed.py`, 30-64-32-8 and back. The operations that a step comes
down to are called one after the other, as a replay calls them, and each is timed;
medians over many steps. Beside their sum, the floor of `speed.py`: the matrix products
alone, each on its own. Adam, the order of the rows and the figures of a step are not
part of it.

    python benchmarks/step_by_operation.py [--batch 1024] [--kind plain]
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from speed import NETWORKS, floor, table
from speed_contests import PLAIN, Case, untrained

from isthmus.replay.program import steps
from isthmus.replay.recorder import listen, tensors
from isthmus.threads import flushed
from isthmus.training.flat import FlatParameters
from isthmus.training.step import NOTHING, WORTH, Gradients


def operations(x: torch.Tensor, case: Case) -> list:
    """Names of a step's operations, and the steps."""
    model = untrained(x, case, 1)
    module = model.module_.train()
    flat, often = FlatParameters(module), {len(x): WORTH}
    recorded = Gradients(module, flat, model.training, len(x), often).replayed
    assert recorded is not None
    found, calls = listen(lambda: recorded.function(x, None, *NOTHING))
    with torch.inference_mode():
        return steps(calls, [*recorded.state, x], list(tensors(found)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--kind", choices=PLAIN, default="plain")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    case = Case(options.kind, *NETWORKS["small"], options.batch)
    x = table(options.batch, case.columns)
    asked = operations(x, case)
    seconds: list[list[float]] = [[] for _ in asked]
    with torch.inference_mode(), flushed():
        for _ in range(options.rounds):
            for mine, (function, args, kwargs) in zip(seconds, asked, strict=True):
                started = time.perf_counter()
                function(*args, **kwargs)
                mine.append(time.perf_counter() - started)
    medians = [1e6 * statistics.median(mine) for mine in seconds]
    for median, (function, args, _) in zip(medians, asked, strict=True):
        shapes = [tuple(value.shape) for value in tensors(args)]
        print(f"{median:9.1f} us  {function.__name__:32} {shapes}")
    print(f"{sum(medians):9.1f} us  in all; the products alone: ", end="")
    print(f"{1e6 * floor(case, training=True):.1f} us")


if __name__ == "__main__":
    main()
