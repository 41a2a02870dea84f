"""Every error and warning that isthmus raises on purpose.

IsthmusError(ValueError)
    RecipeError           a part, or parts that do not fit each other
    DataError             data that cannot be used as it is
    ModelFileError        a model file that is damaged, foreign or unsafe
    NonFiniteLossError    training met a number that is not finite
    MissingExtraError     an optional library is not installed
IsthmusWarning(UserWarning)
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class IsthmusError(ValueError):
    """The root of all errors of this package."""


class RecipeError(IsthmusError):
    """A part is out of bounds, or two parts do not fit each other."""


class DataError(IsthmusError):
    """The data cannot be used as it is; the message names the column."""


class ModelFileError(IsthmusError):
    """A model file is damaged, foreign or unsafe, or of a task that is not asked."""


class NonFiniteLossError(IsthmusError):
    """Training met a number that is not finite, and stopped before the step."""


class MissingExtraError(IsthmusError, ImportError):
    """An optional library is not installed; the message says how to install it."""


class IsthmusWarning(UserWarning):
    """Something works, but probably not as intended."""


def warn(message: str) -> None:
    """Warn at the line outside this package that led here."""
    home, level, frame = str(Path(__file__).parent), 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(home):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, IsthmusWarning, stacklevel=level)


def optional(module: str, extra: str) -> Any:
    """A module that need not be installed; ``extra`` is the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise MissingExtraError(
            f"{library} is not installed. Install it with: pip install "
            f"'isthmus[{extra}]'"
        ) from None


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Say that ``name`` is no such thing, and which names come nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"There is no {what} {name!r}.{hint} Known: {', '.join(names) or 'none'}."
