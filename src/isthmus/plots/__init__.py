"""Figures as PNG files: codes, reconstructions, scores, and the reasons for them."""

from isthmus.plots.codes import draw_codes, draw_pictures
from isthmus.plots.comparison import draw_comparison
from isthmus.plots.elbow import draw_elbow
from isthmus.plots.filled import draw_filled
from isthmus.plots.images import draw_before_and_after
from isthmus.plots.reasons import draw_reasons
from isthmus.plots.recommendations import draw_recommendations
from isthmus.plots.samples import draw_columns, draw_sheet
from isthmus.plots.scores import draw_scores
from isthmus.plots.series import draw_series
from isthmus.plots.spectrograms import draw_spectrograms
from isthmus.plots.topics import draw_topics
from isthmus.plots.traversal import plot_traversal

__all__ = [
    "draw_before_and_after",
    "draw_codes",
    "draw_columns",
    "draw_comparison",
    "draw_elbow",
    "draw_filled",
    "draw_pictures",
    "draw_reasons",
    "draw_recommendations",
    "draw_scores",
    "draw_series",
    "draw_sheet",
    "draw_spectrograms",
    "draw_topics",
    "plot_traversal",
]
