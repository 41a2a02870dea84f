"""Words of commands, and their answers."""

import csv
import io

from isthmus.cli.program import app, run

NAMES = [f"c{j}" for j in range(5)]
ANOMALY = ["--task", "anomaly"]
RATES = ["--fpr", "0.1", "--fdr", "0.1"]
COMMANDS = [c.name or c.callback.__name__ for c in app.registered_commands]


def ask(capfd, *words):
    """Run a command that must succeed; return what it wrote to standard output."""
    capfd.readouterr()
    assert run([str(word) for word in words]) == 0
    return capfd.readouterr().out


def fit(folder, *words):
    """Words of a training on the numbers of the table."""
    return ["fit", folder / "data.csv", "--id", "name", "--label", "odd", *words]


def as_rows(text):
    return list(csv.DictReader(io.StringIO(text)))
