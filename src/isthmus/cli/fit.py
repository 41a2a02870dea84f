"""``isthmus fit``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.options import Data, Label, names, settings
from isthmus.registry import names as files

if TYPE_CHECKING:
    import pyarrow as pa

Task = Annotated[str, typer.Option(help="autoencoder, or anomaly.")]
Preset = Annotated[
    str | None, typer.Option(help=f"One of {', '.join(files('presets'))}.")
]
Target = Annotated[Path, typer.Option("--out", help="The model file.")]
Set = Annotated[
    list[str], typer.Option("--set", help="part.name=value, as bottleneck.size=16.")
]
Ignore = Annotated[str | None, typer.Option(help="Columns to leave out: A,B,C.")]
Identifier = Annotated[
    str | None, typer.Option("--id", help="Columns to leave out but keep in answers.")
]


def fit(
    data: Data,
    out: Target = Path("model.isthmus"),
    task: Task = "autoencoder",
    preset: Preset = None,
    size: Annotated[int | None, typer.Option(min=1, help="Entries of a code.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1)] = None,
    setting: Set = [],  # noqa: B006 - typer copies it
    ignore: Ignore = None,
    identifier: Identifier = None,
    label: Label = None,
    seed: int = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train on a table of numbers and write a model file.

    isthmus fit data.csv --out model.isthmus

    isthmus fit data.csv --task anomaly --preset variational --set bottleneck.size=8
    """
    from isthmus.artifacts import save
    from isthmus.data.files import read_table, take_out
    from isthmus.errors import DataError

    if not out.absolute().parent.is_dir():
        raise DataError(f"--out {out}: there is no folder {out.parent}. Make it first.")

    left_out = {"ignore": names(ignore), "id": names(identifier), "label": names(label)}
    table = read_table(data)
    _, rows = take_out(table, [name for part in left_out.values() for name in part])
    given = {"size": size, "epochs": epochs, "device": device}
    choices = {name: value for name, value in given.items() if value is not None}
    model = _model(task, preset, choices | {"random_state": seed}, settings(setting))
    model.set_params(verbose=0 if quiet else 1)
    model.fit(rows)
    save(model, out, notes=left_out)
    if not quiet:
        sys.stderr.write(_summary(model, rows, out, task))


def _model(
    task: str, preset: str | None, choices: dict[str, Any], changes: dict[str, Any]
) -> Any:
    from isthmus.estimator import Autoencoder
    from isthmus.registry import preset as find_preset
    from isthmus.registry import task as find_task

    make = Autoencoder if preset is None else find_preset(preset)
    if task == "autoencoder":
        return make(**choices).set_params(**changes)
    full = [name for name in files("tasks") if name.split("_")[0] == task]
    model = find_task(full[0] if full else task)(random_state=choices["random_state"])
    own = {n: changes.pop(n) for n in model.get_params(deep=False) if n in changes}
    autoencoder = make(**choices).set_params(**changes)
    return model.set_params(autoencoder=autoencoder, **own)


def _summary(model: Any, rows: pa.Table, out: Path, task: str) -> str:
    """A few lines for a person: what was learned, how good it is, what to do next."""
    autoencoder = getattr(model, "autoencoder_", model)
    history = autoencoder.history_
    watched = "validation_loss" if "validation_loss" in history[0] else "loss"
    losses = [row[watched] for row in history]
    best = losses.index(min(losses)) + 1
    widths = f"{rows.num_columns} columns -> {autoencoder.recipe_.bottleneck.width}"
    lines = [
        f"{rows.num_rows:,} rows, {widths} code entries",
        f"{watched} {_sparkline(losses)} {losses[0]:.4g} -> {min(losses):.4g}",
        f"the weights of epoch {best} of {len(history)} were best, and are kept",
        *_beside_pca(autoencoder, rows),
        f"Wrote {out} ({out.stat().st_size / 1000:,.0f} kB). Next:",
        f"  isthmus evaluate {out} FILE",
        f"  isthmus score {out} FILE --top 10 --explain"
        if task == "anomaly"
        else f"  isthmus encode {out} FILE --picture codes.png",
    ]
    return "\n".join(lines) + "\n"


def _beside_pca(autoencoder: Any, rows: pa.Table) -> list[str]:
    """Error per entry beside PCA's, where both mean the same."""
    import numpy as np

    from isthmus.metrics import pca_error

    if autoencoder.recipe_.likelihood.metric != "mse":
        return []
    x = autoencoder.standardize(rows)
    ours = autoencoder.standardize(autoencoder.reconstruct(rows)) - x
    size = autoencoder.recipe_.bottleneck.width
    error, known = float(np.square(ours).mean()), pca_error(x, size)
    ours_and_pca = (
        f"{error:.4g}; PCA with {min(size, x.shape[1])} components {known:.4g}"
    )
    return [f"mean squared error per standardised cell {ours_and_pca}"]


def _sparkline(values: list[float], width: int = 30) -> str:
    """Draw a falling curve in one line of text."""
    import numpy as np

    picked = np.interp(
        np.linspace(0, len(values) - 1, min(width, len(values))),
        range(len(values)),
        np.log(np.array(values) - min(*values, 0) + 1e-9),
    )
    span = np.ptp(picked) or 1
    return "".join("▁▂▃▄▅▆▇█"[int(7 * v)] for v in (picked - picked.min()) / span)
