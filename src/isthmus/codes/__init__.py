"""Questions about the codes of fitted models: what is near, and what is the same."""

from isthmus.codes.alignment import Alignment, align
from isthmus.codes.neighbors import nearest

__all__ = ["Alignment", "align", "nearest"]
