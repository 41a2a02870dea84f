"""What data can be, other than a table: images, series, counts, sound and texts."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from isthmus.spec import Spec


class Images(Spec):
    """Images, grey or of several channels, each a row.

    They are seen whole where all have one size of at most 96 x 96 pixels; else, or
    where ``patch`` says so, in patches of ``patch`` x ``patch`` pixels (by default 64),
    which overlap by half: what is made of them is blended, the farther from the border
    of a patch the stronger.
    """

    patch: PositiveInt | None = None


class Series(Spec):
    """Time series: rows in the order of time, of one series or of many.

    ``time`` names the column of times and ``by`` that which says to which series a row
    belongs; without it all rows are of one. They are seen in windows of ``window`` rows
    (by default as the series suggests). Where times rise in equal steps but for gaps,
    the rows that are missing are invisible; where they do not, the time since the row
    before is one more channel.

    The score of a row depends on those before it alone, so that rows can be scored as
    they come (`AnomalyDetector.update`). With ``look_ahead`` it depends on those around
    it: of series that are over, anomalies are found better so.
    """

    time: str | None = None
    by: str | None = None
    window: PositiveInt | None = None
    look_ahead: bool = False


class Counts(Spec):
    """Rows of counts, most of which may be 0: genes of a cell, words, events.

    They come as a sparse matrix, an array or a frame. With ``totals`` the sum of a row
    is taken as given (how much was looked at, such as the depth of sequencing), and the
    shares of its columns alone are explained; without, that a row is large is a fact
    like any other.
    """

    totals: bool = True


class Audio(Spec):
    """Recordings of sound, each a row.

    They are seen as ``"mel"``, frames of log powers in ``bands`` of the mel scale, or
    as ``"wave"``, samples; where nothing is said, as frames, and by a `Denoiser` as
    samples. ``rate`` is in samples per second: arrays do not tell theirs, and
    recordings of other rates are resampled to it. A window lasts ``seconds`` (by
    default a quarter of one for frames, a half for samples, or as long as the longest
    recording if that is shorter). Each recording is brought to one loudness, unless it
    is to be ``"kept"``. Channels are recordings by themselves: codes and scores are
    means over the windows of all channels, or ``codes="window"`` gives one for each.
    """

    view: Literal["mel", "wave"] | None = None
    rate: PositiveInt | None = None
    seconds: PositiveFloat | None = None
    bands: PositiveInt = 40
    loudness: Literal["equal", "kept"] = "equal"
    codes: Literal["recording", "window"] = "recording"


Share = Annotated[float, Field(gt=0, le=1)]


class Text(Spec):
    """Texts, each a row, as counts of the words of a vocabulary: bags of words.

    They are a list, a column, or that which ``column`` names of a table. Texts are cut
    into words by scikit-learn's `CountVectorizer`, whose parameters have the same names
    here: ``analyzer``, ``ngram_range``, ``token_pattern``, ``lowercase``,
    ``strip_accents`` and ``stop_words``. The vocabulary is learned in fitting: words
    that stand in at least ``min_df`` and at most ``max_df`` texts (shares, or numbers),
    the ``max_features`` most frequent of them.

    With ``hashed`` there is no vocabulary: each word counts for one of so many entries,
    chosen by its hash, so that words which fitting has not seen count, too. Several
    words share an entry, and none has a name.
    """

    column: str | None = None
    analyzer: Literal["word", "char", "char_wb"] = "word"
    ngram_range: tuple[PositiveInt, PositiveInt] = (1, 1)
    token_pattern: str = r"(?u)\b\w\w+\b"  # noqa: S105 - no password
    lowercase: bool = True
    strip_accents: Literal["ascii", "unicode"] | None = None
    stop_words: Literal["english"] | tuple[str, ...] | None = None
    min_df: PositiveInt | Share = 2
    max_df: PositiveInt | Share = 0.5
    max_features: PositiveInt | None = 20_000
    hashed: PositiveInt | None = None

    @field_validator("ngram_range")
    @classmethod
    def _rises(cls, ends: tuple[int, int]) -> tuple[int, int]:
        if ends[0] > ends[1]:
            raise ValueError(f"ngram_range {ends} falls. Did you mean {ends[::-1]}?")
        return ends

    @field_validator("token_pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(
                f"token_pattern {pattern!r} is no regular expression: {error}."
            ) from None
        if groups > 1:
            raise ValueError(
                f"token_pattern {pattern!r} has {groups} groups, and one at most is "
                f"the word. Write the others as (?:...)."
            )
        return pattern


Form = Images | Series | Counts | Audio | Text
Name = Literal["table", "images", "series", "counts", "audio", "text"]
"""What data can be, as it is said in a word."""

FORMS: dict[str, type[Form]] = {
    "images": Images,
    "series": Series,
    "counts": Counts,
    "audio": Audio,
    "text": Text,
}
"""What data can be, as it is said."""


def name_of(form: Form | None) -> str:
    """The word for a form; None is a table."""
    return "table" if form is None else type(form).__name__.lower()
