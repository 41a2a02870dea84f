"""What a model file holds, and a refusal where a command asks for something else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def held(model: Any) -> str:
    """What a model is, in words: an anomaly detector."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(model).__name__).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def need(fits: bool, path: Path | str, model: Any, asks: str, *tasks: str) -> None:
    """Refuse a model that does not fit what is asked, and name the tasks that do."""
    from isthmus.errors import ModelFileError

    if not fits:
        wanted = " or ".join(f"--task {task}" for task in tasks)
        raise ModelFileError(
            f"{path} holds {held(model)}, and {asks} needs a model of {wanted}. Fit "
            f"one: isthmus fit DATA {wanted}"
        )
