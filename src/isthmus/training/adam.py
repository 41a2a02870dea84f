"""Adam and AdamW, by torch's fused kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Decay of the running means of g and g^2, and what is added to the root."""


class Adam:
    """W <- W - rate m / (sqrt(v) + epsilon), m and v running means of g and g^2.

    (Kingma & Ba, 2015.) A decay is part of the gradient, or, ``decoupled``, shortens
    the weights beside it (Loshchilov & Hutter, 2019). This is what `torch.optim` does
    with ``fused=True``, to the bit, without what it puts around each step, and without
    the compiler that it imports.
    """

    def __init__(
        self, groups: list[dict[str, Any]], *, lr: float, decoupled: bool = False
    ) -> None:
        self.param_groups = [{"lr": lr, "weight_decay": 0.0} | g for g in groups]
        kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_
        self.kernel: Any = kernel
        self.state = [
            [_State(parameter) for parameter in group["params"]]
            for group in self.param_groups
        ]

    @torch.no_grad()
    def step(self) -> None:
        """Move all parameters against their gradients."""
        for group, states in zip(self.param_groups, self.state, strict=True):
            for parameter, state in zip(group["params"], states, strict=True):
                state.steps += 1
                self.kernel(
                    [parameter],
                    [parameter.grad],
                    [state.mean],
                    [state.square],
                    [],
                    [state.steps],
                    lr=group["lr"],
                    beta1=BETAS[0],
                    beta2=BETAS[1],
                    weight_decay=group["weight_decay"],
                    eps=EPSILON,
                    amsgrad=False,
                    maximize=False,
                )

    def state_dict(self) -> dict[str, Any]:
        """Steps and running means of every parameter."""
        states = [state for states in self.state for state in states]
        return {"state": [dict(vars(state)) for state in states]}

    def load_state_dict(self, known: dict[str, Any]) -> None:
        """Go on from there."""
        states = [state for states in self.state for state in states]
        for state, values in zip(states, known["state"], strict=True):
            for name, value in values.items():
                getattr(state, name).copy_(value)


class _State:
    def __init__(self, parameter: nn.Parameter) -> None:
        self.steps: Tensor = torch.zeros((), device=parameter.device)
        self.mean = torch.zeros_like(parameter.detach())
        self.square = torch.zeros_like(self.mean)
