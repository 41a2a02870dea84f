"""Computations of fixed shape, recorded once and replayed without their overhead."""

from isthmus.replay.captured import Captured
from isthmus.replay.replayed import Replayed

__all__ = ["Captured", "Replayed"]
