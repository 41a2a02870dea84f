"""The only place where parts meet."""

from isthmus.model.module import AutoencoderModule
from isthmus.model.recipe import Recipe, default_terms, name_terms

__all__ = ["AutoencoderModule", "Recipe", "default_terms", "name_terms"]
