"""Finds the first quantity that is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.trace import Trace


def first_bad(trace: Trace, terms: dict[str, Tensor]) -> str | None:
    """Name the first quantity, in the order of computation, with a non-finite entry."""
    quantities: dict[str, Tensor | None] = {
        "the data": trace.x,
        "the corrupted input": trace.corrupted,
        "the encoder's answer": trace.features,
        "the code": trace.code.value,
        "the decoder's answer": trace.params,
        "the distortion": trace.distortion,
        **{f"the term {name!r}": cost for name, cost in terms.items()},
    }
    for name, value in quantities.items():
        if value is not None and not value.isfinite().all():
            return name
    return None
