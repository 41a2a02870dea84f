"""The user's own encoder and decoder."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from pydantic import ConfigDict
from torch import nn

from isthmus.errors import RecipeError
from isthmus.parts import Architecture, Sizes
from isthmus.trace import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class Modules(Architecture):
    """An encoder (B, *inputs) -> (B, H) and a decoder (N, D) -> (N, *params).

    Each is an ``nn.Module``, copied when a model is built, or a callable without
    arguments (such as a class) that makes one. Where the encoder is told something
    (masking, noise of many levels, missing cells), it is called with the `Context` as
    a second argument. A saved model holds their weights and never their code.
    """

    replayable: ClassVar[bool] = False  # who knows what their code asks for

    model_config = ConfigDict(arbitrary_types_allowed=True)

    encoder: Any = None
    decoder: Any = None

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """None: the sizes depend on the data."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Only the kind: code is not data."""
        return {"kind": self.kind()}

    def build(self, sizes: Sizes) -> tuple[nn.Module, nn.Module]:
        """Copies of the two, after a trial run on two rows of zeros."""
        encoder = _Plain(_fresh(self.encoder, "encoder"), told=bool(sizes.clues))
        decoder = _fresh(self.decoder, "decoder")
        told = (_trial(sizes),) if sizes.clues else ()
        _try(encoder, "encoder", (2, *sizes.inputs), (2, sizes.features), *told)
        _try(decoder, "decoder", (2, sizes.code), (2, *sizes.params))
        return encoder, decoder


class _Plain(nn.Module):
    """Calls a module with the context only where there is something to tell."""

    def __init__(self, module: nn.Module, *, told: bool) -> None:
        super().__init__()
        self.module = module
        self.told = told

    def forward(self, x: Tensor, context: Context | None = None) -> Tensor:
        out: Tensor = self.module(x, context) if self.told else self.module(x)
        return out


def _fresh(source: nn.Module | Callable[[], nn.Module] | None, role: str) -> nn.Module:
    if source is None:
        raise RecipeError(
            f"Modules: the {role} is missing. Pass Modules(encoder=..., decoder=...), "
            f"or for a saved model isthmus.load(path, encoder=..., decoder=...)."
        )
    made = copy.deepcopy(source) if isinstance(source, nn.Module) else source()
    if not isinstance(made, nn.Module):
        raise RecipeError(
            f"Modules: the {role} must be a torch.nn.Module, or make one when called "
            f"without arguments. Got {source!r}."
        )
    return made


def _trial(sizes: Sizes) -> Context:
    """What an encoder is told of two rows of which everything is visible."""
    visible = torch.ones(2, *sizes.event) if "visible" in sizes.clues else None
    return Context(visible, torch.zeros(2) if "level" in sizes.clues else None)


def _try(
    module: nn.Module,
    role: str,
    given: tuple[int, ...],
    wanted: tuple[int, ...],
    *told: Context,
) -> None:
    state = copy.deepcopy(module.state_dict())  # normalisation may keep averages
    try:
        with torch.no_grad():
            got = tuple(module(torch.zeros(given), *told).shape)
    except (RuntimeError, TypeError) as error:
        also = " and a Context (it is told what is hidden or noisy)" if told else ""
        raise RecipeError(
            f"Modules: the {role} must take an input of shape {given}{also}, and "
            f"answer with shape {wanted}. It says: {error}."
        ) from error
    module.load_state_dict(state)
    if got != wanted:
        raise RecipeError(
            f"Modules: for an input of shape {given} the {role} must answer with "
            f"shape {wanted}. Got {got}."
        )
