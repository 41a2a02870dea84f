"""Arguments and options that several commands share."""

from __future__ import annotations

import json
import re
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from isthmus.registry import names as files
from isthmus.registry import short_names

PRESETS = files("presets")
TASKS = ["autoencoder", *short_names()]

EFFORTS = ["fast", "default", "high"]

ENGINES = ["ray"]


def _starting(words: list[str], text: str) -> list[str]:
    return [word for word in words if word.startswith(text)]


Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="CSV or Parquet file; several by a pattern in quotes, such as "
        '"part-*.csv"; - for standard input.',
    ),
]
Anything = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="CSV or Parquet file; several by a pattern in quotes, such as "
        '"part-*.csv"; - for standard input. A folder of pictures (PNG, JPEG) or sound '
        "(WAV). A sparse matrix of counts (.npz), or a text in each line (.txt).",
    ),
]
Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="File that `isthmus fit` wrote.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="CSV or Parquet file; standard output by default."
    ),
]
Picture = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also draw, as PNG, PDF or SVG.")
]
Json = Annotated[
    bool, typer.Option("--json", help="JSON; an object a line for tables.")
]
Raw = Annotated[
    bool,
    typer.Option(
        "--raw", help="CSV: no ' before text that a spreadsheet would run as a formula."
    ),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column that is kept out of the model."),
]
Top = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Only this many rows, the oddest first."),
]
Task = Annotated[
    str | None,
    typer.Option(
        metavar="TASK",
        help=f"{' or '.join(TASKS)}; the first by default.",
        autocompletion=lambda incomplete: _starting(TASKS, incomplete),
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Where to start: {', '.join(PRESETS)}.",
        autocompletion=lambda incomplete: _starting(PRESETS, incomplete),
    ),
]
Effort = Annotated[
    str | None,
    typer.Option(
        metavar="EFFORT",
        help=f"Of --task anomaly: {', '.join(EFFORTS)}; how large the networks are, "
        "how many, and how long they train.",
        autocompletion=lambda incomplete: _starting(EFFORTS, incomplete),
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="False-alarm rate: the probability that a normal row is flagged.",
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"{', '.join(ENGINES)}: let its workers compute, here or on a cluster.",
        autocompletion=lambda incomplete: _starting(ENGINES, incomplete),
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="How many workers of --engine; by default one for each processor.",
    ),
]


def chosen(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def names(text: str | None) -> list[str]:
    """Split ``a,b,c``."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def kinds(text: str | None) -> dict[str, Any] | None:
    """What ``zip=category,when=datetime`` says of columns; None for nothing."""
    pairs = [pair.partition("=") for pair in names(text)]
    for name, equals, kind in pairs:
        if not (name and equals and kind):
            raise typer.BadParameter(f"--kind wants COLUMN=KIND. Got {name + kind!r}.")
    return {"kinds": {name: kind for name, _, kind in pairs}} if pairs else None


def times(texts: list[str]) -> tuple[float | None, str | None]:
    """Seconds to train for, and the name of a column of times, which is no number."""
    columns = [text for text in texts if re.match(r"[^\W\d]", text)]
    limits = [duration(text) for text in texts if text not in columns]
    if len(limits) > 1 or len(columns) > 1:
        raise typer.BadParameter(
            f"--time: one duration and one column at most. Got {', '.join(texts)}."
        )
    return next(iter(limits), None), next(iter(columns), None)


def duration(text: str) -> float:
    """Seconds of ``90s``, ``5m``, ``1h`` or ``1h30m``."""
    number = r"(\d+(?:\.\d+)?)"
    found = re.fullmatch(f"(?:{number}h)?(?:{number}m)?(?:{number}s)?", text.strip())
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    seconds = sum(p * unit for p, unit in zip(parts, (3600, 60, 1), strict=False))
    if not seconds:
        raise typer.BadParameter(f"Write 90s, 5m, 1h or 1h30m. Got {text!r}.")
    return seconds


def settings(texts: list[str]) -> list[dict[str, Any]]:
    """Layers of a recipe from ``bottleneck.size=16``; those of whole parts go first."""
    return [_layer(text) for text in sorted(texts, key=_depth)]


def _depth(text: str) -> int:
    return text.partition("=")[0].count(".")


def _layer(text: str) -> dict[str, Any]:
    """A line of TOML; brackets may be round or left out, and quotes left out."""
    name, equals, value = text.partition("=")
    attempts = [value, json.dumps(value.strip(), ensure_ascii=False)]
    if "," in value or "(" in value:
        attempts.insert(1, f"[{value.strip().removeprefix('(').removesuffix(')')}]")
    for attempt in attempts if equals else ():
        with suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(f"{name} = {attempt}")
    raise typer.BadParameter(f"--set wants part.name=value. Got {text!r}.")
