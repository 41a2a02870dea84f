"""Arguments and options that several commands share."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[Path, typer.Argument(help="CSV (.csv, .tsv) or Parquet file.")]
Model = Annotated[Path, typer.Argument(help="File that `isthmus fit` wrote.")]
Out = Annotated[
    Path | None, typer.Option(help="CSV or Parquet file; standard output by default.")
]
Picture = Annotated[Path | None, typer.Option(help="Also draw into this PNG file.")]
Json = Annotated[
    bool, typer.Option("--json", help="JSON; an object a line for tables.")
]
Label = Annotated[
    str | None, typer.Option(help="Column that is kept out of the model.")
]
Top = Annotated[
    int | None, typer.Option(min=1, help="Only this many rows, the oddest first.")
]


def names(text: str | None) -> list[str]:
    """Split ``a,b,c``."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def settings(texts: list[str]) -> dict[str, Any]:
    """Parse ``bottleneck.size=16`` into parameters; a value is written as in TOML."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set wants part.name=value. Got {text!r}.")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        if isinstance(parsed, list):
            parsed = tuple(parsed)
        found[name.strip().replace(".", "__")] = parsed
    return found
