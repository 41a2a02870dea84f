"""A function of tensors that is recorded for the shapes it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from isthmus.replay.program import program
from isthmus.replay.recorder import UnrecordableError, listen, tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Shapes = tuple[torch.Size | None, ...]

T = TypeVar("T")

MOST_SHAPES = 4
"""Recordings of one function; for further shapes it is called as it is, and says so."""

MOST_BYTES = 2**28
"""Memory that the answers of a recording may hold."""


class Recording(NamedTuple, Generic[T]):
    """What is repeated for arguments of certain shapes."""

    places: list[Tensor | None]
    """Where the arguments are put."""
    run: Callable[[], None]
    answer: T


class Replayed(Generic[T]):
    """A function of tensors: its first call is recorded, the next are replayed.

    Small networks spend most of their time in saying what is to be done: Python, the
    dispatcher, autograd, fresh memory for every answer. A recording is the list of
    operations below all these, repeated into the memory of the first run. The same
    operations on the same numbers give the same bits, random draws included.

    The function may depend on its arguments, on the ``state`` (tensors that others, or
    it itself, change in place), on torch's random state and on constants. It answers
    with tensors in tuples, lists or dictionaries; **the next call overwrites them.**
    Numbers read from tensors are refused: then, or where a replay would not give the
    same, or memory would grow beyond `MOST_BYTES`, `reason` says why, and the function
    is called as it is.
    """

    told = "replayed"
    """How it is said that recordings are used."""

    def __init__(self, function: Callable[..., T], state: Sequence[Tensor]) -> None:
        self.function, self.state = function, list(state)
        self.reason: str | None = None
        self.recordings: dict[Shapes, Recording[T]] = {}

    def __call__(self, *arguments: Tensor | None) -> T:
        """The function's answer."""
        shapes = tuple(None if a is None else a.shape for a in arguments)
        known = self.recordings.get(shapes)
        if known is None:
            if len(self.recordings) == MOST_SHAPES:
                self.reason = f"there are more than {MOST_SHAPES} sizes of batches"
            if self.reason is not None:
                return self.function(*arguments)
            return self._record(shapes, arguments)
        with torch.inference_mode():
            for place, argument in zip(known.places, arguments, strict=True):
                if place is not None and argument is not None:
                    place.copy_(argument)
            known.run()
        return known.answer

    def _record(self, shapes: Shapes, arguments: tuple[Tensor | None, ...]) -> T:
        places = places_for(arguments)
        inputs = [place for place in places if place is not None]
        before, random = copies(self.state), torch.get_rng_state()
        try:
            answer, calls = listen(lambda: self.function(*places))
            self._check_size(calls)
        except UnrecordableError as error:
            self.reason = str(error)
            put(self.state, before)
            torch.set_rng_state(random)
            return self.function(*arguments)
        after = [*self.state, *tensors(answer)]
        kept, random_after = copies(after), torch.get_rng_state()
        with torch.inference_mode():
            run = program(calls, [*self.state, *inputs], list(tensors(answer)))
            put(self.state, before)
            torch.set_rng_state(random)
            run()
        same = torch.equal(random_after, torch.get_rng_state())
        if not (same and all(map(_equal, after, kept))):
            self.reason = "a replay does not give the same."
            put(after, kept)
            torch.set_rng_state(random_after)
            return answer
        self.recordings[shapes] = Recording(places, run, answer)
        return answer

    def _check_size(self, calls: Iterable[Any]) -> None:
        sizes = {
            tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
            for call in calls
            for tensor in call.answers
        }
        if sum(sizes.values()) > MOST_BYTES:
            raise UnrecordableError(f"it needs {sum(sizes.values()):,} bytes.")


def places_for(arguments: Iterable[Tensor | None]) -> list[Tensor | None]:
    """Memory of their own for arguments, that holds them."""
    return [None if a is None else a.detach().clone() for a in arguments]


def copies(tensors: Iterable[Tensor]) -> list[Tensor]:
    """The same numbers in other memory."""
    return [tensor.detach().clone() for tensor in tensors]


def put(tensors: list[Tensor], values: list[Tensor]) -> None:
    """Bring tensors back to what they were."""
    with torch.no_grad():
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(value)


def _equal(a: Tensor, b: Tensor) -> bool:
    """Whether all entries are the same, or both no numbers."""
    return bool(((a == b) | ((a != a) & (b != b))).all())  # noqa: PLR0124
