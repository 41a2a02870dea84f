"""The only place where parts meet."""

from isthmus.model.module import AutoencoderModule
from isthmus.model.recipe import Recipe

__all__ = ["AutoencoderModule", "Recipe"]
