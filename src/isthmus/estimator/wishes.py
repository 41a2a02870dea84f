"""What the user says of the data."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from isthmus.data.forms import FORMS, Form, Series, name_of
from isthmus.data.kinds import Columns
from isthmus.errors import RecipeError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable


def columns_of(estimator: Any) -> Columns:
    """What the user says of columns."""
    said = estimator.columns
    return said if isinstance(said, Columns) else Columns(kinds=said or {})


def form_of(estimator: Any) -> Form | None:
    """What the user says of the form of the data; None: a table, or as it looks."""
    said = estimator.kind
    if said is None or isinstance(said, Form):
        return said
    if said == "table":
        return None
    if said not in FORMS:
        raise RecipeError(unknown("kind of data", str(said), ["table", *FORMS]))
    return FORMS[said]()


def series_of(estimator: Any) -> Series | None:
    """What is said of the series that an estimator takes; None if it takes none."""
    form = form_of(getattr(estimator, "autoencoder_", estimator))
    return form if isinstance(form, Series) else None


def kind_to_plain(said: str | Form | None) -> str | dict[str, Any] | None:
    """What is said of the form of the data, as plain data."""
    if not isinstance(said, Form):
        return said
    name = name_of(said)
    usual = type(said)()
    told = {n: value for n, value in said if value != getattr(usual, n)}
    return {"form": name, **told} if told else name


def kind_from_plain(said: Any) -> Any:
    """The inverse of `kind_to_plain`."""
    if not isinstance(said, dict):
        if said not in {None, "table", *FORMS}:
            raise RecipeError(unknown("kind of data", str(said), ["table", *FORMS]))
        return said
    rest = dict(said)
    name = str(rest.pop("form", None))
    if name not in FORMS:
        raise RecipeError(unknown("form of data", name, list(FORMS)))
    return FORMS[name](**rest)


def kind_changed(old: Any, said: Any) -> Any:
    """Plain data of a form after what is said: a name, or a table of some of it."""
    if isinstance(said, dict) and "form" not in said:
        if not old or old == "table":
            raise RecipeError(
                f"kind needs a form beside {min(said)!r}, as kind.form=series, or "
                f"--kind series: {', '.join(FORMS)}."
            )
        said = ({"form": old} if isinstance(old, str) else old) | said
    return kind_to_plain(kind_from_plain(said))


def kind_said(layers: Iterable[Any]) -> Any:
    """The form that plain data says, one after another."""
    return kind_from_plain(functools.reduce(kind_changed, layers, None))
