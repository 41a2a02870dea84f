"""Whole fitted objects to and from one file: plain data and tensors, never code."""

from isthmus.artifacts.files import inspect, load, save

__all__ = ["inspect", "load", "save"]
