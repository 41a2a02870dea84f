"""``isthmus recommend``, and what ``isthmus fit`` does for recommenders."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import written
from isthmus.cli.holding import need
from isthmus.cli.options import Data, Json, Model, Out, Picture, Raw
from isthmus.cli.tables import answer, open_for_model, to_json

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from isthmus.cli.tables import Opened
    from isthmus.cli.training import Order

Count = Annotated[
    int, typer.Option("--top", min=1, metavar="K", help="Items for each user.")
]
User = Annotated[
    list[str],
    typer.Option("--user", metavar="NAME", help="Only this user. May be repeated."),
]
Because = Annotated[
    int,
    typer.Option(
        "--because",
        min=0,
        metavar="N",
        help="Also name so many items of the user that speak most for each.",
    ),
]
Seen = Annotated[
    bool, typer.Option("--seen", help="Also items that the user has turned to.")
]


def recommend(
    model: Model,
    data: Data,
    out: Out = None,
    top: Count = 10,
    user: User = [],  # noqa: B006 - typer copies it
    because: Because = 0,
    seen: Seen = False,
    picture: Picture = None,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Items for the users in a table of interactions, best first.

    isthmus fit ratings.csv --task recommender --out films.isthmus
    isthmus recommend films.isthmus ratings.csv --top 5 --out for-all.csv
    isthmus recommend films.isthmus ratings.csv --user 17 --because 2
    isthmus recommend films.isthmus ratings.csv --user 17 --picture why.png

    Users need not have been there in fitting: what they have turned to, as DATA has it,
    is enough. Items of the user are left out. --picture draws the recommendations of
    the first user and the reasons for them.
    """
    opened = open_for_model(data, model, recommends=True)
    recommender, rows = opened.model, opened.rows
    fits = hasattr(recommender, "recommend")
    need(fits, model, recommender, "isthmus recommend", "recommender")
    if user:
        rows = _of_users(recommender, rows, user)
    if picture is not None:
        _draw(picture, recommender, rows, top, because or 3)
    if picture is not None and out is None:
        return
    found = recommender.recommend(rows, top, seen=seen)
    if because:
        found = _with_reasons(found, recommender.explain(rows, top, because))
    columns = {name: found[name] for name in found.column_names}
    answer(columns, out, as_json=as_json, raw=raw)


def who(opened: Opened) -> dict[str, Any]:
    """The users of a table, in the order of answers; of other models, nothing."""
    if not hasattr(opened.model, "users_of"):
        return {}
    return {"user": opened.model.users_of(opened.rows)}


def about(document: dict[str, Any]) -> dict[str, Any]:
    """What the file of a recommender says of itself."""
    state = document["state"]
    return {
        "kind": document["kind"],
        "method": state["chosen"],
        "items": len(state["items"]),
        "columns": state["columns"],
        "recipe": state.get("recipe"),
        "epochs": len(state["history"]),
        **state["figures"],
        "versions": document["manifest"]["about"],
    }


def train(order: Order, model: Any) -> None:
    """Learn from a table of interactions, save the model and tell how good it is."""
    from isthmus.artifacts import save
    from isthmus.artifacts.recipes import describe

    rows = _rows(order)
    found = _found(model, rows)
    if not order.quiet:
        sys.stderr.write(_in_words(found, rows.num_rows))
    model.set_params(verbose=0 if order.quiet else 1).fit(rows)
    save(model, order.out, notes={"recipe": describe(model)})
    written.files.append(order.out)
    if order.as_json:
        figures = {"task": "recommender", **found, **model.figures_}
        print(to_json({"model": str(order.out), **figures}))
    elif not order.quiet:
        sys.stderr.write(
            f"These figures are of interactions that were held out to choose "
            f"settings. For those of other users: isthmus evaluate {order.out} FILE\n"
            f"Wrote {order.out}. Next:\n"
            f"  isthmus recommend {order.out} {order.data} --top 10\n"
        )


