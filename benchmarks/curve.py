"""How errors fall with time: rows of a CSV file, one per look, that can be resumed."""

from __future__ import annotations

import csv
import time
from pathlib import Path


class Curve:
    """A callback that looks at a model every few epochs and writes down what it sees.

    ``look`` is called with the module and returns figures by name. The seconds are
    those of training, without the looks; where training is resumed and the file is
    there, they go on from its last row.
    """

    def __init__(self, path, about, every, look):
        self.path, self.about, self.every, self.look = Path(path), about, every, look
        self.seconds, self.since = self._spent(), time.perf_counter()

    def __call__(self, epoch):
        """Look, in the epochs that are to be seen, and at the last."""
        self.seconds += time.perf_counter() - self.since
        if epoch.number % self.every == 0 or epoch.number == epoch.planned:
            epoch.model.eval()
            seen = {name: round(value, 4) for name, value in self.look(epoch).items()}
            print(f"  epoch {epoch.number}, {self.seconds:.0f} s: {seen}", flush=True)
            self._write(self.about | {"epoch": epoch.number}, seen)
        self.since = time.perf_counter()

    def _write(self, about, seen):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        row = about | {"seconds": round(self.seconds, 1)} | seen
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)

    def _spent(self):
        """Seconds of training so far, of what this is about."""
        if not self.path.exists():
            return 0.0
        about = {name: str(value) for name, value in self.about.items()}
        with self.path.open(newline="") as file:
            mine = [row for row in csv.DictReader(file) if about.items() <= row.items()]
        return float(mine[-1]["seconds"]) if mine else 0.0
