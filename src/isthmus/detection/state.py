"""A fitted detector as plain data and tensors, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import clone

from isthmus.data.kinds import Columns
from isthmus.detection.rolled import kind_of, shorter_module
from isthmus.detection.scorer import Scorer
from isthmus.errors import ModelFileError
from isthmus.estimator import Autoencoder
from isthmus.estimator.judge import AnyJudge, Judge, PlainJudge
from isthmus.estimator.rolling import SeriesJudge
from isthmus.estimator.state import State, module_from, refuse_misfits
from isthmus.estimator.wishes import columns_of, kind_from_plain, kind_to_plain
from isthmus.scores.calibration import Calibration
from isthmus.scores.excess import Excess
from isthmus.scores.role import Score
from isthmus.scores.yardstick import Yardstick
from isthmus.trace import Batch

if TYPE_CHECKING:
    from torch import Tensor

PLAIN = ("contamination", "fpr", "effort", "calibration", "folds", "scores", "verbose")
ROLLING = "rolling"
REPLICA, HEAD, YARDSTICK, EXCESS = "replica", "head", "yardstick", "excess"
CALIBRATION = "calibration"


def detector_state(detector: Any) -> State:
    """Plain data and tensors of a fitted detector."""
    inner = detector.autoencoder_.to_state()
    seed = detector.random_state
    known: Calibration | None = detector.calibration_
    columns = columns_of(detector).to_dict() if detector.columns else None
    plain = {
        **{name: getattr(detector, name) for name in PLAIN},
        "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
        "columns": columns,
        "kind": kind_to_plain(detector.kind),
        "form": detector.form_,
        "own": detector.autoencoder is not None,
        "replicas": detector.folds_,
        "offset": float(detector.offset_).hex(),
        "calibrated": known and {"source": known.source, "rows": known.tails.rows},
        "autoencoder": inner.plain,
    }
    tensors = dict(inner.tensors)
    if known is not None:
        found = {n: torch.from_numpy(a) for n, a in known.arrays().items()}
        tensors |= _named(CALIBRATION, found)
    judge = detector._scorer.judge  # noqa: SLF001 - its own state
    if isinstance(judge, SeriesJudge):
        plain["ahead"] = judge.ahead
        plain["windows"] = [[v.module.event[-1], v.near] for v in judge.views]
        for k, view in enumerate(judge.views):
            own = {n: t for n, t in view.state_dict().items() if k or "." not in n}
            tensors |= _named(f"{ROLLING}.{k}", own)
    if isinstance(judge, Judge):
        plain["views"] = [
            {"score": score.to_dict(), "weight": weight}
            for score, weight in zip(judge.scores, judge.weights, strict=True)
        ]
        for k, module in enumerate(judge.replicas):
            if k:  # the first is that of the autoencoder
                tensors |= _named(f"{REPLICA}.{k}", module.state_dict())
        for v, heads in enumerate(judge.heads):
            tensors |= _named(f"{YARDSTICK}.{v}", judge.yardsticks[v].state_dict())
            for k, head in enumerate(heads):
                tensors |= _named(f"{HEAD}.{v}.{k}", head.state_dict())
        if judge.excess is not None:
            tensors |= _named(EXCESS, judge.excess.state_dict())
    return State(plain, {n: t.detach().cpu().contiguous() for n, t in tensors.items()})


def detector_from_state(
    kind: type[Any], state: State, *, device: Any = None, **modules: Any
) -> Any:
    """Rebuild a fitted detector, of this version or an earlier one."""
    plain = state.plain
    others = (REPLICA, HEAD, YARDSTICK, EXCESS, CALIBRATION, ROLLING)
    first = {
        n: t for n, t in state.tensors.items() if n.partition(".")[0] not in others
    }
    fitted = Autoencoder.from_state(
        State(plain["autoencoder"], first), device=device, **modules
    )
    params = {name: plain[name] for name in PLAIN if name in plain}
    if plain.get("columns"):
        params["columns"] = Columns(**plain["columns"])
    params["kind"] = kind_from_plain(plain.get("kind"))
    own = clone(fitted) if plain.get("own", True) else None
    made = kind(**params, random_state=plain["random_state"], autoencoder=own)
    made.form_ = plain.get("form", "table")
    made.folds_ = int(plain.get("replicas", 1))
    made.offset_ = float.fromhex(plain["offset"])
    judge: AnyJudge = PlainJudge.of(fitted)
    if "windows" in plain:
        judge = _rolling(plain["windows"], bool(plain["ahead"]), state.tensors, fitted)
    elif made.folds_ > 1:
        judge = _judge(plain, state.tensors, fitted)
    made._adopt(Scorer(fitted, judge))  # noqa: SLF001 - its own state
    known = plain.get("calibrated")
    made.calibration_ = None
    if known is not None:
        arrays = {n: t.numpy() for n, t in _under(CALIBRATION, state.tensors).items()}
        columns = len(fitted._converter.names)  # noqa: SLF001
        made.calibration_ = Calibration.from_arrays(
            known["source"], int(known["rows"]), columns, arrays
        )
    return made


def _rolling(
    windows: list[list[int]],
    ahead: bool,
    tensors: dict[str, Tensor],
    fitted: Autoencoder,
) -> SeriesJudge:
    """Views of several windows; the first is that of the autoencoder."""
    views = []
    for k, (window, near) in enumerate(windows):
        if not 0 < near <= window * (2 if ahead else 1):
            raise ModelFileError(f"View {k} has a window of {window} and looks {near}.")
        module = fitted.module_ if k == 0 else shorter_module(fitted, window)
        view = kind_of(ahead=ahead)(module, near)
        found = _under(f"{ROLLING}.{k}", tensors)
        wanted = view.state_dict()
        refuse_misfits({n: t for n, t in wanted.items() if k or "." not in n}, found)
        view.load_state_dict(wanted | found)
        views.append(view.to(fitted._device).eval())  # noqa: SLF001
    return SeriesJudge(views, ahead=ahead)


def _judge(
    plain: dict[str, Any], tensors: dict[str, Tensor], fitted: Autoencoder
) -> Judge:
    """Replicas, heads and yardsticks; a row of zeros must pass through them."""
    folds, views = int(plain["replicas"]), plain["views"]
    scores = [Score.from_dict(view["score"]) for view in views]
    replicas = [fitted.module_]
    for k in range(1, folds):
        learned = _under(f"{REPLICA}.{k}", tensors)
        replicas.append(module_from(fitted.recipe_, fitted._converter, learned))  # noqa: SLF001
    layout = fitted.module_.layout
    zeros = Batch(torch.zeros(1, *layout.event))
    heads, yardsticks = [], []
    for v, score in enumerate(scores):
        wanted = score.fit(layout, zeros).state_dict()
        found = [_fitting(wanted, f"{HEAD}.{v}.{k}", tensors) for k in range(folds)]
        heads.append([score.module(**buffers) for buffers in found])
        wanted = Yardstick.learned(score, layout, zeros.x, None).state_dict()
        yardsticks.append(Yardstick(**_fitting(wanted, f"{YARDSTICK}.{v}", tensors)))
    weights = [float(view["weight"]) for view in views]
    judge = Judge(replicas, scores, heads, yardsticks, weights)
    wanted = Excess.learned(zeros.x, None).state_dict()
    judge.excess = Excess(**_fitting(wanted, EXCESS, tensors))
    judge = judge.to(fitted._device).eval()  # noqa: SLF001
    for k in range(folds):
        answer = judge.cells(zeros, np.array([k]))
        if answer.shape != zeros.x.shape or not answer.isfinite().all():
            raise ModelFileError(f"The scores of replica {k} do not fit the data.")
    return judge


def _fitting(
    wanted: dict[str, Tensor], prefix: str, tensors: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Buffers under a prefix, of the names, types and shapes of those wanted."""
    found = _under(prefix, tensors)
    refuse_misfits(wanted, found)
    return found


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
