"""Saves and loads fitted estimators."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from sklearn.utils.validation import check_is_fitted

from isthmus.errors import IsthmusError, ModelFileError
from isthmus.estimator import Autoencoder
from isthmus.estimator.state import State
from isthmus.registry import names, task
from isthmus.storage import from_json, read_pieces, to_json, write_pieces

OBJECT, WEIGHTS = "object.json", "weights.safetensors"

_MISFIT = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError),
    *(RuntimeError, TypeError, ValueError),
)
"""What plain data of the wrong form makes a constructor raise."""


def save(
    estimator: Any, path: str | Path, *, notes: dict[str, Any] | None = None
) -> None:
    """Write a fitted estimator to one file, by custom ``NAME.isthmus``.

    The file is replaced in one step: after a crash it is the old one or the new one.
    ``notes`` are plain data of your own, which `inspect` gives back.
    Callbacks, the device and the code of networks of your own are not in it.
    """
    kind = _kinds_by_class().get(type(estimator))
    if kind is None:
        raise ModelFileError(f"{type(estimator).__name__} cannot be saved.")
    check_is_fitted(estimator)
    state = estimator.to_state()
    pieces = {
        OBJECT: to_json({"kind": kind, "state": state.plain, "notes": notes or {}}),
        WEIGHTS: save_tensors(state.tensors),
    }
    write_pieces(Path(path), pieces, _versions())


def load(
    path: str | Path, *, encoder: Any = None, decoder: Any = None, device: Any = None
) -> Any:
    """Rebuild what `save` wrote, with bit-identical answers on the same machine.

    ``encoder`` and ``decoder`` are the networks of a model that was trained on your
    own; their code is never taken from the file. A damaged file is refused.
    """
    document, weights, _ = _open(Path(path))
    try:
        tensors = load_tensors(weights)
    except SafetensorError as error:
        raise ModelFileError(f"{path}: {WEIGHTS}: {error}.") from None
    given = {"encoder": encoder, "decoder": decoder}
    modules = {name: value for name, value in given.items() if value is not None}
    kind = document["kind"]
    made = Autoencoder if kind == "autoencoder" else task(kind)
    try:
        return made.from_state(
            State(document["state"], tensors), device=device, **modules
        )
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from None
    except IsthmusError as error:
        if modules:  # these may be what is wrong
            raise
        raise ModelFileError(f"{path}: {OBJECT}: {error}") from None
    except _MISFIT as error:
        raise ModelFileError(f"{path}: {OBJECT} does not fit: {error!r}.") from None


def inspect(path: str | Path) -> dict[str, Any]:
    """Return what a model file says of itself, without building the model."""
    document, _, manifest = _open(Path(path))
    return {"manifest": manifest, **document}


def _open(path: Path) -> tuple[dict[str, Any], bytes, dict[str, Any]]:
    """What the file says the object is, its weights, and the manifest."""
    pieces, manifest = read_pieces(path)
    if set(pieces) != {OBJECT, WEIGHTS}:
        raise ModelFileError(f"{path} must hold {OBJECT} and {WEIGHTS}.")
    document = from_json(pieces[OBJECT], f"{path}: {OBJECT}")
    known = ["autoencoder", *names("tasks")]
    if not isinstance(document, dict) or document.get("kind") not in known:
        raise ModelFileError(f"{path} holds no object that this version knows.")
    return document, pieces[WEIGHTS], manifest


def _kinds_by_class() -> dict[type, str]:
    return {Autoencoder: "autoencoder"} | {task(name): name for name in names("tasks")}


def _versions() -> dict[str, str]:
    return {
        "isthmus": version("isthmus"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": str(torch.get_num_threads()),
    }
