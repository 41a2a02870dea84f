"""Fitted estimators as plain data and tensors, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from isthmus.data.kinds import Columns
from isthmus.estimator import Autoencoder
from isthmus.estimator.state import State, refuse_misfits
from isthmus.estimator.wishes import columns_of, kind_from_plain, kind_to_plain
from isthmus.pretraining.learner import Learned
from isthmus.pretraining.network import Network

if TYPE_CHECKING:
    from torch import Tensor

PLAIN = "frozen", "spread", "steps", "verbose"
"""Parameters that are plain data as they are, of those that an estimator has."""


def state_of(task: Any) -> State:
    """What makes an equal estimator."""
    learned: Learned = task.learned_
    inner, seed = learned.autoencoder.to_state(), task.random_state
    params = task.get_params(deep=False)
    plain = {name: params[name] for name in PLAIN if name in params}
    plain |= {
        "kind": kind_to_plain(task.kind),
        "columns": columns_of(task).to_dict() if task.columns else None,
        "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
        "networks": len(learned.networks),
        "outputs": learned.networks[0].head.out_features,
        "center": float(learned.center).hex(),
        "scale": float(learned.scale).hex(),
        "labels_spread": learned.spread,
        "left_out": learned.left_out,
        "history": task.history_,
        "autoencoder": inner.plain,
    }
    tensors = dict(inner.tensors)
    for k, network in enumerate(learned.networks):
        for name, tensor in network.state_dict().items():
            tensors[f"network{k}.{name}"] = tensor.detach().cpu().clone()
    return State(plain, tensors)


def learned_from(state: State, **modules: Any) -> tuple[Learned, dict[str, Any]]:
    """What was learned, and the parameters of the estimator."""
    plain, tensors = state.plain, state.tensors
    own = {n: t for n, t in tensors.items() if not n.startswith("network")}
    fitted = Autoencoder.from_state(State(plain["autoencoder"], own), **modules)
    networks = [
        _network(fitted, plain["outputs"], _of(tensors, f"network{k}."))
        for k in range(plain["networks"])
    ]
    center, scale = (float.fromhex(plain[name]) for name in ("center", "scale"))
    spread, left_out = plain["labels_spread"], plain.get("left_out")
    learned = Learned(fitted, networks, center, scale, spread, left_out)
    params = {name: plain[name] for name in PLAIN if name in plain}
    params |= {
        "kind": kind_from_plain(plain["kind"]),
        "columns": plain["columns"] and Columns(**plain["columns"]),
        "random_state": plain["random_state"],
        "autoencoder": clone(fitted),
    }
    return learned, params


def _of(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}


def _network(fitted: Autoencoder, outputs: int, tensors: dict[str, Tensor]) -> Network:
    network = Network(fitted.module_, outputs)
    refuse_misfits(network.state_dict(), tensors)
    network.load_state_dict(tensors)
    return network.to(fitted._device).eval()  # noqa: SLF001 - estimators of one family
