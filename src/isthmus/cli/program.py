"""The command ``isthmus``."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from isthmus import errors
from isthmus.cli import (
    commands,
    compare,
    compression,
    demo,
    fit,
    impute,
    judging,
    predicting,
    recipe,
    recommend,
    sampling,
    topics,
    tune,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Commands(TyperGroup):
    """The commands; one that is interrupted says what it has written."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.stderr.write(f"Interrupted. {written.told()}\n")
            raise typer.Exit(130) from None


app = typer.Typer(
    name="isthmus",
    cls=Commands,
    help="Autoencoders for real data. Start with one of\n\n\b\n"
    "isthmus demo\n"
    "isthmus fit data.csv --out model.isthmus\n"
    "isthmus fit data.csv --dry-run",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"isthmus {version('isthmus')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Show it and exit."
        ),
    ] = False,
) -> None:
    pass


def _help(command: Callable[..., None]) -> str:
    """The docstring; its examples keep their lines."""
    text = inspect.getdoc(command) or ""
    return text.replace("\n\nisthmus ", "\n\n\b\nisthmus ")


def _naming_data(command: Callable[..., None]) -> Callable[..., None]:
    """The command; what it says of data that cannot be used begins with the file."""

    @functools.wraps(command)
    def run_it(*args: Any, **given: Any) -> None:
        try:
            command(*args, **given)
        except errors.DataError as error:
            source, said = str(given.get("data", "")), str(error)
            if source in said or said.startswith("--"):
                raise
            raise errors.DataError(f"{source}: {said}") from None

    return run_it


for command in (
    fit.fit,
    recipe.recipe,
    commands.encode,
    commands.reconstruct,
    impute.impute,
    judging.score,
    judging.explain,
    judging.drift,
    sampling.sample,
    recommend.recommend,
    predicting.predict,
    topics.topics,
    commands.evaluate,
    commands.info,
    compression.compress,
    compression.decompress,
    tune.tune,
    compare.compare,
    demo.demo,
):
    app.command(help=_help(command))(_naming_data(command))

EXIT_CODES: dict[type[errors.IsthmusError], int] = {
    errors.RecipeError: 2,
    errors.MissingExtraError: 2,
    errors.DataError: 3,
    errors.ModelFileError: 4,
    errors.NonFiniteLossError: 5,
}


def main() -> None:
    """Run the command line.

    Exits with 2 usage, 3 data, 4 model file, 5 numbers, 130 interrupted.
    """
    warnings.showwarning = _warn
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors go to standard error."""
    try:
        app(arguments, prog_name="isthmus")
    except SystemExit as end:
        return int(end.code or 0)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        sys.stderr.close()
        return 0
    except errors.IsthmusError as error:
        sys.stderr.write(f"Error: {error}\n")
        return EXIT_CODES.get(type(error), 1)
    except OSError as error:  # a file that cannot be written, say
        sys.stderr.write(f"Error: {error}\n")
        return 3
    return 0


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A line for advice of our own; Python's way for what others warn of."""
    own = issubclass(category, errors.IsthmusWarning)
    text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(f"Warning: {message}\n" if own else text)
