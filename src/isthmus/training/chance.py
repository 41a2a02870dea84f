"""Random numbers that leave the caller's random states alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from isthmus.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch inside the block, and put its random states back after it."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        reseed(seed, device)
        yield


def reseed(seed: int, device: torch.device) -> None:
    """Begin anew with ``seed``; only inside a block of `seeded`."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    if device.type == "mps":  # pragma: no cover - needs Apple hardware
        torch.mps.manual_seed(seed)


def random_states(device: torch.device) -> list[torch.Tensor]:
    """Where the draws on the processor and on the device stand."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states


def put_random_states(states: list[torch.Tensor], device: torch.device) -> None:
    """Draw on from there."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def pick_device(device: str | torch.device | None) -> torch.device:
    """Take the device asked for, or the best one there is."""
    if device is not None:
        return _existing(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():  # pragma: no cover - needs Apple hardware
        return torch.device("mps")
    return torch.device("cpu")


def _existing(device: str | torch.device) -> torch.device:
    """Refuse a device that this machine, or this build of torch, does not have."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise RecipeError(
            f"There is no device {str(device)!r} here: {reason}. Use 'cpu', or "
            f"None for the best that there is."
        ) from None
    return torch.device(device)
