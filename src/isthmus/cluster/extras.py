"""Libraries of engines, which need not be installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from isthmus.errors import MissingExtraError


def engine(name: str, module: str) -> Any:
    """A module of an engine; ``name`` is that of the extra that brings it."""
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"{name.capitalize()} is not installed. Install it with: "
            f"pip install 'isthmus[{name}]'"
        ) from None
