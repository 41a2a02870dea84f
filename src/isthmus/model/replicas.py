"""Several models of one recipe as one model with an axis of replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from isthmus.model.module import AutoencoderModule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isthmus.model.recipe import Recipe


def can_stack(recipe: Recipe) -> bool:
    """Whether replicas in one step learn what they would learn one after another.

    Parts must know the axis, and draw nothing: draws in common are not those of each.
    Corruptions may draw, since each replica is corrupted apart.
    """
    parts = recipe.architecture, recipe.bottleneck
    return (
        all(part.stackable for part in parts)
        and not recipe.architecture.draws()
        and "drawn at random" not in recipe.bottleneck.traits()
        and not any(term.draws for term in recipe.costs().values())
    )


def stacked(modules: Sequence[AutoencoderModule]) -> AutoencoderModule:
    """One module (R, B, *event) with the weights of modules (B, *event)."""
    first = modules[0]
    device = next(first.parameters()).device
    draws = [device] if device.type == "cuda" else []
    with torch.device(device), torch.random.fork_rng(devices=draws):
        made = AutoencoderModule(
            first.recipe, first.layout, missing=first.missing, stack=len(modules)
        )
    states = [module.state_dict() for module in modules]
    made.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).reshape(like.shape)
            if like.dim()
            else states[0][name]
            for name, like in made.state_dict().items()
        }
    )
    return made


def unstack(stack: AutoencoderModule, modules: Sequence[AutoencoderModule]) -> None:
    """Give each module the weights of its replica."""
    state = stack.state_dict()
    for k, module in enumerate(modules):
        module.load_state_dict(
            {
                name: state[name].reshape(len(modules), *like.shape)[k]
                if state[name].dim()
                else state[name]
                for name, like in module.state_dict().items()
            }
        )
