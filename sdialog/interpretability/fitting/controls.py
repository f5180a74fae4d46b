"""What a probe scores without knowledge: shuffled labels, random labels of word types, random directions, majority."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.fitting.folds import FoldError, deal
from sdialog.interpretability.fitting.labelled import WHY, Labelled, generator, group_numbers
from sdialog.interpretability.fitting.learners import Learner
from sdialog.interpretability.fitting.outcomes import Outcome, Score, headline

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 100
TASK_DRAWS = 5
_TRIES = 20
_WEAK = 1e-3


@dataclass(frozen=True)
class NullScores:
    """A score beside what it is by chance.

    Attributes:
        score: its name.
        observed: the score.
        null: the score of each draw.
    """

    score: str
    observed: float
    null: tuple[float, ...]

    @property
    def p_value(self) -> float:
        """How often chance does as well: ``(1 + as good) / (1 + draws)`` (Phipson and Smyth, 2010)."""
        return chance(self.observed, self.null)

    def band(self, level: float = 0.95) -> tuple[float, float]:
        """Return the ends between which a share ``level`` of the draws lies."""
        numpy = need("numpy", extra="metrics", why=WHY)
        low, high = numpy.quantile(self.null, [0.5 - level / 2, 0.5 + level / 2])
        return float(low), float(high)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**asdict(self), "null": list(self.null), "p_value": self.p_value}


class ShuffledLabels(NullScores):
    """Scores of probes whose labels were dealt out anew among the dialogs."""


class RandomDirections(NullScores):
    """Scores of probes that read one random direction."""


@dataclass(frozen=True)
class ControlTask:
    """A probe beside one that learns random labels of word types (Hewitt and Liang, 2019).

    Attributes:
        score: ``accuracy``, or of numbers ``r2``.
        observed: score of the probe.
        control: score of each draw of random labels.
        types: how many word types there are.
    """

    score: str
    observed: float
    control: tuple[float, ...]
    types: int

    @property
    def selectivity(self) -> float:
        """The score less its mean over random labels: low when the probe could learn anything by heart."""
        return self.observed - sum(self.control) / len(self.control)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**asdict(self), "control": list(self.control), "selectivity": self.selectivity}


@dataclass(frozen=True)
class Majority:
    """Scores of always saying what is most frequent in training, or of numbers their mean."""

    scores: Mapping[str, Score]

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {name: score.json() for name, score in self.scores.items()}


@dataclass(frozen=True)
class Controls:
    """All controls of one probe.

    Attributes:
        shuffled: labels dealt out anew.
        random: one random direction.
        majority: the most frequent label.
        task: random labels of word types; None where the types are not known.
    """

    shuffled: ShuffledLabels
    random: RandomDirections
    majority: Majority
    task: ControlTask | None = None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "shuffled": self.shuffled.json(),
            "random": self.random.json(),
            "majority": self.majority.json(),
            "task": None if self.task is None else self.task.json(),
        }


def all_controls(
    data: Labelled,
    outcome: Outcome,
    learner: Learner,
    *,
    folds: int,
    types: Sequence[Hashable] | None,
    draws: int,
    level: float,
    seed: int,
) -> Controls:
    """Return all controls of a probe's held-out predictions."""
    observed = outcome.value()
    if observed is None:
        raise UserError(f"there is no {outcome.headline} to compare with controls; give fewer folds")
    return Controls(
        shuffled_labels(data, learner, observed=observed, folds=folds, draws=draws, seed=seed),
        random_projections(data, observed=observed, folds=folds, draws=draws, seed=seed),
        majority(data, folds=folds, level=level, seed=seed),
        None if types is None else control_task(data, types, learner, folds=folds, seed=seed),
    )


def shuffled_labels(
    data: Labelled,
    learner: Learner,
    *,
    observed: float | None = None,
    folds: int = 5,
    draws: int = DRAWS,
    seed: int = 0,
) -> ShuffledLabels:
    """Return what the same procedure, choice of L2 included, scores when labels are dealt out anew among dialogs.

    Each dialog gets the run of labels of another one, begun at a random place and repeated as far as needed: labels
    that are the same all through a dialog stay so, and neighbours stay alike.

    Args:
        data: rows from :func:`~sdialog.interpretability.fitting.labelled.labelled`.
        learner: what is fitted.
        observed: headline score of the true labels; None measures it.
        folds: how many.
        draws: how many times.
        seed: seed of folds and draws.

    Raises:
        UserError: if there are too few dialogs of a class.
    """
    true = _value(data, learner, folds, seed) if observed is None else observed
    draw = generator(seed, "shuffled labels")
    null = [_redrawn(lambda: shuffle(data, draw), learner, folds, seed) for _ in range(_some(draws))]
    return ShuffledLabels(headline(data.classes), true, tuple(null))


def shuffle(data: Labelled, draw: Any) -> Labelled:
    """Return the rows with the labels of other dialogs, drawn by a numpy generator."""
    numpy = need("numpy", extra="metrics", why=WHY)
    members = [numpy.flatnonzero(data.groups == group) for group in numpy.unique(data.groups)]
    labels = numpy.empty_like(data.labels)
    for own, donor in zip(members, draw.permutation(len(members)).tolist(), strict=True):
        given = data.labels[members[donor]]
        labels[own] = numpy.take(given, draw.integers(len(given)) + numpy.arange(len(own)), mode="wrap")
    return replace(data, labels=labels)


