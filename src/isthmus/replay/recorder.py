"""Which operations a computation comes down to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

FORBIDDEN = {
    torch.Tag.data_dependent_output: "a number is read from a tensor",
    torch.Tag.dynamic_output_shape: "a shape depends on numbers",
    torch.Tag.inplace_view: "the shape of a tensor is changed in place",
}


INDEX, MASKS = torch.ops.aten.index.Tensor, {torch.bool, torch.uint8}
"""Entries at numbers are as many as the numbers; those at a mask are not known."""


class UnrecordableError(IsthmusError):
    """A computation that may take another course next time."""


class Call(NamedTuple):
    """One operation, with the tensors that it read and made."""

    function: Any
    """The overload of the operator."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    answers: list[Tensor]

    def read(self) -> list[Tensor]:
        """Tensors among the arguments."""
        found = tree_leaves((self.args, self.kwargs))
        return [value for value in found if isinstance(value, Tensor)]

    @property
    def writes(self) -> list[Tensor]:
        """Arguments that are changed in place."""
        found = []
        for i, argument in enumerate(self.function._schema.arguments):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            value = (
                self.args[i] if i < len(self.args) else self.kwargs.get(argument.name)
            )
            found += [v for v in tree_leaves(value) if isinstance(v, Tensor)]
        return found

    @property
    def draws(self) -> bool:
        """Whether chance has a hand in it."""
        names = {argument.name for argument in self.function._schema.arguments}
        random = torch.Tag.nondeterministic_seeded in self.function.tags
        return random or "generator" in names

    @property
    def looks(self) -> bool:
        """Whether it only looks at memory in another way."""
        known = {memory(tensor) for tensor in self.read()}
        views = all(memory(tensor) in known for tensor in self.answers)
        return views and not self.writes


class _Listener(TorchDispatchMode):
    """Keeps every operation below autograd, and lets it happen."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler, which takes long

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        kwargs = kwargs or {}
        values = tree_leaves((args, kwargs))
        masks = any(isinstance(v, Tensor) and v.dtype in MASKS for v in values)
        for tag, why in FORBIDDEN.items():
            if tag in func.tags and (masks or func is not INDEX):
                raise UnrecordableError(f"{why} ({func}).")
        if any(isinstance(value, torch.Generator) for value in values):
            raise UnrecordableError(f"it draws from a generator of its own ({func}).")
        found = func(*args, **kwargs)
        answers = [value for value in tree_leaves(found) if isinstance(value, Tensor)]
        self.calls.append(Call(func, args, kwargs, answers))
        return found


def memory(tensor: Tensor) -> int:
    """Where the memory of a tensor begins, whatever part of it the tensor shows."""
    return tensor.untyped_storage().data_ptr()


def listen(function: Callable[[], T]) -> tuple[T, list[Call]]:
    """What a function answers, and what it comes down to."""
    with _Listener() as listener:
        found = function()
    return found, listener.calls
