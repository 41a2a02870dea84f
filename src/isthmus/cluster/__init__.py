"""Answers of one model on many machines: a pure function, and engines that apply it."""

from isthmus.cluster.answers import Answers

__all__ = ["Answers"]
