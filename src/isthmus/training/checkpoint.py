"""Where a training stands, in a file, so that it can go on from there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from isthmus.errors import ModelFileError
from isthmus.ranks import together
from isthmus.storage import from_json, read_pieces, to_json, write_pieces

if TYPE_CHECKING:
    from isthmus.training.settings import Training

PLAIN, TENSORS = "training.json", "training.safetensors"

EVERY = 10.0
"""Seconds between two writings, at least; the first epoch is written in any case."""


class Position(NamedTuple):
    """All that the next epoch depends on, and the best weights so far."""

    plain: dict[str, Any]
    tensors: dict[str, Any]
    """Tensors in dictionaries and lists."""


class Checkpoint:
    """Keeps the last and the best weights of a training beside its position.

    The file is replaced in one step: after a crash it is an earlier one, or whole.
    ``about`` says which training it is: what was trained on, with which parts. Of
    several processes the first writes, and all read.
    """

    def __init__(self, path: str | Path, about: str) -> None:
        self.path, self.about = Path(path), about
        self.written = -EVERY

    def write(self, position: Position, training: Training) -> None:
        """Write, unless the last time is not long ago and there will be a next."""
        soon = not position.plain["over"] and time.monotonic() - self.written < EVERY
        if soon or not together().first:
            return
        tensors: dict[str, Tensor] = {}
        form = _taken_apart(position.tensors, tensors)
        settings = training.changed(seconds=None).to_dict()
        plain = {**position.plain, "form": form, "training": settings}
        pieces = {PLAIN: to_json(plain), TENSORS: save(tensors)}
        write_pieces(self.path, pieces, {"checkpoint": self.about})
        self.written = time.monotonic()

    def read(self, training: Training) -> Position | None:
        """Where the training stood; None if there is no file."""
        if not self.path.exists():
            return None
        pieces, manifest = read_pieces(self.path)
        if manifest["about"].get("checkpoint") != self.about:
            raise ModelFileError(
                f"{self.path}: is of another training: of other data, parts or "
                f"versions. Remove it to begin anew, or give another name."
            )
        plain = from_json(pieces[PLAIN], f"{self.path}: {PLAIN}")
        if plain["training"] != training.changed(seconds=None).to_dict():
            raise ModelFileError(
                f"{self.path}: training had other settings then. Use these, or remove "
                f"the file to begin anew."
            )
        try:
            tensors = load(pieces[TENSORS])
        except SafetensorError as error:
            raise ModelFileError(f"{self.path}: {TENSORS}: {error}.") from None
        return Position(plain, _put_together(plain["form"], tensors))


def _taken_apart(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Plain data in which names stand for tensors, and pairs for dictionaries."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"pairs": [[k, _taken_apart(v, tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return [_taken_apart(v, tensors) for v in value]
    return value


def _put_together(form: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(form, list):
        return [_put_together(one, tensors) for one in form]
    if not isinstance(form, dict):
        return form
    if "tensor" in form:
        return tensors[form["tensor"]]
    return {key: _put_together(value, tensors) for key, value in form["pairs"]}
