"""Questions about the codes of fitted models: what is near, and what is the same."""

from isthmus.codes.alignment import Alignment, align
from isthmus.codes.neighbors import nearest
from isthmus.codes.topics import topic_weights, topic_words

__all__ = ["Alignment", "align", "nearest", "topic_weights", "topic_words"]
