"""``isthmus topics``."""

from __future__ import annotations

from typing import Annotated

import typer

from isthmus.cli import written
from isthmus.cli.options import Json, Model, Out, Picture, Raw

Top = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Words of a topic; 10, if there are so many."
    ),
]


def topics(
    model: Model,
    top: Top = None,
    out: Out = None,
    picture: Picture = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Foremost words of the topics of a model of texts, or of counts.

    isthmus topics topics.isthmus
    isthmus topics topics.isthmus --top 20 --picture topics.png
    """
    from isthmus.artifacts import load
    from isthmus.cli.tables import answer
    from isthmus.codes import topic_weights, topic_words

    loaded = load(model)
    weights, words = topic_weights(loaded)
    top = min(10, len(words)) if top is None else top
    found = topic_words(loaded, top)
    if picture is not None:
        from isthmus.plots import draw_topics

        draw_topics(picture, weights, words, top=min(top, 12))
        written.tell(picture)
    if out is not None or as_json or picture is None:
        told = {"topic": range(len(found)), "words": [" ".join(t) for t in found]}
        answer(
            {name: list(cells) for name, cells in told.items()},
            out,
            as_json=as_json,
            raw=raw,
        )
