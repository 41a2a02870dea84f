"""The only place where parts meet."""

from isthmus.model.module import AutoencoderModule
from isthmus.model.recipe import FAMILIES, Recipe, default_terms, name_terms

__all__ = ["FAMILIES", "AutoencoderModule", "Recipe", "default_terms", "name_terms"]
