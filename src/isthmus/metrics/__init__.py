"""Figures that put a fitted model beside something known."""

from isthmus.metrics.detection import detection_figures
from isthmus.metrics.dictionary import mean_max_cosine
from isthmus.metrics.disentanglement import Dci, dci, mutual_information_gap
from isthmus.metrics.topics import npmi, topic_diversity

__all__ = [
    "Dci",
    "dci",
    "detection_figures",
    "mean_max_cosine",
    "mutual_information_gap",
    "npmi",
    "topic_diversity",
]
