"""Rows of figures in a CSV file that grows."""

import csv
import time
from pathlib import Path

import pandas as pd


def append(path, columns, *rows):
    """Add rows, and first the names of the columns where the file is new.

    The first column is the day, which is put before each row here.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(columns)
        day = time.strftime("%Y-%m-%d")
        writer.writerows([day, *row] for row in rows)


def known(path, key, figures):
    """Figures by key, as tuples, of a file that may not be there yet."""
    if path is None or not Path(path).exists():
        return {}
    return {
        tuple(row[name] for name in key): tuple(row[name] for name in figures)
        for row in pd.read_csv(path).to_dict("records")
    }
