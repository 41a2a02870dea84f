"""Which operations a computation comes down to."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

FORBIDDEN = {
    torch.Tag.data_dependent_output: "a number is read from a tensor",
    torch.Tag.dynamic_output_shape: "a shape depends on numbers",
    torch.Tag.inplace_view: "the shape of a tensor is changed in place",
}

SHAPED = {
    getattr(torch.ops.aten, name).default
    for name in ("ones_like", "zeros_like", "full_like", "new_zeros", "new_ones")
}
"""Whatever numbers these read, they answer the same."""

INDEX, MASKS = torch.ops.aten.index.Tensor, {torch.bool, torch.uint8}
"""Entries at numbers are as many as the numbers; those at a mask are not known."""


class UnrecordableError(IsthmusError):
    """A computation that may take another course next time."""


@dataclass(frozen=True, eq=False)
class Call:
    """One operation, with the tensors that it read and made."""

    function: Any
    """The overload of the operator."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    answers: list[Tensor]

    @cached_property
    def reads(self) -> list[Tensor]:
        """Tensors among the arguments."""
        return list(tensors((self.args, self.kwargs)))

    @cached_property
    def touched(self) -> set[int]:
        """Memory that it reads or fills."""
        return {memory(tensor) for tensor in (*self.reads, *self.answers)}

    @cached_property
    def writes(self) -> list[Tensor]:
        """Arguments that are changed in place."""
        found: list[Tensor] = []
        for i, name in _facts(self.function).written:
            value = self.args[i] if i < len(self.args) else self.kwargs.get(name)
            found += tensors(value)
        return found

    @property
    def draws(self) -> bool:
        """Whether chance has a hand in it."""
        return _facts(self.function).random

    @property
    def measures(self) -> bool:
        """Whether it is told nothing but the shape of what it reads."""
        return _facts(self.function).shaped

    @property
    def looks(self) -> bool:
        """Whether it only looks at memory in another way."""
        known = {memory(tensor) for tensor in self.reads}
        views = all(memory(tensor) in known for tensor in self.answers)
        return views and not self.writes


class _Facts(NamedTuple):
    """What the schema of an operation says."""

    written: list[tuple[int, str]]
    """Arguments that are changed in place: place and name."""
    random: bool
    shaped: bool
    refused: str | None
    """Why it cannot be recorded, if it cannot."""


@functools.cache
def _facts(function: Any) -> _Facts:
    arguments = list(enumerate(function._schema.arguments))
    written = [
        (i, a.name) for i, a in arguments if a.alias_info and a.alias_info.is_write
    ]
    random = torch.Tag.nondeterministic_seeded in function.tags
    random |= any(a.name == "generator" for _, a in arguments)
    refused = (
        f"{why} ({function})." for t, why in FORBIDDEN.items() if t in function.tags
    )
    return _Facts(written, random, function in SHAPED, next(refused, None))


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
        values = list(_leaves((args, kwargs)))
        refused = _facts(func).refused
        if refused and (func is not INDEX or any(map(_is_mask, values))):
            raise UnrecordableError(refused)
        if any(isinstance(value, torch.Generator) for value in values):
            raise UnrecordableError(f"it draws from a generator of its own ({func}).")
        found = func(*args, **kwargs)
        answers = list(tensors(found))
        self.calls.append(Call(func, args, kwargs, answers))
        return found


def memory(tensor: Tensor) -> int:
    """Where the memory of a tensor begins, whatever part of it the tensor shows."""
    return tensor.untyped_storage().data_ptr()


def tensors(value: Any) -> Iterator[Tensor]:
    """Tensors in nested tuples, lists and dictionaries."""
    return (leaf for leaf in _leaves(value) if isinstance(leaf, Tensor))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        yield value
        return
    for one in value:
        yield from _leaves(one)


def _is_mask(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype in MASKS


def listen(function: Callable[[], T]) -> tuple[T, list[Call]]:
    """What a function answers, and what it comes down to."""
    with _Listener() as listener:
        found = function()
    return found, listener.calls
