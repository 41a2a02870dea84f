"""A function of tensors on a GPU, captured as a graph for the shapes it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from isthmus.replay.recorder import tensors
from isthmus.replay.replayed import (
    Recording,
    Replayed,
    copies,
    places_for,
    put,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from isthmus.replay.replayed import Shapes

T = TypeVar("T")

WARM_UP = 3
"""Calls before the capture, in which libraries make themselves ready."""

RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""How far the first replay may be from the plain call."""


class Captured(Replayed[T]):
    """`Replayed` for GPUs: one launch of a CUDA graph repeats all that was asked.

    The contract is the same, and numbers agree with those of plain calls to `RELATIVE`
    and `ABSOLUTE`: libraries may choose another kernel while they are captured. All
    tensors that the function reads must lie on the GPU. Where it waits for the GPU, as
    to read a number, the capture fails, `reason` says why, and it is called as it is.
    """

    told = "replayed as a CUDA graph"

    def __init__(self, function: Callable[..., T], state: Sequence[Tensor]) -> None:
        super().__init__(function, state)
        self.device = self.state[0].device
        self.stream = torch.cuda.Stream(self.device)  # the same for every capture

    def _record(self, shapes: Shapes, arguments: tuple[Tensor | None, ...]) -> T:
        places = places_for(arguments)
        before, random = copies(self.state), torch.cuda.get_rng_state(self.device)
        expected = self._called(places, before, random)
        kept = copies([*self.state, *tensors(expected)])
        random_after = torch.cuda.get_rng_state(self.device)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self.stream):
                answer = _bare(self.function(*places))
        except RuntimeError as error:
            self.reason = str(error).partition("\n")[0]
            return expected
        put(self.state, before)
        torch.cuda.set_rng_state(random, self.device)
        graph.replay()
        if all(map(_close, [*self.state, *tensors(answer)], kept)):
            self.recordings[shapes] = Recording(places, graph.replay, answer)
            return answer
        self.reason = "a replay does not give the same."
        put(self.state, kept[: len(self.state)])
        torch.cuda.set_rng_state(random_after, self.device)
        return expected

    def _called(
        self, places: list[Tensor | None], before: list[Tensor], random: Tensor
    ) -> T:
        """The answer of a plain call, the last of a few, in the stream of the capture.

        Without its graph of autograd, which would tie later ones to its memory.
        """
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            for _ in range(WARM_UP):
                _bare(self.function(*places))
                put(self.state, before)
                torch.cuda.set_rng_state(random, self.device)
            answer = _bare(self.function(*places))
        current.wait_stream(self.stream)
        return answer


def _bare(answer: T) -> T:
    """The answer, of whose tensors autograd knows nothing."""
    bare: T = tree_map(lambda v: v.detach() if isinstance(v, Tensor) else v, answer)
    return bare


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(
        a.double(), b.double(), rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True
    )
