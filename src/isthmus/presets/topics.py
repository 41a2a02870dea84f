"""The topic model."""

from __future__ import annotations

from typing import Any

from isthmus.architectures.topics import Topics
from isthmus.bottlenecks.logistic_normal import LogisticNormal
from isthmus.corruptions.identity import Identity
from isthmus.estimator import Autoencoder
from isthmus.likelihoods.multinomial import Multinomial


def topics(size: int | None = None, **keywords: Any) -> Autoencoder:
    """z are shares of topics, which a decoder mixes (Srivastava & Sutton, 2017).

    p(w|z) = .9 sum_k z_k p(w|k) + .1 f(w): words of no topic come by how often they
    stand in all texts. ``size`` is the number of topics, what they are made of
    `isthmus.topic_words` says; `transform` gives the shares of each text. The
    likelihood takes one number per word: multinomial, or Poisson, whose bound on log
    means lifts the smallest shares (1e-7 by a factor of 4). With others fitting raises
    `RecipeError`.
    """
    choices: dict[str, Any] = {
        "size": size,
        "architecture": Topics(),
        "bottleneck": LogisticNormal(),
        "likelihood": Multinomial(),
        "corruption": Identity(),
    }
    return Autoencoder(**(choices | keywords))
