"""Numbers that a parameter or an argument may be."""

from __future__ import annotations

import math
import numbers
from typing import Any

from isthmus.errors import RecipeError


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """``value``, if it is a whole number from ``least`` to ``most``."""
    fits = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if fits and least <= value and (most is None or value <= most):
        return int(value)
    range_ = f"of {least} or more" if most is None else f"from {least} to {most}"
    raise RecipeError(f"{name} must be a whole number {range_}. Got {value!r}.")


def real(
    name: str,
    value: Any,
    least: float = 0.0,
    most: float = math.inf,
    *,
    open_: bool = False,
) -> float:
    """``value``, if it is a number from ``least`` to ``most``; ``open_``: below it."""
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool)
    fits = fits and math.isfinite(value) and least <= value <= most
    if fits and not (open_ and value == most):
        return float(value)
    range_ = f"of {least:g} or more"
    if most < math.inf:
        range_ = f"from {least:g} {'to below' if open_ else 'to'} {most:g}"
    raise RecipeError(f"{name} must be a number {range_}. Got {value!r}.")
