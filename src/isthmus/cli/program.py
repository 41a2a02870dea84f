"""The command ``isthmus``."""

from __future__ import annotations

import sys

import typer

from isthmus import errors
from isthmus.cli import commands, demo, fit

app = typer.Typer(
    name="isthmus",
    help="Autoencoders for real data.\n\n"
    "Start with:  isthmus demo\n\n"
    "or with a table of numbers:  isthmus fit data.csv --out model.isthmus",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    fit.fit,
    commands.encode,
    commands.reconstruct,
    commands.score,
    commands.explain,
    commands.evaluate,
    commands.info,
    demo.demo,
):
    app.command()(command)

EXIT_CODES: dict[type[errors.IsthmusError], int] = {
    errors.RecipeError: 2,
    errors.MissingExtraError: 2,
    errors.DataError: 3,
    errors.ModelFileError: 4,
    errors.NonFiniteLossError: 5,
}


def main() -> None:
    """Run the command line; exit with 2 usage, 3 data, 4 model file, 5 numbers."""
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
