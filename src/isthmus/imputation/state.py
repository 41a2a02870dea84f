"""A fitted imputer as plain data and tensors, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import clone

from isthmus.data.kinds import Columns
from isthmus.data.table import Table
from isthmus.errors import ModelFileError
from isthmus.estimator import Autoencoder
from isthmus.estimator.state import State, module_from
from isthmus.estimator.wishes import columns_of, kind_from_plain, kind_to_plain
from isthmus.imputation import domains
from isthmus.imputation.donors import Donors
from isthmus.imputation.filler import Filler
from isthmus.imputation.linear import FactorAnalysis
from isthmus.imputation.pair import Pair

if TYPE_CHECKING:
    from torch import Tensor

PLAIN = (
    "folds",
    "missing_values",
    "keep_empty_features",
    "add_indicator",
    "verbose",
)
NETWORK, LINEAR, DONORS, VALUES = "network", "linear", "donors", "values"


def imputer_state(imputer: Any) -> State:
    """Plain data and tensors of a fitted imputer."""
    inner, filler = imputer.autoencoder_.to_state(), imputer._filler  # noqa: SLF001
    seed = imputer.random_state
    repeats, values = domains.to_plain(filler.known)
    plain = {
        **{name: getattr(imputer, name) for name in PLAIN},
        "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
        "columns": columns_of(imputer).to_dict() if imputer.columns else None,
        "kind": kind_to_plain(imputer.kind),
        "own": imputer.autoencoder is not None,
        "replicas": len(filler.pairs),
        "repeats": repeats,
        "gaps": list(imputer.gaps_),
        "empty": list(imputer.empty_),
        "autoencoder": inner.plain,
    }
    tensors = dict(inner.tensors) | {"share": filler.share}
    tensors |= _named(DONORS, filler.donors.state_dict())
    tensors |= _named(VALUES, {n: torch.from_numpy(v) for n, v in values.items()})
    for k, pair in enumerate(filler.pairs):
        tensors |= _named(f"{LINEAR}.{k}", pair.linear.state_dict())
        if k:  # the first is that of the autoencoder
            tensors |= _named(f"{NETWORK}.{k}", pair.network.state_dict())
    return State(plain, {n: t.detach().cpu().contiguous() for n, t in tensors.items()})


def imputer_from_state(
    kind: type[Any], state: State, *, device: Any = None, **modules: Any
) -> Any:
    """Rebuild a fitted imputer."""
    plain, tensors = state.plain, state.tensors
    ours = (NETWORK, LINEAR, DONORS, VALUES)
    first = {
        n: t for n, t in tensors.items() if n.split(".")[0] not in {*ours, "share"}
    }
    inner = State(plain["autoencoder"], first)
    fitted = Autoencoder.from_state(inner, device=device, **modules)
    said = plain["columns"]
    made = kind(
        **{name: plain[name] for name in PLAIN if name in plain},
        random_state=plain["random_state"],
        columns=said and Columns(**said),
        kind=kind_from_plain(plain["kind"]),
        device=device,
        autoencoder=clone(fitted) if plain["own"] else None,
    )
    networks = [fitted.module_]
    for k in range(1, int(plain["replicas"])):
        weights = _of(tensors, f"{NETWORK}.{k}")
        module = module_from(fitted.recipe_, fitted._converter, weights)  # noqa: SLF001
        networks.append(module.eval())
    pairs = [
        Pair(network, FactorAnalysis(**_of(tensors, f"{LINEAR}.{k}")))
        for k, network in enumerate(networks)
    ]
    values = {n: v.numpy() for n, v in _of(tensors, VALUES).items()}
    converter = fitted._converter  # noqa: SLF001
    assert isinstance(converter, Table)
    known = domains.from_plain(converter, plain["repeats"], values)
    donors = Donors(**_of(tensors, DONORS))
    filler = Filler(pairs, tensors["share"], donors, known)
    made._adopt(fitted, filler.to(fitted._device).eval())  # noqa: SLF001
    made.gaps_, made.empty_ = tuple(plain["gaps"]), tuple(plain.get("empty", ()))
    return made


def _named(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{name}.{key}": tensor for key, tensor in tensors.items()}


def _of(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors below a name."""
    start = f"{name}."
    found = {
        n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)
    }
    if not found and name != VALUES:
        raise ModelFileError(f"The weights of {name!r} are missing.")
    return found