def control_task(
    data: Labelled,
    types: Sequence[Hashable],
    learner: Learner,
    *,
    folds: int = 5,
    draws: int = TASK_DRAWS,
    seed: int = 0,
) -> ControlTask:
    """Return how well the probe does beside its control task: each word type has one random label, in all dialogs.

    Hewitt and Liang (2019). What is learnt of the control task was learnt by heart, type by type. Random labels are
    as frequent as true ones.

    Args:
        data: rows from :func:`~sdialog.interpretability.fitting.labelled.labelled`.
        types: word type of each row, such as a token id; more than one row each, or there is nothing to learn.
        learner: what is fitted.
        folds: how many.
        draws: how many times random labels are drawn.
        seed: seed of folds and draws.

    Raises:
        UserError: if there is not one type a row, no type has two rows, or there are too few dialogs.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    codes = group_numbers(len(data), types)
    kinds = int(codes.max()) + 1
    if kinds == len(data):
        raise UserError(
            "each row has a word type of its own, so no label of a type can be learnt; give types that come back, such "
            "as token ids, or leave types out"
        )
    draw = generator(seed, "control task")
    ordered = numpy.sort(data.labels)  # what is drawn does not hang on the order of the rows

    def drawn() -> Labelled:
        return replace(data, labels=ordered[draw.integers(len(data), size=kinds)][codes])

    name = "accuracy" if data.classes else "r2"
    control = [_redrawn(drawn, learner, folds, seed, name) for _ in range(_some(draws))]
    return ControlTask(name, _value(data, learner, folds, seed, name), tuple(control), kinds)


def random_projections(
    data: Labelled, *, observed: float, folds: int = 5, draws: int = DRAWS, seed: int = 0
) -> RandomDirections:
    """Return what probes score that read one random direction, the same in all directions of space.

    Args:
        data: rows from :func:`~sdialog.interpretability.fitting.labelled.labelled`.
        observed: headline score to compare with.
        folds: how many.
        draws: how many directions.
        seed: seed of folds and directions.
    """
    draw = generator(seed, "random directions")
    axes = draw.normal(size=(data.features.shape[1], _some(draws)))
    readings = data.features @ axes
    weak = Learner("linear", _WEAK)
    null = [_value(replace(data, features=readings[:, [place]]), weak, folds, seed) for place in range(draws)]
    return RandomDirections(headline(data.classes), observed, tuple(null))


def random_directions(direction: Direction, draws: int = DRAWS, seed: int = 0) -> list[Direction]:
    """Return random directions as long as another one, to steer with as a control.

    Args:
        direction: the one to be like.
        draws: how many.
        seed: seed of the draws.

    Example:
        >>> drawn = random_directions(Direction([3.0, 4.0]), 2)
        >>> [round(one.norm, 6) for one in drawn], drawn[0].method
        ([5.0, 5.0], 'random')
    """
    draw = generator(seed, "random directions")
    found = []
    for vector in draw.normal(size=(_some(draws), len(direction.vector))):
        one = Direction(vector, "random", source=direction.source, seed=seed)
        found.append(one.unit * direction.norm)
    return found


def majority(data: Labelled, *, folds: int = 5, level: float = 0.95, seed: int = 0) -> Majority:
    """Return the scores of always saying what is most frequent in the other folds, or of numbers their mean."""
    numpy = need("numpy", extra="metrics", why=WHY)
    dealt = deal(data, folds, seed, "outer")
    outputs = numpy.zeros((len(data), 1 if len(data.classes) < 3 else len(data.classes)))
    for fold in range(folds):
        outputs[dealt == fold] = _usual(numpy, data, data.labels[dealt != fold], outputs.shape[1])
    return Majority(Outcome.of(data, outputs, dealt).scores(level, seed=seed))


def _usual(numpy: Any, data: Labelled, labels: NDArray[Any], width: int) -> Any:
    if not data.classes:
        return labels.mean()
    counts = numpy.bincount(labels, minlength=len(data.classes))
    return 2.0 * counts.argmax() - 1 if width == 1 else counts


def chance(observed: float, null: Sequence[float]) -> float:
    """Return the p-value of a score beside those of draws."""
    # Sums in another order end in other digits.
    return (1 + sum(one >= observed - 1e-12 for one in null)) / (1 + len(null))


def _value(data: Labelled, learner: Learner, folds: int, seed: int, name: str = "") -> float:
    from sdialog.interpretability.fitting._probe_fitting import cross_validate

    found = cross_validate(data, learner, folds, seed).value(name)
    if found is None:
        raise FoldError(f"no fold has rows enough to tell the {name or headline(data.classes)}; give fewer folds")
    return found


def _redrawn(draw: Callable[[], Labelled], learner: Learner, folds: int, seed: int, name: str = "") -> float:
    """Return the score of drawn labels; draws in which a class comes from too few dialogs are drawn again."""
    for tries in range(_TRIES):
        try:
            return _value(draw(), learner, folds, seed, name)
        except FoldError as error:
            if tries + 1 == _TRIES:
                raise UserError(f"{_TRIES} draws of random labels could not be scored: {error}") from error
    raise AssertionError("unreachable")


def _some(draws: int) -> int:
    if draws < 1:
        raise UserError(f"draws is at least 1, not {draws}")
    return draws
