"""Anomaly detection: rows of which cells do not follow from the others."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from isthmus.detection import thresholds
from isthmus.detection.changes import Changes, changes
from isthmus.detection.efforts import folds_of, trained
from isthmus.detection.scorer import Scorer
from isthmus.detection.settled import settled, template
from isthmus.detection.state import detector_from_state, detector_state
from isthmus.detection.stream import Updated
from isthmus.errors import DataError, IsthmusWarning
from isthmus.estimator import Autoencoder
from isthmus.estimator.explanation import explain
from isthmus.estimator.inner import adopt
from isthmus.estimator.reading import form_for, read_rows
from isthmus.estimator.streams import in_memory, piecewise
from isthmus.estimator.tags import TakesAnyCells
from isthmus.scores.drift import drift

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from isthmus.data.forms import Form, Name
    from isthmus.data.kinds import Columns, Found, Kind
    from isthmus.detection.efforts import Effort
    from isthmus.estimator.explanation import Explanation
    from isthmus.estimator.inner import Settled
    from isthmus.estimator.state import State
    from isthmus.estimator.tables import Read
    from isthmus.scores.calibration import Calibration
    from isthmus.scores.drift import Drift


class AnomalyDetector(OutlierMixin, Updated, TakesAnyCells):
    """Calls a row an outlier (-1) where its cells do not follow from each other.

    A masked autoencoder learns to rebuild hidden cells from the others, in several
    replicas that each leave out a fold of the rows. A row is scored by the replica that
    left out its fold, whether it was trained on or not (docs/anomaly.md).

    Parameters
    ----------
    contamination : float from 0 to 0.5, or "auto"
        Share of the training rows that are flagged. 0 says that all of them are normal:
        none is flagged, or left out of the training as far off; ``fpr`` may come with
        it. ``"auto"`` leaves it to ``fpr``. Without that it takes the logarithm of how
        far each score lies below the best one, and flags rows more than 1.5
        interquartile ranges above the third quartile of training (Tukey, 1977), and in
        any case the least normal one.
    fpr : float, optional
        False-alarm rate: the probability that a normal row, which need not be of the
        training rows, is flagged. A row is flagged if its p-value is at most ``fpr``.
    effort : "fast", "default" or "high"
        How large, how many and how long trained the networks are.
    calibration : float or "auto"
        Share of the rows on which nothing is trained, for p-values (split conformal).
        ``"auto"``: every row, by the replica that has not seen it (cross conformal);
        without replicas the validation rows, or for ``fpr`` a fifth of all.
    folds : int, optional
        Number of replicas; by default as ``effort`` has it, and for an ``autoencoder``
        of your own 1: all rows are trained on, and scored by log-likelihood in nats.
    scores : dict of weights by name, optional
        Questions to the replicas, by default ``{"hidden": 1.0, "marginal": 0.7}``.
    columns : Columns or dict of kinds by name, optional
        What you know of columns better than their cells say, as in `Autoencoder`.
    kind : "table", "images", "series", "counts", "audio", "text" or an object, optional
        What the data is, as in `Autoencoder`. Of a series every row has a score.
    random_state : int, RandomState or None
        Decides all draws; handed to the autoencoder.
    verbose : int
        0 for silence.
    device : str or torch.device, optional
    autoencoder : Autoencoder, optional
        An unfitted one of any kind; what is said above goes before what it says.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        The fitted one; of several replicas, the first.
    columns_ : tuple of Found
        Name and kind of each column, and why it is set aside if it is.
    offset_ : float
        Score below which a row is an outlier.
    calibration_ : Calibration or None
        What p-values rest on: its ``rows``, and as ``source`` whether these are all
        (``"cross"``), ``"kept"``, ``"given"``, or ``"validation"`` rows of training.
    """

    autoencoder_: Autoencoder

    def __init__(
        self,
        *,
        contamination: float | Literal["auto"] = "auto",
        fpr: float | None = None,
        effort: Effort = "default",
        calibration: float | Literal["auto"] = "auto",
        folds: int | None = None,
        scores: dict[str, float] | None = None,
        columns: Columns | dict[str, Kind] | None = None,
        kind: Name | Form | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
        device: Any = None,
        autoencoder: Autoencoder | None = None,
    ) -> None:
        self.contamination = contamination
        self.fpr = fpr
        self.effort = effort
        self.calibration = calibration
        self.folds = folds
        self.scores = scores
        self.columns = columns
        self.kind = kind
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.autoencoder = autoencoder

    def fit(
        self,
        X: Any,
        y: object = None,
        *,
        calibration: Any = None,
        checkpoint: str | Path | None = None,
    ) -> Self:
        """Learn the rows of ``X``, (n, columns), then where unusual scores begin.

        ``calibration`` takes normal rows of your own; then all of ``X`` is trained on.
        Of a `stream` of more than 2^25 cells, rows drawn by lot are learned. Where the
        file ``checkpoint`` is there, training goes on from it (`Autoencoder.fit`).
        """
        thresholds.refuse(self)
        X = in_memory(X)
        self.form_ = form_for(self, X)
        model = self.template()
        table = read_rows(model, X, reset=True, least=2)
        given = calibration is not None
        kept = np.arange(0) if given else thresholds.kept_rows(self, table.rows)
        others = np.setdiff1d(np.arange(table.rows.height), kept)
        learned = table.take(others) if len(kept) else table
        self.folds_ = folds_of(self)
        self._adopt(Scorer(model, trained(self, model, learned, checkpoint)))
        with warnings.catch_warnings():
            # rows of X may hold what those that were trained on do not
            warnings.filterwarnings("ignore", "Not seen in fitting", IsthmusWarning)
            checked = None
            if given:
                checked = read_rows(model, in_memory(calibration), reset=False)
            unseen = thresholds.unseen_rows(self, table, kept, checked)
            self.calibration_ = self._scorer.calibration(*unseen)
            self.offset_ = self._offset(table)
        return self

    def calibrate(self, X: Any) -> Self:
        """Let normal rows, (n, columns), that training has not seen say what is usual.

        They replace the calibration rows that there were, and with ``fpr`` move
        ``offset_``. Nothing is trained.
        """
        check_is_fitted(self)
        table = read_rows(self.autoencoder_, in_memory(X), reset=False)
        self.calibration_ = self._scorer.calibration(table, "given")
        if self.fpr is not None:
            self.offset_ = self._offset(table)
        return self

    @piecewise
    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """How normal each row is, (n,); lower is odder.

        With several replicas, minus the surprise of its cells above the usual one of
        their columns, in spreads of the training rows; a row of which all is missing
        has 0. Without, log p(x|z) in nats.
        """
        check_is_fitted(self)
        return self._scorer.scores_of(X)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Score above ``offset_``, (n,); negative for outliers."""
        return np.asarray(self.score_samples(X) - self.offset_)

    def p_values(self, X: Any) -> NDArray[np.float64]:
        """p = (1 + #{calibration scores <= score}) / (calibration rows + 1), (n,).

        A normal row has p <= a with probability a at most (Vovk et al., 2005), if it is
        exchangeable with the calibration rows; nearly so with ``"cross"`` ones (Vovk,
        2015), and if the training rows hold anomalies, less often.
        """
        check_is_fitted(self)
        return self._known("p_values").p_values(self.score_samples(X))

    def predict(
        self, X: Any, *, fpr: float | None = None, fdr: float | None = None
    ) -> NDArray[np.int64]:
        """-1 for outliers, 1 for inliers, (n,).

        With ``fpr``, outliers have p-values of at most this false-alarm rate. With
        ``fdr``, the p-values of all rows decide together, so that at most this share of
        those flagged is normal, on average (Benjamini and Hochberg, 1995).
        """
        found = thresholds.verdicts(self, self.score_samples(X), fpr=fpr, fdr=fdr)
        return np.where(found.flagged, -1, 1).astype(np.int64)

    def explain(self, X: Any) -> Explanation:
        """Contributions of the cells to the scores, and what was expected of them.

        They sum to the score. ``tail`` says how rare as low a contribution is among
        calibration rows (of 10,000 of them, if there are more).
        """
        check_is_fitted(self)
        known = self.calibration_
        return explain(*self._scorer, X, known and known.tails, repair=True)

    def smallest_change(self, X: Any, *, most: int = 8) -> Changes:
        """Which cells, set to what is expected of them, make each row normal.

        Cells are changed one after another, the oddest first, until the score reaches
        ``offset_``; then those are taken back without which it still does. None of the
        changes that are left can be spared, though other sets may be smaller.
        """
        check_is_fitted(self)
        if self.form_ != "table":
            raise DataError(
                "Cells are changed in rows of a table. Of images and series, "
                "explain(X) says what was expected."
            )
        return changes(*self._scorer, X, self.offset_, most)

    def check_drift(self, X: Any, *, level: float = 0.01) -> Drift:
        """Whether rows are still like those of calibration, in numbers and words.

        ``level`` is the probability of a false verdict; `Drift` says of which.
        """
        check_is_fitted(self)
        known, level = self._known("check_drift"), thresholds.rate("level", level)
        opened = self._scorer.opened(in_memory(X))
        names = self._scorer.names
        scores, cells = self._scorer.scores(opened), self._scorer.contributions(opened)
        return drift(known, scores, cells, names, offset=self.offset_, level=level)

    def template(self) -> Autoencoder:
        """The unfitted autoencoder that `fit` trains."""
        return template(self)

    def settled(self, rows: int | None = None) -> Settled:
        """An equal detector's parameters, with all said that ``effort`` decides."""
        thresholds.refuse(self)
        return settled(self, rows)

    def to_state(self) -> State:
        """Plain data and tensors that `from_state` makes an equal detector of."""
        return detector_state(self)

    @classmethod
    def from_state(cls, state: State, **modules: Any) -> Self:
        """Rebuild from plain data; own networks are passed as encoder and decoder."""
        made: Self = detector_from_state(cls, state, **modules)
        return made

    def _adopt(self, scorer: Scorer) -> None:
        self._scorer, self._following = scorer, None
        adopt(self, scorer.autoencoder)

    def _known(self, asked: str) -> Calibration:
        if self.calibration_ is None:
            raise DataError(
                f"{asked} needs rows that training has not seen, and there are none. "
                f"Call calibrate(X) with normal rows first."
            )
        return self.calibration_

    def _offset(self, table: Read) -> float:
        """Score below which rows are outliers."""
        if self.fpr is not None:
            return thresholds.by_rate(self.fpr, self._known("fpr"))
        known = self.calibration_
        if known is not None and known.source == "cross":  # of the rows of the table
            return thresholds.by_share(self.contamination, known.scores)
        return thresholds.by_share(self.contamination, self._scorer.scores_of(table))

    @property
    def columns_(self) -> tuple[Found, ...]:
        """Name and kind of each column, and why it is set aside if it is."""
        return self.autoencoder_.columns_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")
