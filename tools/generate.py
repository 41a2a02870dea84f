"""Writes the generated files: type stubs, catalogue, command line, table of presets.

``--check`` writes nothing, names every file that is stale, and exits with 1 if any is.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

import isthmus
from isthmus import parts, registry
from isthmus.estimator import Autoencoder
from isthmus.estimator.parameters import DEFAULTS, part_of
from isthmus.model import default_terms
from isthmus.scores.role import Score
from isthmus.spec import Spec
from isthmus.training import Training

ROOT = Path(__file__).resolve().parent.parent
NOTE = "Written by tools/generate.py from the docstrings. Do not edit."
WIDTH = 88
FAMILIES: tuple[type[Any], ...] = (
    parts.Corruption,
    parts.Architecture,
    parts.Bottleneck,
    parts.Likelihood,
    parts.Term,
    Score,
)


def main(arguments: list[str]) -> int:
    """0 if all is written or fresh, 1 with a list if something is stale."""
    if unknown := set(arguments) - {"--check"}:
        print(f"generate.py: there is no option {min(unknown)!r}. Known: --check.")
        return 2
    here = Path(isthmus.__file__).parent
    if here != ROOT / "src" / "isthmus":
        print(f"isthmus is imported from {here}, which is not of this source tree.")
        return 2
    files = generated()
    stale = {path: text for path, text in files.items() if text != _now(path)}
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale. Run `make generate`.")
        return 1 if stale else 0
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)} written.")
    return 0


def generated() -> dict[Path, str]:
    """Every generated file, and what it should hold."""
    files = {
        ROOT / "src/isthmus/__init__.pyi": stubs(),
        ROOT / "docs/catalogue.md": catalogue(),
        ROOT / "README.md": between(_now(ROOT / "README.md"), preset_table()),
    }
    if (ROOT / "src/isthmus/cli/__init__.py").exists():
        files[ROOT / "docs/cli.md"] = command_line()
    return files


# ------------------------------------------------------------------------ type stubs


def stubs() -> str:
    """``__init__.pyi``: the public names of the package, each from its place."""
    sources: dict[str, list[str]] = {}
    for name in dir(isthmus):
        sources.setdefault(_place(getattr(isthmus, name)), []).append(name)
    names = sorted(dir(isthmus), key=lambda name: (name.islower(), name))
    lines = [f"# {NOTE}", ""]
    for place, found in sorted(sources.items()):
        found.sort(key=lambda name: (name.islower(), name))
        lines.append(f"from {place} import {', '.join(found)}")
    lines += ["", "__all__ = [", *(f'    "{name}",' for name in names), "]"]
    return "\n".join(lines) + "\n"


def _place(thing: Any) -> str:
    """The module to import a public thing from; its folder, where that is its face."""
    folder, _, _ = thing.__module__.rpartition(".")
    face = importlib.import_module(folder)
    return folder if hasattr(face, "__all__") else str(thing.__module__)


# ------------------------------------------------------------------------- catalogue


def catalogue() -> str:
    """Every kind of every family, every preset and task."""
    lines = [
        "# Catalogue",
        "",
        f"<!-- {NOTE} -->",
        "",
        "Every part, score, preset and task, in the words of its docstring.",
        "Under each title stands its name in files and on the command line.",
        "",
    ]
    for family in FAMILIES:
        lines += _heading(2, family.folder.capitalize(), _about(family))
        for name, kind in family.kinds().items():
            lines += _entry(kind.__name__, name, kind, _fields(kind))
    lines += _heading(2, "Training", _about(Training))
    lines += [*_table(_fields(Training)), ""]
    what = "Functions that return an unfitted `Autoencoder` and take its keywords too."
    lines += _heading(2, "Presets", what)
    for name in registry.names("presets"):
        preset = registry.preset(name)
        lines += _entry(name, name, preset, _arguments(preset))
    lines += _heading(2, "Tasks", "Estimators in the manner of scikit-learn.")
    lines += _entry("Autoencoder", "autoencoder", Autoencoder, _arguments(Autoencoder))
    for name in registry.names("tasks"):
        task = registry.task(name)
        lines += _entry(task.__name__, name, task, _arguments(task))
    return "\n".join(lines).rstrip() + "\n"


def _entry(title: str, name: str, thing: Any, rows: list[list[str]]) -> list[str]:
    source = Path(inspect.getfile(thing)).relative_to(ROOT).as_posix()
    aliases = [f"`{alias}`" for alias in getattr(thing, "aliases", ())]
    about = " · ".join([f"`{name}`", *aliases, f"[source](../{source})"])
    return [*_heading(3, title, _about(thing)), about, "", *_table(rows), ""]


def _fields(spec: type[Spec]) -> list[list[str]]:
    """Name, default and domain of the parameters of a spec."""
    return [
        [name, repr(field.default), _domain(field.annotation, field.metadata)]
        for name, field in spec.model_fields.items()
    ]


def _arguments(function: Any) -> list[list[str]]:
    """Name and default of the parameters of a function or of a class."""
    return [
        [parameter.name, repr(parameter.default)]
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]


def _domain(annotation: Any, bounds: typing.Iterable[Any] = ()) -> str:
    """Which values a parameter takes: ``float > 0 or None``."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _domain(inner[0], inner[1:])
    if origin is typing.Literal:
        return ", ".join(map(repr, inner))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_domain, inner))
    if origin is tuple:
        return f"({', '.join('...' if i is ... else _domain(i) for i in inner)})"
    if annotation in (None, type(None)):
        return "None"
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    every = [b for bound in bounds for b in getattr(bound, "metadata", [bound])]
    limits = [
        f"{sign} {getattr(bound, name):g}"
        for bound in every
        for name, sign in signs.items()
        if getattr(bound, name, None) is not None
    ]
    word = "any" if annotation is Any else annotation.__name__
    return " ".join([word, " and ".join(limits)]).strip()