def tell_plan(order: Order, model: Any) -> None:
    """What was found and would be done."""
    from isthmus.artifacts.recipe_text import to_toml
    from isthmus.artifacts.recipes import describe

    found, recipe = _found(model, _rows(order)), describe(model)
    if order.as_json:
        print(to_json({"data": order.data, **found, "recipe": recipe}))
        return
    for name, value in found.items():
        print(f"# {name}: {value}")
    print(to_toml(recipe))


def _found(model: Any, rows: pa.Table) -> dict[str, Any]:
    """What a table of interactions is taken for."""
    from sklearn.base import clone

    from isthmus.recommendation.fitting import method_of
    from isthmus.recommendation.reading import read

    given = read(clone(model), rows)
    users, items = given.matrix.shape
    return {
        "interactions": given.matrix.nnz,
        "users": users,
        "items": items,
        "columns": given.columns and given.columns._asdict(),
        "method": method_of(model, items),
    }


def _in_words(found: dict[str, Any], rows: int) -> str:
    """The same in a line or two."""
    pairs, columns = found["interactions"], found["columns"]
    told = f"{found['users']:,} users, {found['items']:,} items, {pairs:,} interactions"
    if rows != pairs and columns:
        told += f" of {rows:,} rows"
    if columns:
        named = (f"{role} = {name}" for role, name in columns.items() if name)
        told += f"\ncolumns: {', '.join(named)}"
    return f"{told}\n"


def _rows(order: Order) -> pa.Table:
    """The columns to learn from."""
    from isthmus.cli.tables import set_aside
    from isthmus.errors import RecipeError
    from isthmus.recommendation.reading import read_file

    for option, given in (("--resume", order.resume), ("--engine", order.engine)):
        if given:
            raise RecipeError(f"{option}: a recommender has none. Leave it out.")
    return set_aside(read_file(order.data), order.left_out)[1]


def _of_users(recommender: Any, rows: pa.Table, wanted: list[str]) -> pa.Table:
    """The interactions of some users."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from isthmus.recommendation.interactions import names_of
    from isthmus.recommendation.reading import columns_in

    columns = columns_in(recommender, rows.column_names)
    if columns is None:
        raise typer.BadParameter("--user needs a table with a column of users.")
    words = names_of(rows[columns.user], columns.user).cast(pa.string())
    if strange := set(wanted) - set(words.to_pylist()):
        raise typer.BadParameter(f"--user: there is no user {min(strange)!r} in DATA.")
    return rows.filter(pc.is_in(words, value_set=pa.array(wanted)))


def _draw(path: Path, recommender: Any, rows: pa.Table, top: int, because: int) -> None:
    """Recommendations of the first user, and the reasons for them."""
    from isthmus.plots import draw_recommendations

    name = str(recommender.users_of(rows)[0])
    why = recommender.explain(_of_users(recommender, rows, [name]), top, because)
    found: dict[Any, dict[Any, float]] = {}
    columns = (why[name].to_pylist() for name in (why.column_names[2:]))
    for item, reason, effect in zip(*columns, strict=True):
        found.setdefault(item, {})[reason] = effect
    title = f"Recommended to user {name}"
    draw_recommendations(path, list(found), list(found.values()), title)
    written.tell(path)


def _with_reasons(found: pa.Table, why: pa.Table) -> pa.Table:
    """A column of the items that speak for each, the strongest first."""
    import pyarrow as pa

    user, _, item = found.column_names[:3]
    named: dict[tuple[Any, Any], list[str]] = {}
    columns = (why[name].to_pylist() for name in (user, item, "because"))
    for who, what, reason in zip(*columns, strict=True):
        named.setdefault((who, what), []).append(str(reason))
    pairs = zip(found[user].to_pylist(), found[item].to_pylist(), strict=True)
    told = ["; ".join(named.get(pair, [])) for pair in pairs]
    return found.append_column("because", pa.array(told))
