"""A fitted autoencoder as plain data and tensors, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import torch

from isthmus.architectures.modules import Modules
from isthmus.data import dtypes
from isthmus.data.frames import Origin
from isthmus.data.kinds import Columns
from isthmus.errors import ModelFileError, RecipeError
from isthmus.estimator.reading import Converter, converter_from
from isthmus.estimator.wishes import columns_of, kind_from_plain, kind_to_plain
from isthmus.model import AutoencoderModule, Recipe
from isthmus.parts import Architecture, Bottleneck, Corruption, Likelihood, Term
from isthmus.spec import Spec
from isthmus.training import Training, pick_device, seeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

Estimator = TypeVar("Estimator")

PLAIN = (
    "size",
    "hidden",
    "epochs",
    "batch_size",
    "learning_rate",
    "validation",
    "verbose",
)
"""Parameters that are plain data as they are."""


class State(NamedTuple):
    """What a model file holds of an estimator."""

    plain: dict[str, Any]
    tensors: dict[str, Tensor]


def parameters_of(estimator: Any) -> dict[str, Any]:
    """Parameters as plain data; callbacks and the device are not kept."""
    seed = estimator.random_state
    plain = {name: getattr(estimator, name) for name in PLAIN}
    plain["scaling"] = estimator.scaling
    plain["columns"] = columns_of(estimator).to_dict() if estimator.columns else None
    plain["kind"] = kind_to_plain(estimator.kind)
    plain["random_state"] = int(seed) if isinstance(seed, int | np.integer) else None
    for name in ("architecture", "bottleneck", "likelihood", "corruption", "training"):
        part = getattr(estimator, name)
        plain[name] = part.to_dict() if isinstance(part, Spec) else part
    terms = estimator.terms
    plain["terms"] = None if terms is None else [term.to_dict() for term in terms]
    return plain


def parameters_from(plain: dict[str, Any], **modules: Any) -> dict[str, Any]:
    """Parameters of an estimator from the plain data of `parameters_of`."""
    params = {name: plain[name] for name in (*PLAIN, "random_state")}
    params["scaling"] = plain.get("scaling", "standard")  # all that 0.1.0 knew
    said = plain.get("columns")
    params["columns"] = said and Columns(**said)
    params["kind"] = kind_from_plain(plain.get("kind"))
    params["hidden"] = tuple(params["hidden"])
    families: dict[str, Callable[[dict[str, Any]], Any]] = {
        "bottleneck": Bottleneck.from_dict,
        "likelihood": Likelihood.from_dict,
        "corruption": Corruption.from_dict,
        "training": lambda data: Training(**data),
    }
    for name, rebuild in families.items():
        part = plain[name]
        params[name] = rebuild(part) if isinstance(part, dict) else part
    params["architecture"] = _architecture(plain["architecture"], modules)
    terms = plain["terms"]
    params["terms"] = None if terms is None else tuple(map(Term.from_dict, terms))
    return params


def estimator_state(estimator: Any) -> State:
    """Plain data and tensors of a fitted autoencoder."""
    names = getattr(estimator, "feature_names_in_", None)
    plain = {
        "parameters": parameters_of(estimator),
        "recipe": estimator.recipe_.to_dict(),
        "converter": estimator._converter.to_dict(),  # noqa: SLF001 - its own state
        "backend": estimator._origin.backend,  # noqa: SLF001
        "dtypes": dtypes.to_plain(estimator._origin),  # noqa: SLF001
        "frame_names": _plain_names(estimator._origin.names),  # noqa: SLF001
        "feature_names": None if names is None else [str(name) for name in names],
        "history": estimator.history_,
        "path": estimator.path_,
        "seed": estimator._seed,  # noqa: SLF001
    }
    module: torch.nn.Module = estimator.module_
    weights = {k: v.detach().cpu().clone() for k, v in module.state_dict().items()}
    return State(plain, weights)


def from_estimator_state(
    kind: type[Estimator], state: State, *, device: Any = None, **modules: Any
) -> Estimator:
    """Rebuild a fitted autoencoder."""
    plain = state.plain
    made: Any = kind(**parameters_from(plain["parameters"], **modules))
    recipe = dict(plain["recipe"])
    if modules and recipe["architecture"]["kind"] != "modules":
        raise RecipeError(
            "This model has no networks of its own. Leave out encoder= and decoder=."
        )
    architecture = _architecture(recipe.pop("architecture"), modules)
    made.recipe_ = Recipe.from_dict(recipe).changed(architecture=architecture)
    made._converter = converter_from(plain["converter"])  # noqa: SLF001
    module = module_from(made.recipe_, made._converter, state.tensors)  # noqa: SLF001
    made._device = pick_device(device)  # noqa: SLF001
    made.module_ = module.to(made._device).eval()  # noqa: SLF001
    names = plain["feature_names"]
    made.n_features_in_ = len(made._converter.names)  # noqa: SLF001
    if names is not None:
        made.feature_names_in_ = np.array(names, dtype=object)
    frame_names = plain["frame_names"] and tuple(plain["frame_names"])
    kinds = dtypes.from_plain(plain["backend"], plain.get("dtypes"))
    made._origin = Origin(plain["backend"], frame_names, dtypes=kinds)  # noqa: SLF001
    made._n_features_out = made.recipe_.bottleneck.width  # noqa: SLF001
    made.history_, made._seed = plain["history"], plain["seed"]  # noqa: SLF001
    made.path_ = plain.get("path", {})  # before 0.3.0 there was but one
    return made  # type: ignore[no-any-return]


def _plain_names(names: tuple[Any, ...] | None) -> list[str | int] | None:
    """Names of the columns of a frame: text, or whole numbers as pandas has them."""
    if names is None:
        return None
    return [int(n) if isinstance(n, int | np.integer) else str(n) for n in names]


def _architecture(data: dict[str, Any] | str | None, modules: dict[str, Any]) -> Any:
    """Own networks come from the caller, never from the file."""
    if not isinstance(data, dict):
        return data
    if data.get("kind") != "modules":
        return Architecture.from_dict(data)
    if set(modules) != {"encoder", "decoder"}:
        raise ModelFileError(
            "This model has networks of its own, whose code is not in the file. Use "
            "isthmus.load(path, encoder=MyEncoder, decoder=MyDecoder)."
        )
    return Modules(**modules)


def module_from(
    recipe: Recipe, converter: Converter, tensors: dict[str, Tensor]
) -> AutoencoderModule:
    """Build a network and put the weights in place."""

    def build() -> AutoencoderModule:
        layout, missing = converter.layout(), converter.missing
        return AutoencoderModule(recipe, layout, missing=missing)

    if not isinstance(recipe.architecture, Modules):
        with torch.device("meta"):  # before a false recipe can ask for memory
            refuse_misfits(build().state_dict(), tensors)
    with seeded(0, torch.device("cpu")):
        module = build()
    refuse_misfits(module.state_dict(), tensors)
    module.load_state_dict(tensors)
    return module


def refuse_misfits(wanted: dict[str, Tensor], tensors: dict[str, Tensor]) -> None:
    """Weights must have the right names, types and shapes, and be finite."""
    if strange := set(wanted) ^ set(tensors):
        raise ModelFileError(f"The weights do not fit the recipe: {min(strange)!r}.")
    for name, like in wanted.items():
        got = tensors[name]
        if got.shape != like.shape or got.dtype != like.dtype:
            raise ModelFileError(
                f"Weight {name!r} must have shape {tuple(like.shape)} and type "
                f"{like.dtype}. Got {tuple(got.shape)} and {got.dtype}."
            )
        if not math.isfinite(float(got.double().abs().sum())):
            raise ModelFileError(f"Weight {name!r} holds a number that is not finite.")
