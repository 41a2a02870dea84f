"""A fitted recommender as plain data and tensors, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from isthmus.errors import ModelFileError
from isthmus.estimator import Autoencoder
from isthmus.estimator.state import (
    State,
    parameters_from,
    parameters_of,
    refuse_misfits,
)
from isthmus.layout import Layout
from isthmus.model import AutoencoderModule, Recipe
from isthmus.recommendation.blend import Blend
from isthmus.recommendation.deep import Deep
from isthmus.recommendation.interactions import Named
from isthmus.recommendation.linear import Linear
from isthmus.training import Training, pick_device, seeded

if TYPE_CHECKING:
    from torch import Tensor

PLAIN = (
    *("method", "size", "user", "item", "weight", "time", "threshold", "weighted"),
    *(
        "ridge",
        "evenness",
        "dropout",
        "discount",
        "recency",
        "measure",
        "validation",
        "verbose",
    ),
)
"""Parameters that are plain data as they are."""

LINEAR, DEEP = "linear.", "deep."


def recommender_state(recommender: Any) -> State:
    """Plain data and tensors of a fitted recommender."""
    seed, own = recommender.random_state, recommender.autoencoder
    training, columns = recommender.training, recommender._columns  # noqa: SLF001
    names = getattr(recommender, "feature_names_in_", None)
    plain: dict[str, Any] = {
        **{name: getattr(recommender, name) for name in PLAIN},
        "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
        "training": training and training.to_dict(),
        "autoencoder": None if own is None else parameters_of(own),
        "items": recommender._known.to_pylist(),  # noqa: SLF001 - its own state
        "columns": columns and columns._asdict(),
        "feature_names": None if names is None else list(names),
        "chosen": recommender.method_,
        "recency_chosen": recommender.recency_,
        "figures": recommender.figures_,
        "history": recommender.history_,
    }
    model = recommender.model_
    tensors: dict[str, Tensor] = {}
    linear = model if isinstance(model, Linear) else getattr(model, "linear", None)
    deep = model if isinstance(model, Deep) else getattr(model, "deep", None)
    if linear is not None:
        found = {n: torch.from_numpy(a) for n, a in linear._asdict().items()}
        tensors |= {LINEAR + name: value for name, value in found.items()}
    if deep is not None:
        plain["recipe"] = deep.module.recipe.to_dict()
        found = deep.module.state_dict()
        tensors |= {DEEP + name: value.detach().cpu() for name, value in found.items()}
    if isinstance(model, Blend):
        plain["share"] = model.share
    return State(plain, {n: t.contiguous().clone() for n, t in tensors.items()})


def from_recommender_state(
    kind: type[Any], state: State, *, device: Any = None, **modules: Any
) -> Any:
    """Rebuild a fitted recommender."""
    plain = state.plain
    own, training = plain["autoencoder"], plain["training"]
    made = kind(
        **{name: plain[name] for name in (*PLAIN, "random_state")},
        training=None if training is None else Training(**training),
        autoencoder=own and Autoencoder(**parameters_from(own, **modules)),
    )
    made._known = pa.array(plain["items"])  # noqa: SLF001
    columns = plain["columns"]
    made._columns = columns and Named(**columns)  # noqa: SLF001
    made.n_features_in_ = len(plain["items"])
    if plain["feature_names"] is not None:
        made.feature_names_in_ = np.array(plain["feature_names"], dtype=object)
    made.method_, made.figures_ = plain["chosen"], plain["figures"]
    made.history_, made.recency_ = plain["history"], plain["recency_chosen"]
    made.model_ = _model(plain, state.tensors, device)
    return made


def _model(plain: dict[str, Any], tensors: dict[str, Tensor], device: Any) -> Any:
    """The models that there are tensors of, together."""
    parts = {prefix: _behind(prefix, tensors) for prefix in (LINEAR, DEEP)}
    items = len(plain["items"])
    linear, deep = None, None
    if found := parts[LINEAR]:
        columns = found["basis"].shape[-1]
        like = {"weights": (items, items), "popularity": (items,)}
        like |= {"basis": (items, columns)}
        wanted = {n: torch.empty(size, device="meta") for n, size in like.items()}
        refuse_misfits(wanted, found)
        linear = Linear(**{name: value.numpy() for name, value in found.items()})
    if "recipe" in plain:
        recipe = Recipe.from_dict(plain["recipe"])
        layout = Layout.of(items, content="count")
        with torch.device("meta"):  # before a false recipe can ask for memory
            refuse_misfits(AutoencoderModule(recipe, layout).state_dict(), parts[DEEP])
        with seeded(0, torch.device("cpu")):
            module = AutoencoderModule(recipe, layout)
        module.load_state_dict(parts[DEEP])
        deep = Deep(module.to(pick_device(device)).eval())
    if linear is not None and deep is not None:
        return Blend(linear, deep, float(plain["share"]))
    if linear is None and deep is None:
        raise ModelFileError("There are no weights.")
    return linear or deep


def _behind(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    here = {n: tensor for n, tensor in tensors.items() if n.startswith(prefix)}
    return {name.removeprefix(prefix): tensor for name, tensor in here.items()}
