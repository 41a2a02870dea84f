"""The learning rate over training, as a factor of its full value."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine", "one_cycle", "exponential", "step"]

WARM_UP = 0.1
"""Share of the one-cycle schedule in which the rate rises."""


def factor(schedule: Schedule, done: float) -> float:
    """Share of the full learning rate when ``done`` of the steps lie behind.

    Cosine: (1 + cos(pi t)) / 2 (Loshchilov & Hutter, 2017). One cycle: linear from
    1/25 up, then cosine to 0 (Smith & Topin, 2018). Exponential: down to 1/100. Step: a
    tenth after one half, a hundredth after three quarters.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "linear":
        return 1.0 - done
    if schedule == "exponential":
        return math.pow(0.01, done)
    if schedule == "step":
        return 1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01
    if schedule == "one_cycle":
        if done < WARM_UP:
            return 0.04 + 0.96 * done / WARM_UP
        done = (done - WARM_UP) / (1 - WARM_UP)
    return 0.5 * (1 + math.cos(math.pi * done))
