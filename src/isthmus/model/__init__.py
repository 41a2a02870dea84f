"""The only place where parts meet."""

from isthmus.model.module import AutoencoderModule
from isthmus.model.recipe import FAMILIES, Recipe, default_terms, name_terms
from isthmus.model.replicas import can_stack, stacked, unstack

__all__ = [
    "FAMILIES",
    "AutoencoderModule",
    "Recipe",
    "can_stack",
    "default_terms",
    "name_terms",
    "stacked",
    "unstack",
]
