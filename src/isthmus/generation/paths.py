"""Ways from one code to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus.errors import RecipeError


def between(a: Any, b: Any, steps: int, way: str) -> Any:
    """Codes (steps, *) from ``a`` to ``b``, (*,), on a line or on an arc."""
    if way not in {"linear", "spherical"}:
        raise RecipeError(f"way must be 'linear' or 'spherical'. Got {way!r}.")
    if steps < 2:
        raise RecipeError(f"steps must be 2 or more. Got {steps}.")
    part = np.linspace(0, 1, steps).reshape(-1, *[1] * a.ndim)
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = float((a * b).sum() / max(lengths[0] * lengths[1], 1e-12))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if way == "linear" or np.sin(angle) < 1e-6:
        return ((1 - part) * a + part * b).astype(np.float32)
    left, right = np.sin((1 - part) * angle), np.sin(part * angle)
    return ((left * a + right * b) / np.sin(angle)).astype(np.float32)
