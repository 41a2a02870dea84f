"""Update rules by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import optim

from isthmus.training.adam import Adam

if TYPE_CHECKING:
    from isthmus.training.flat import FlatParameters
    from isthmus.training.settings import Training

RULES: dict[str, type[optim.Optimizer]] = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "nadam": optim.NAdam,
    "radam": optim.RAdam,
    "adamax": optim.Adamax,
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
    "adadelta": optim.Adadelta,
    "rprop": optim.Rprop,
}
FUSED = {"sgd", "adagrad"}


def optimizer(training: Training, flat: FlatParameters) -> optim.Optimizer | Adam:
    """Build the rule of ``training``; only weight matrices decay."""
    groups: list[dict[str, Any]] = [
        {"params": [leaf], "weight_decay": decay}
        for leaf, decay in ((flat.weights, training.weight_decay), (flat.others, 0.0))
        if leaf.numel()
    ]
    settings: dict[str, Any] = {"lr": training.step_size}
    if not training.weight_decay:
        groups = [{"params": [flat.everything]}]
    fused = flat.values.device.type in {"cpu", "cuda"}
    if fused and training.optimizer in {"adam", "adamw"}:
        return Adam(groups, decoupled=training.optimizer == "adamw", **settings)
    if fused and training.optimizer in FUSED:
        settings["fused"] = True
    if training.momentum:
        settings["momentum"] = training.momentum
    return RULES[training.optimizer](groups, **settings)