# ------------------------------------------------------------------- table of presets


def preset_table() -> str:
    """Name, definition and parts of every preset."""
    rows = []
    for name in registry.names("presets"):
        preset = registry.preset(name)
        definition, _, _ = inspect.cleandoc(preset.__doc__ or "").partition("\n")
        rows.append([f"`{name}`", _plain(definition), f"`{_parts(preset())}`"])
    return "\n".join(_rows(["preset", "definition", "parts"], rows))


def _parts(estimator: Autoencoder) -> str:
    """The parts of an estimator: the bottleneck, the terms, and what is unusual."""
    bottleneck = part_of(estimator, "bottleneck")
    terms = estimator.terms or default_terms(bottleneck)
    chosen = [_short(bottleneck)]
    for name in ("corruption", "architecture", "likelihood"):
        part = part_of(estimator, name)
        chosen += [] if part == DEFAULTS[name] else [_short(part)]
    return "; ".join([*chosen, " + ".join(map(_short, terms))])


def _short(part: Spec) -> str:
    """Name of a part and what differs from its defaults."""
    kind = type(part)
    changed = [
        f"{name}={value!r}"
        for name, value in part
        if value != kind.model_fields[name].default
    ]
    return f"{kind.__name__}({', '.join(changed)})" if changed else kind.__name__


# ---------------------------------------------------------------------- command line


def command_line() -> str:
    """The help of ``isthmus`` and of each of its commands."""
    typer = importlib.import_module("typer")
    app = importlib.import_module("isthmus.cli").app
    root = typer.main.get_command(app)
    lines = ["# Command line", "", f"<!-- {NOTE} -->", ""]
    for name, command in [("", root), *sorted(root.commands.items())]:
        title = f"isthmus {name}".strip()
        lines += [f"## {title}", "", "```text", _help(command, title), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _help(command: Any, title: str) -> str:
    """The text of ``--help``, plain and of one width whatever the terminal."""
    command.rich_markup_mode = None
    context = command.make_context(
        title, [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    text = str(command.get_help(context))
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


# ------------------------------------------------------------------------------ text


def between(text: str, table: str) -> str:
    """The README with a fresh table between its markers."""
    before, opened, rest = text.partition("<!-- presets -->")
    _, closed, after = rest.partition("<!-- /presets -->")
    if not opened or not closed:
        raise SystemExit("README.md must hold <!-- presets --> and <!-- /presets -->.")
    return f"{before}{opened}\n\n{table}\n\n{closed}{after}"


def _about(thing: Any) -> str:
    """The docstring down to its list of parameters, if it has one."""
    text, _, _ = inspect.cleandoc(thing.__doc__ or "").partition("\n\nParameters\n---")
    return _plain(text)


def _plain(text: str) -> str:
    """A docstring as Markdown: formulas as they stand, words of code as code."""
    pieces = re.split(r"(``.+?``|`[^`]+`)", text)
    return "".join(
        f"`{piece.strip('`')}`" if piece.startswith("`") else _escaped(piece)
        for piece in pieces
    )


def _escaped(text: str) -> str:
    """Backslashes where Markdown would take a sign of a formula for its own."""
    return re.sub(r"(\*(?=\S)|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!]))", r"\\\1", text)


def _heading(level: int, title: str, text: str) -> list[str]:
    return [f"{'#' * level} {title}", "", text, ""]


def _table(rows: list[list[str]]) -> list[str]:
    """A table of parameters, or the word that there are none."""
    if not rows:
        return ["No parameters."]
    head = ["parameter", "default", "takes"][: len(rows[0])]
    return _rows(head, [[f"`{cell}`" for cell in row] for row in rows])


def _rows(head: list[str], rows: list[list[str]]) -> list[str]:
    cells = [
        [re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in row]
        for row in [head, ["---"] * len(head), *rows]
    ]
    return [f"| {' | '.join(row)} |" for row in cells]


def _now(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
