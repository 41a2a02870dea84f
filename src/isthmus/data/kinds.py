"""What the columns of a table are, as the user would say it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field, NonNegativeFloat, field_validator

from isthmus.data.categories import MOST
from isthmus.data.dialect import is_number
from isthmus.spec import Spec

if TYPE_CHECKING:
    from isthmus.data.categories import LevelCounts
    from isthmus.data.rows import Column, Type

Kind = Literal[
    "float",
    "integer",
    "boolean",
    "category",
    "datetime",
    "duration",
    "count",
    "constant",
    "identifier",
    "text",
]

Wish = Literal[
    "float",
    "integer",
    "boolean",
    "category",
    "datetime",
    "duration",
    "count",
    "identifier",
    "text",
]
"""What a user may say that a column is."""

SAME = "every cell is the same"

GONE = "every cell is missing"

FEW = 20
"""A column of text with no more values than this is a category in any case."""

COUNTER = 100
"""Rows from which whole numbers that do not repeat may be a counter of rows."""

GAPS = 4
"""Times its rows that a counter may reach: a quarter of its table may be left."""

SLIPS = 0.1
"""Share of cells that are no numbers in a column that was meant to hold numbers."""

_NAMED_LIKE_ONE = re.compile(r"(?:^|[^a-z])(?:id|uuid|guid|pid)$|[a-z]I[dD]$")


class Columns(Spec):
    """What the user says of columns, by name.

    ``kinds`` overrules what a column is taken for: ``category`` for numbers that are
    codes, ``count`` for 0, 1, 2, ... under a Poisson likelihood, ``identifier`` for
    columns to set aside. ``weights`` multiplies what a column counts in losses and
    scores; by default every column counts alike.
    """

    kinds: dict[str, Wish] = Field(default_factory=dict)
    weights: dict[str, NonNegativeFloat] = Field(default_factory=dict)

    @field_validator("kinds", "weights", mode="before")
    @classmethod
    def _named(cls, said: object) -> object:
        return (
            {str(name): v for name, v in said.items()}
            if isinstance(said, dict)
            else said
        )


class Found(NamedTuple):
    """A column, and what it was found to be."""

    name: str
    kind: Kind
    type: Type
    """What its cells are read as."""
    why: str = ""
    """Why it is set aside; empty where it is not."""


def kind_of_text(column: Column, seen: LevelCounts) -> Found:
    """A category, unless its values hardly repeat."""
    count, total = len(seen.counts), seen.cells
    if not seen.too_many and count <= 1:
        return Found(column.name, "constant", column.type, SAME)
    typed = column.arrow.startswith("dictionary")
    if not seen.too_many and (typed or count <= max(FEW, total / 2)):
        return Found(column.name, "category", column.type)
    if said := _nearly_numbers(seen):
        return Found(column.name, "identifier", column.type, said)
    distinct = f"more than {MOST:,}" if seen.too_many else f"{count:,}"
    if seen.words > 4 * total:
        return Found(
            column.name,
            "text",
            column.type,
            f"free text: {distinct} different of {total:,}",
        )
    return Found(
        column.name,
        "identifier",
        column.type,
        f"{distinct} values in {total:,} rows differ",
    )


def _nearly_numbers(seen: LevelCounts) -> str:
    """Which few cells keep a column from being one of numbers; empty if many do."""
    others = {level: n for level, n in seen.counts.items() if not is_number(level)}
    cells = sum(others.values())
    if not others or cells > SLIPS * seen.cells:
        return ""
    shown = ", ".join(map(repr, list(others)[:3]))
    return (
        f"{seen.cells - cells:,} of {seen.cells:,} cells are numbers; others: {shown}"
    )


def is_counter(name: str, rows: int, low: float, high: float) -> bool:
    """Whether whole numbers that all differ, from low to high, only name their rows."""
    if _NAMED_LIKE_ONE.search(name):
        return rows > FEW
    return rows >= COUNTER and high - low + 1 <= GAPS * rows
