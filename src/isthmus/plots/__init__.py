"""Figures as PNG files: codes, reconstructions, scores, and the reasons for them."""

from isthmus.plots.codes import draw_codes, draw_pictures
from isthmus.plots.reasons import draw_reasons
from isthmus.plots.scores import draw_scores

__all__ = ["draw_codes", "draw_pictures", "draw_reasons", "draw_scores"]
