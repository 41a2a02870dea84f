"""Update rules by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import optim

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
FUSED = {"sgd", "adam", "adamw", "adagrad"}


def optimizer(training: Training, flat: FlatParameters) -> optim.Optimizer:
    """Build the rule of ``training``; only weight matrices decay."""
    groups: list[dict[str, Any]] = [
        {"params": [leaf], "weight_decay": decay}
        for leaf, decay in ((flat.weights, training.weight_decay), (flat.others, 0.0))
        if leaf.numel()
    ]
    settings: dict[str, Any] = {"lr": training.step_size}
    if not training.weight_decay:
        groups = [{"params": [flat.everything]}]
    if training.optimizer in FUSED and flat.values.device.type in {"cpu", "cuda"}:
        settings["fused"] = True
    if training.momentum:
        settings["momentum"] = training.momentum
    return RULES[training.optimizer](groups, **settings)
