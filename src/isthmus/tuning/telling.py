"""What a person sees of a search: a bar on a terminal, a line per trial elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from isthmus.tuning.result import Final
    from isthmus.tuning.study import Limits


class Telling:
    """Tells of trials, and of those judged anew, to standard error."""

    def __init__(self, limits: Limits, *, verbose: int) -> None:
        self.limits, self.verbose = limits, verbose
        self.began = time.perf_counter()
        self.bar: Any = None
        self.count = 0

    def __enter__(self) -> Self:
        if self.verbose and sys.stderr.isatty():
            self.bar = _bar()
            self.bar.start()
            self.task = self.bar.add_task("", total=1.0)
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def trial(self, study: Any, trial: Any) -> None:
        """A trial is over."""
        self.count += 1
        done = [t for t in study.trials if t.state.name == "COMPLETE"]
        best = min(done, key=lambda t: float(t.value), default=None)
        whole = trial.state.name == "COMPLETE"
        error = f"{trial.value:.4f}" if whole else "stopped early"
        text = f"trial {trial.number}  {error}"
        if best is not None:
            text += f"  best {best.value:.4f} (trial {best.number})"
        self._say(text, "  ".join(_shown(trial.params)))

    def final(self, final: Final) -> None:
        """A recipe was judged anew."""
        told = f"{final.error:.4f} +- {final.standard_error:.4f}"
        self._say(f"judged anew: {final.name}  {told}", "")

    def _say(self, text: str, more: str) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=self._share(), description=text)
        elif self.verbose:
            say("  ".join(filter(None, [text, more])))

    def _share(self) -> float:
        """How much of what is allowed lies behind."""
        shares = [0.0]
        if self.limits.seconds:
            shares.append((time.perf_counter() - self.began) / self.limits.seconds)
        if self.limits.trials:
            shares.append(self.count / self.limits.trials)
        return min(max(shares), 1.0)


def say(text: str) -> None:
    """A line to standard error."""
    print(text, file=sys.stderr)  # noqa: T201 - asked for by ``verbose``


def _shown(params: dict[str, Any]) -> list[str]:
    """``size 12``, ``learning_rate 0.0031``."""
    return [
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in params.items()
    ]


def _bar() -> Any:
    # only where there is a terminal
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.table import Column  # noqa: PLC0415

    return Progress(
        TextColumn("search"),
        BarColumn(12),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True)),
        console=Console(stderr=True),
        expand=True,
    )
