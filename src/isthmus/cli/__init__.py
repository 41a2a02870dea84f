"""The terminal: thin faces on estimators; heavy imports live inside the commands."""

from isthmus.cli.program import app, main

__all__ = ["app", "main"]
