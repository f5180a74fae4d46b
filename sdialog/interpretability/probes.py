"""Probes: small models that read a label off activations, tested on dialogs they have not seen."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.fitting.folds import split_groups
from sdialog.interpretability.fitting.labelled import WHY, Label, Labelled, Source, feature_rows, labelled, labelled_as
from sdialog.interpretability.fitting.learners import Learner
from sdialog.interpretability.fitting.outcomes import Outcome, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.interpretability.fitting._probe_fitting import Fitted
    from sdialog.interpretability.fitting.controls import Controls

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted probe.

    Attributes:
        fitted: what it computes: standardised features, then one affine layer, or two with ReLU between them.
        learner: what it was fitted with.
        classes: what it tells apart, the positive one of two last; empty for numbers.
        strength: L2 strength that was chosen.
        reach: how far the labels lie apart along the direction of each output, in units of the activations: for
            classes the mean of its own rows less that of all others, for numbers by how much a row moves along it
            for one standard deviation of the labels. Empty for an ``mlp``.
        source: which activations it was fitted to.
        rows, dialogs: how many it was fitted to.
        seed: seed of the folds and of first weights.

    Example:
        >>> rows = [[float(place % 2), float(place % 3)] for place in range(24)]
        >>> labels = [place % 2 == 1 for place in range(24)]
        >>> probe = Probe.fit(rows, labels, groups=[place // 2 for place in range(24)])
        >>> probe.predict([[0.0, 1.0], [1.0, 1.0]])
        [False, True]
        >>> result = Probe.evaluate(rows, labels, groups=[place // 2 for place in range(24)])
        >>> result.scores["auc"].value
        1.0
    """

    fitted: Fitted
    learner: Learner
    classes: tuple[Label, ...]
    strength: float
    reach: tuple[float, ...] = ()
    source: Source = field(default_factory=Source)
    rows: int = 0
    dialogs: int = 0
    seed: int = 0

    @classmethod
    def fit(
        cls,
        features: Any,
        labels: Any,
        groups: Sequence[Hashable] | None = None,
        *,
        learner: str | Learner = "linear",
        task: str = "auto",
        positive: Label | None = None,
        split: str = "dialogs",
        source: Source | None = None,
        seed: int = 0,
    ) -> Probe:
        """Fit a probe to all rows, its L2 strength chosen by folds that keep dialogs apart.

        Args:
            features: numpy array or torch tensor of shape (n, d).
            labels: one a row: truth values, whole numbers or strings are classes (logistic regression, multinomial
                for more than two); floats are numbers (ridge regression), unless all are 0.0 or 1.0.
            groups: the dialog that each row comes from.
            learner: ``linear``, ``mlp`` or a :class:`~sdialog.interpretability.fitting.learners.Learner`.
            task: ``classes`` or ``numbers``, to say what the labels are.
            positive: which of two classes is the positive one; default the last in order, such as True.
            split: ``dialogs``, or ``rows`` where each row stands alone; see
                :func:`~sdialog.interpretability.fitting.folds.split_groups`.
            source: which activations the rows are.
            seed: seed of the folds and of first weights.

        Raises:
            UserError: if the rows are not sound, or a class comes from too few dialogs.

        Warns:
            LeakageWarning: if rows of one dialog may be split.
        """
        data = labelled(features, labels, split_groups(groups, split), task=task, positive=positive)
        return cls._of(data, Learner.of(learner), source, seed)

    @classmethod
    def evaluate(
        cls,
        features: Any,
        labels: Any,
        groups: Sequence[Hashable] | None = None,
        *,
        learner: str | Learner = "linear",
        task: str = "auto",
        positive: Label | None = None,
        split: str = "dialogs",
        folds: int = FOLDS,
        controls: bool = False,
        types: Sequence[Hashable] | None = None,
        draws: int = 100,
        source: Source | None = None,
        level: float = 0.95,
        seed: int = 0,
    ) -> ProbeResult:
        """Tell how well labels can be read off activations of dialogs not seen, by nested cross-validation.

        Each fold is predicted by a probe of the other folds, whose L2 strength was chosen within those. All other
        arguments are those of :meth:`fit`.

        Args:
            folds: how many.
            controls: compare with what is there without knowledge: shuffled labels, random directions, the majority,
                and with ``types`` the control task; see :mod:`sdialog.interpretability.fitting.controls`. It costs
                ``draws`` cross-validations more.
            types: the word type of each row, for the control task.
            draws: how many shuffles and random directions.
            level: of the intervals.

        Returns:
            Scores with bootstrap intervals over dialogs, and the probe fitted to all rows.

        Raises:
            UserError: if the rows are not sound, or a class comes from too few dialogs.

        Warns:
            LeakageWarning: if rows of one dialog may be split.
        """
        from sdialog.interpretability.fitting._probe_fitting import cross_validate

        data = labelled(features, labels, split_groups(groups, split), task=task, positive=positive)
        chosen = Learner.of(learner)
        outcome = cross_validate(data, chosen, folds, seed)
        found = None
        if controls:
            from sdialog.interpretability.fitting.controls import all_controls

            found = all_controls(data, outcome, chosen, folds=folds, types=types, draws=draws, level=level, seed=seed)
        scores = outcome.scores(level, seed=seed)
        return ProbeResult(cls._of(data, chosen, source, seed), scores, outcome, folds, split, found)

    @classmethod
    def _of(cls, data: Labelled, learner: Learner, source: Source | None, seed: int) -> Probe:
        from sdialog.interpretability.fitting._probe_fitting import tuned

        fitted, strength = tuned(data, learner, seed, "all")
        reach = _reach(data, _axes(fitted)) if learner.kind == "linear" else ()
        dialogs = len({*data.groups.tolist()})
        return cls(fitted, learner, data.classes, strength, reach, source or Source(), len(data), dialogs, seed)

    @property
    def converged(self) -> bool:
        """Whether the fit came to rest before its last step."""
        return self.fitted.converged

    def outputs(self, features: Any) -> NDArray[Any]:
        """Return for each row one logit of the positive class, one logit a class, or one number; shape (n, outputs)."""
        return self.fitted.outputs(feature_rows(features, len(self.fitted.mean)))

    def predict(self, features: Any) -> list[Any]:
        """Return the class or the number of each row."""
        outputs = self.outputs(features)
        if not self.classes:
            return outputs[:, 0].tolist()  # type: ignore[no-any-return]
        places = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).astype(int)
        return [self.classes[place] for place in places.tolist()]

    def predict_proba(self, features: Any) -> NDArray[Any]:
        """Return the probability of each class, in the order of ``classes``; shape (n, classes).

        Raises:
            UserError: if the probe tells numbers.
        """
        numpy = need("numpy", extra="metrics", why=WHY)
        if not self.classes:
            raise UserError("this probe tells numbers, which have no probabilities; use predict")
        outputs = self.outputs(features)
        if outputs.shape[1] == 1:
            outputs = numpy.concatenate([numpy.zeros_like(outputs), outputs], axis=1)
        return numpy.exp(outputs - numpy.logaddexp.reduce(outputs, axis=1)[:, None])  # type: ignore[no-any-return]

    def score(
        self,
        features: Any,
        labels: Any,
        groups: Sequence[Hashable] | None = None,
        *,
        level: float = 0.95,
        seed: int = 0,
    ) -> dict[str, Score]:
        """Return the scores on other rows, such as those of another data set; the arguments are those of :meth:`fit`.

        Scores that need more classes than the rows have, such as AUC of one, have no value.

        Raises:
            UserError: if the labels hold a class that the probe does not know.
        """
        data = labelled_as(features, labels, groups, self.classes, len(self.fitted.mean))
        return Outcome.of(data, self.fitted.outputs(data.features)).scores(level, seed=seed)

    def direction(self, label: Label | None = None) -> Direction:
        """Return the direction along which a linear probe reads.

        Args:
            label: class that it leads to, away from all others; default the positive one of two.

        Returns:
            A direction as long as the classes lie apart along it; for numbers, as far as a row moves along it for one
            standard deviation of the labels.

        Raises:
            UserError: if the probe is not linear, or does not vary, or of several classes none is named.
        """
        if self.learner.kind != "linear":
            raise UserError("an mlp reads along no single direction; fit a linear probe")
        place, positive, negative = self._end(label)
        axis = _axes(self.fitted)[place]
        if not axis.any():
            raise UserError("this probe gives all rows the same output: it has no direction")
        vector, rows = axis * self.reach[place], (0, 0)
        found = Direction(vector, "probe", positive, negative, self.source, rows=rows, seed=self.seed)
        return -found if len(self.classes) == 2 and label == self.classes[0] and label is not None else found

    def _end(self, label: Label | None) -> tuple[int, str, str]:
        if not self.classes:
            return 0, "more", "less"
        if label is not None and label not in self.classes:
            raise UnknownNameError("class", str(label), [str(one) for one in self.classes])
        if len(self.classes) == 2:
            return 0, str(self.classes[1]), str(self.classes[0])
        if label is None:
            raise UserError(f"say to which class the direction is to lead: one of {list(self.classes)}")
        return self.classes.index(label), str(label), f"not {label}"

    def json(self) -> dict[str, Any]:
        """Return all but the weights as a plain dict."""
        return {
            "learner": self.learner.json(),
            "classes": list(self.classes),
            "strength": self.strength,
            "reach": list(self.reach),
            **self.source.json(),
            "rows": self.rows,
            "dialogs": self.dialogs,
            "seed": self.seed,
            "converged": self.converged,
        }

    def save(self, path: str | Path) -> Path:
        """Write the weights as safetensors and the rest as JSON beside it; returns the path of the first."""
        from sdialog.interpretability.files.saved_arrays import save_arrays

        arrays = {"mean": self.fitted.mean, "scale": self.fitted.scale}
        for place, (weights, bias) in enumerate(self.fitted.layers):
            arrays |= {f"weights.{place}": weights, f"bias.{place}": bias}
        return save_arrays(path, "probe", arrays, self.json())

    @classmethod
    def load(cls, path: str | Path) -> Probe:
        """Read what :meth:`save` wrote.

        Raises:
            UserError: if there is no such file, or it holds no probe.
        """
        from sdialog.interpretability.files.saved_arrays import load_arrays
        from sdialog.interpretability.fitting._probe_fitting import Fitted

        arrays, facts = load_arrays(path, "probe")
        count = sum(name.startswith("weights.") for name in arrays)
        layers = tuple((arrays[f"weights.{place}"], arrays[f"bias.{place}"]) for place in range(count))
        return cls(
            Fitted(arrays["mean"], arrays["scale"], layers, facts["converged"]),
            Learner(**facts["learner"]),
            tuple(facts["classes"]),
            facts["strength"],
            tuple(facts["reach"]),
            Source(facts["site"], facts["span"], facts["model"], facts["fingerprint"]),
            facts["rows"],
            facts["dialogs"],
            facts["seed"],
        )


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """How well a probe does on dialogs it has not seen.

    Attributes:
        probe: the probe fitted to all rows; what it does to its own rows is in no score.
        scores: by name, each with its interval over dialogs.
        outcome: the held-out predictions.
        folds: how many.
        split: ``dialogs`` or ``rows``.
        controls: what the scores are without knowledge; None where they were not asked for.
    """

    probe: Probe
    scores: Mapping[str, Score]
    outcome: Outcome
    folds: int
    split: str
    controls: Controls | None = None

    @property
    def headline(self) -> Score:
        """The score that stands for all: AUC of two classes, balanced accuracy of more, R2 of numbers."""
        return self.scores[self.outcome.headline]

    def json(self) -> dict[str, Any]:
        """Return a plain dict, without predictions."""
        return {
            "probe": self.probe.json(),
            "scores": {name: score.json() for name, score in self.scores.items()},
            "folds": self.folds,
            "split": self.split,
            "strengths": list(self.outcome.strengths),
            "converged": self.outcome.converged,
            "controls": None if self.controls is None else self.controls.json(),
        }

    def table(self) -> str:
        """Return the scores as a Markdown table."""
        from sdialog.interpretability.figures.probe_figures import score_table

        return score_table(self)

    def plot(self) -> Any:
        """Return a matplotlib figure: the scores with intervals, and of the headline what controls give.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.interpretability.figures.probe_figures import draw_result

        return draw_result(self)


def _axes(fitted: Fitted) -> list[Any]:
    """Return for each output the unit vector of activations that moves it most; of classes, against all others."""
    numpy = need("numpy", extra="metrics", why=WHY)
    weights = fitted.layers[0][0] / fitted.scale[:, None]
    if weights.shape[1] > 1:
        # Softmax does not see what is added to all classes alike.
        weights = weights - weights.mean(axis=1, keepdims=True)
    lengths = numpy.linalg.norm(weights, axis=0)
    return [weights[:, place] / (length or 1.0) for place, length in enumerate(lengths.tolist())]


def _reach(data: Labelled, axes: list[Any]) -> tuple[float, ...]:
    reach = []
    for place, axis in enumerate(axes):
        along = data.features @ axis
        if not data.classes:
            off = data.labels - data.labels.mean()
            reach.append(float(along @ off / len(data) / data.labels.std()))
        else:
            own = data.labels == (1 if len(axes) == 1 else place)
            reach.append(float(along[own].mean() - along[~own].mean()))
    return tuple(reach)
