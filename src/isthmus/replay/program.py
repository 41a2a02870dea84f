"""Operations, repeated into the memory that they filled when they were recorded."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from isthmus.replay.goals import in_place
from isthmus.replay.homes import Homes
from isthmus.replay.recorder import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from isthmus.replay.recorder import Call

    Step = tuple[Callable[..., Any], list[Any], dict[str, Any]]

CONVERT = torch.ops.aten._to_copy.default

SAID_BY_THE_ANSWER = {"dtype", "layout", "device", "pin_memory", "memory_format"}
"""Arguments that an answer which is there already makes needless."""


def program(
    calls: Sequence[Call], live: Sequence[Tensor], answer: Sequence[Tensor]
) -> Callable[[], None]:
    """One function of no arguments that takes all steps, without a loop."""
    names: dict[str, Any] = {}

    def name(value: Any) -> str:
        if isinstance(value, (list, tuple)):
            inner = "".join(f"{name(v)}, " for v in value)
            return f"[{inner}]" if isinstance(value, list) else f"({inner})"
        key = f"v{len(names)}"
        names[key] = value
        return key

    lines = []
    for function, args, kwargs in steps(calls, live, answer):
        said = [name(value) for value in args]
        said += [f"{key}={name(value)}" for key, value in kwargs.items()]
        lines.append(f"{name(function)}({', '.join(said)})")
    body = "\n  ".join(lines or ["pass"])
    source = f"def make({', '.join(names)}):\n def run():\n  {body}\n return run"
    made: dict[str, Any] = {}
    exec(compile(source, "<recording>", "exec"), made)  # noqa: S102 - names are ours
    run: Callable[[], None] = made["make"](**names)
    return run


def steps(
    calls: Sequence[Call], live: Sequence[Tensor], answer: Sequence[Tensor]
) -> list[Step]:
    """Repeat what depends on ``live`` tensors, which may have changed, or on chance.

    Views stay as they are, since memory does; what follows from constants alone is not
    computed again; what is only copied, and no part of the ``answer``, is computed
    where it is copied to; and memory that nobody reads again is used again.
    """
    again = in_place(repeated(calls, live), set(map(memory, answer)))
    homes = Homes(again, [*live, *answer])
    return [_step(call, homes) for call in again]


def repeated(calls: Sequence[Call], live: Iterable[Tensor]) -> list[Call]:
    """Calls whose answers may be others next time."""
    moving = {memory(tensor) for tensor in live}
    moving |= {memory(tensor) for call in calls for tensor in call.writes}
    found = []
    for call in calls:
        known = map(memory, call.answers) if call.measures else call.touched
        if call.looks or not (call.draws or moving.intersection(known)):
            continue
        moving |= {memory(tensor) for tensor in call.answers}
        found.append(call)
    return found


def _step(call: Call, homes: Homes) -> Step:
    """The call again, such that its answers are written where they were."""
    args = [_moved(value, homes) for value in call.args]
    kwargs = {key: _moved(value, homes) for key, value in call.kwargs.items()}
    name = call.function._schema.name.partition("::")[2]
    if call.writes:
        return _method(name, call.function), args, kwargs
    few = {k: v for k, v in kwargs.items() if k not in SAID_BY_THE_ANSWER}
    answers = list(map(homes, call.answers))
    if call.function is CONVERT:  # its way with a place to write to takes a detour
        return Tensor.copy_, [*answers, args[0]], {}
    for function, outs in _candidates(call, name, answers):
        if _works(function, args, few, outs):
            return function, args, few | outs
    again = functools.partial(_copied, call.function, answers)
    return again, args, kwargs


def _moved(value: Any, homes: Homes) -> Any:
    """A tensor at its home, and other values as they are."""
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(one, homes) for one in value)
    return homes(value) if isinstance(value, Tensor) else value


def _method(name: str, function: Any) -> Any:
    """An operation in place, by the way with the least overhead."""
    return getattr(Tensor, name, function) if name.endswith("_") else function


def _candidates(call: Call, name: str, answers: list[Tensor]) -> Any:
    """Functions that write their answers where they are told, the quickest first."""
    for home in (torch, torch._C._nn):
        if hasattr(home, name):
            out = answers[0] if len(answers) == 1 else tuple(answers)
            yield getattr(home, name), {"out": out}
    packet = call.function._overloadpacket
    for overload in packet.overloads():
        function = getattr(packet, overload)
        places = [
            argument.name
            for argument in function._schema.arguments
            if argument.kwarg_only and argument.alias_info is not None
        ]
        if places and len(places) == len(answers):
            yield function, dict(zip(places, answers, strict=True))


def _works(
    function: Any, args: list[Any], kwargs: dict[str, Any], outs: dict[str, Any]
) -> bool:
    """Whether a function takes these arguments, tried on other memory.

    That of indices may serve others by now, and hold anything: zeros stand for them.
    """
    fresh = {
        key: tuple(map(torch.empty_like, value))
        if isinstance(value, tuple)
        else torch.empty_like(value)
        for key, value in outs.items()
    }
    try:
        function(*map(_harmless, args), **kwargs, **fresh)
    except (TypeError, RuntimeError, ValueError, NotImplementedError):
        return False
    return True


def _harmless(value: Any) -> Any:
    """Zeros for whole numbers, and other values as they are."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_harmless, value))
    whole = isinstance(value, Tensor) and not value.is_floating_point()
    return torch.zeros_like(value) if whole else value


def _copied(function: Any, answers: list[Tensor], *args: Any, **kwargs: Any) -> None:
    """Call a function that makes its own memory, and copy from there."""
    found = function(*args, **kwargs)
    found = [found] if isinstance(found, Tensor) else found
    kept = [value for value in found if isinstance(value, Tensor)]
    for answer, value in zip(answers, kept, strict=True):
        answer.copy_(value)
