"""A recipe as TOML whose comments are the docstrings of its parts."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from isthmus.artifacts.recipes import TABLES, part, tasks, term
from isthmus.data.kinds import Columns
from isthmus.estimator import Autoencoder
from isthmus.model import FAMILIES
from isthmus.parts import Bottleneck, Term
from isthmus.training import Training

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from isthmus.spec import Spec

HEAD = """\
A recipe of isthmus. Change what you like, and use it:

    isthmus fit data.csv --recipe FILE.toml

Any line may be left out, as those are that start with "# name =": that is what the
notes call None. Options such as --size and --set go before this file.
"""

ORDER = ("corruption", "architecture", "bottleneck", "likelihood")
"""Parts in the order in which a row meets them."""

WORDS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    tuple: "list",
}

WIDTH = 88


def to_toml(recipe: Mapping[str, Any]) -> str:
    """Text of a recipe that `isthmus.artifacts.recipes.describe` tells."""
    sections = [_comment(HEAD), _plain(recipe), _columns(recipe["columns"])]
    sections += [_part(name, recipe[name]) for name in ORDER]
    sections += _terms(recipe["terms"], recipe["bottleneck"])
    about = [_title("training"), *_comment(_about(Training))]
    sections.append([*about, "[training]", *_fields(Training, recipe["training"])])
    return "\n\n".join(map("\n".join, sections)) + "\n"


def _plain(recipe: Mapping[str, Any]) -> list[str]:
    """Parameters of the estimator itself, each below what its docstring says."""
    others = {*TABLES, "task"}
    notes = _notes(tasks()[recipe["task"]]) | _notes(Autoencoder)
    lines = [f"task = {written(recipe['task'])}  # {', '.join(tasks())}"]
    for name in [name for name in recipe if name not in others]:
        lines += ["", *_comment(notes.get(name, "")), *_line(name, recipe[name])]
    return lines


def _columns(tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is said of columns, or how it would be said."""
    lines = [_title("columns"), *_comment(_about(Columns))]
    for name, field in Columns.model_fields.items():
        takes = _takes(get_args(field.annotation)[1])
        title, said = f"[columns.{name}]", tables[name].items()
        pairs = [f"{_key(column)} = {written(value)}" for column, value in said]
        unsaid = [f"# {title}", *_line("NAME", None, takes)]
        lines += [title, *pairs] if pairs else unsaid
    return lines


def _part(name: str, table: Mapping[str, Any] | None) -> list[str]:
    family = FAMILIES[name]
    lines = [_title(name), *_comment(_first(family)), *_kinds(family.kinds())]
    if table is None:
        return [*lines, f"# [{name}]", "# kind = <as the data suggests>"]
    kind = type(part(name, table))
    lines += ["#", *_comment(f"{kind.kind()}: {_about(kind)}"), f"[{name}]"]
    return [*lines, *_line("kind", kind.kind()), *_fields(kind, table)]


def _terms(
    terms: Mapping[str, Any] | None, bottleneck: Mapping[str, Any]
) -> list[list[str]]:
    """A section per term; what they will be, where they are left to the bottleneck."""
    head = [_title("terms"), *_comment(_first(Term)), *_kinds(Term.kinds())]
    if terms is None:
        usual = Bottleneck.named(bottleneck["kind"]).terms
        said = f"Left out, they are {' and '.join(usual)}, as the bottleneck says. "
        head += _comment(said + "Those in a recipe are all.")
        return [head, *([f"# [terms.{name}]", "# weight = 1.0"] for name in usual)]
    sections = [head]
    for label, table in terms.items():
        kind = type(term(label, table))
        about = _comment(f"{kind.kind()}: {_about(kind)}")
        sections.append([*about, f"[terms.{label}]", *_fields(kind, table)])
    return sections


def _fields(spec: type[Spec], table: Mapping[str, Any]) -> list[str]:
    """A line per parameter; nothing for one that is not meant to be written by hand."""
    lines: list[str] = []
    for name, field in spec.model_fields.items():
        value, takes = table.get(name, field.default), _takes(field.annotation)
        if value is not None or takes:
            lines += _line(name, value, takes)
    return lines


def _line(name: str, value: Any, takes: str = "") -> list[str]:
    """``name = value  # choices``; a comment where there is no value."""
    choices = [f"# {takes}"] if "," in takes else []
    if value is None:
        return [*choices, f"# {name} = <{'one of these' if choices else takes}>"]
    line = f"{name} = {written(value)}"
    one_line = "  ".join([line, *choices])
    return [one_line] if len(one_line) <= WIDTH else [*choices, line]


def written(value: Any) -> str:
    """Write a value of plain data as TOML does."""
    if isinstance(value, dict):
        pairs = (f"{_key(name)} = {written(one)}" for name, one in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else written(name)


def _takes(annotation: Any) -> str:
    """What may be written: the choices after commas, or a word for the type."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        plain = (written(one) if isinstance(one, bool) else one for one in inner)
        return ", ".join(map(str, plain))
    if origin is Annotated:
        return _takes(inner[0])
    if origin is not tuple and inner:
        found = (_takes(one) for one in inner if one is not NoneType)
        return " or ".join(dict.fromkeys(filter(None, found)))
    return WORDS.get(origin or annotation, "")


def _title(name: str) -> str:
    return f"# {name} ".ljust(WIDTH, "-")


def _kinds(kinds: Iterable[str]) -> list[str]:
    return _comment(textwrap.fill(f"Kinds: {', '.join(kinds)}.", WIDTH - 2))


def _first(thing: type) -> str:
    return _about(thing).partition("\n\n")[0]


def _about(thing: type) -> str:
    """The docstring, without the marks of code."""
    return inspect.cleandoc(thing.__doc__ or "").replace("`", "")


def _notes(estimator: type) -> dict[str, str]:
    """What a docstring says of each parameter."""
    pattern = r"^([\w, ]+) : .*\n((?:    .*(?:\n|$))+)"
    found = re.findall(pattern, _about(estimator), re.MULTILINE)
    return {
        name: textwrap.dedent(text).strip()
        for names, text in found
        for name in names.split(", ")
    }


def _comment(text: str) -> list[str]:
    return [f"# {line}".rstrip() for line in text.splitlines()]
