"""Rows of activations with their labels, as directions and probes read them: checked, and in plain arrays."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHY = "fit probes and directions"
TASKS = ("auto", "classes", "numbers")
Label = bool | int | str | float


@dataclass(frozen=True)
class Source:
    """Where activations come from.

    Attributes:
        site: place in the model, such as ``layers.12.resid_post``.
        span: of which tokens.
        model: name of the model, such as ``embedded:mini``.
        fingerprint: digest of the model's weights; None where it is not known.
    """

    site: str = ""
    span: str = ""
    model: str = ""
    fingerprint: str | None = None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Labelled:
    """Rows with their labels and groups.

    Attributes:
        features: shape (n, d), float64.
        labels: shape (n,): places in ``classes``, or numbers where there are no classes.
        groups: shape (n,): number of the dialog that each row comes from. The numbers follow the order of the names,
            not of the rows, so that nothing depends on the order of the rows.
        classes: the labels there are, the positive one of two last; empty for numbers.
    """

    features: NDArray[Any]
    labels: NDArray[Any]
    groups: NDArray[Any]
    classes: tuple[Label, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[Any]) -> Labelled:
        """Return some of the rows."""
        return replace(self, features=self.features[rows], labels=self.labels[rows], groups=self.groups[rows])


def labelled(
    features: Any,
    labels: Any,
    groups: Sequence[Hashable] | None,
    *,
    task: str = "auto",
    positive: Label | None = None,
) -> Labelled:
    """Check rows and labels and return them as arrays.

    Args:
        features: numpy array or torch tensor of shape (n, d).
        labels: one a row: truth values, whole numbers or strings are classes; floats are numbers, unless all of them
            are 0.0 or 1.0.
        groups: the dialog that each row comes from; None when each row stands alone.
        task: ``classes`` or ``numbers``, to say which it is.
        positive: which of two classes is the positive one; default the last in order, such as True.

    Raises:
        UserError: if there is not one label and one group a row, or a value is missing.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    rows = feature_rows(features)
    if task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    values = plain(labels)
    _same_length(len(rows), values, "labels")
    if task == "numbers" or (task == "auto" and _numeric(values)):
        if positive is not None:
            raise UserError("numbers have no positive class; leave positive out or give task='classes'")
        classes: tuple[Label, ...] = ()
        found = _numbers(numpy, values)
        if numpy.ptp(found) == 0:
            raise UserError(f"all labels are {found[0]}: there is nothing to learn")
    else:
        classes = _classes(values, positive)
        place = {value: number for number, value in enumerate(classes)}
        found = numpy.array([place[value] for value in values], dtype=int)
    return Labelled(rows, found, group_numbers(len(rows), groups), classes)


def labelled_as(
    features: Any, labels: Any, groups: Sequence[Hashable] | None, classes: tuple[Label, ...], width: int
) -> Labelled:
    """Check rows with labels that a probe knows, of which some may be missing, and return them as arrays.

    Args:
        features: numpy array or torch tensor of shape (n, d).
        labels: one a row.
        groups: the dialog that each row comes from; None when each row stands alone.
        classes: the classes that it tells apart; empty for numbers.
        width: what d has to be.

    Raises:
        UnknownNameError: if a label is none of the classes.
        UserError: if there is not one label and one group a row, or a value is missing.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    rows, values = feature_rows(features, width), plain(labels)
    _same_length(len(rows), values, "labels")
    if not classes:
        return Labelled(rows, _numbers(numpy, values), group_numbers(len(rows), groups), ())
    places = {label: place for place, label in enumerate(classes)}
    strange = next((one for one in values if one not in places), None)
    if strange is not None or None in values:
        raise UnknownNameError("class", str(strange), [str(one) for one in classes])
    found = numpy.array([places[one] for one in values], dtype=int)
    return Labelled(rows, found, group_numbers(len(rows), groups), classes)


def feature_rows(features: Any, width: int | None = None, name: str = "features") -> NDArray[Any]:
    """Return activations as an array of shape (n, d), float64.

    Args:
        features: numpy array, torch tensor of any float type and device, or lists.
        width: what d has to be.
        name: what they are called in an error.

    Raises:
        UserError: if they are not rows of finite numbers, or of another width.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    if hasattr(features, "detach"):  # a tensor: numpy does not know bfloat16
        features = features.detach().cpu().double().numpy()
    try:
        rows = numpy.asarray(features, dtype=float)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} must be rows of numbers, all of one length: {error}") from error
    if rows.ndim != 2 or not rows.size:
        raise UserError(f"{name} must have the shape (rows, size), with at least one of each; not {rows.shape}")
    if width is not None and rows.shape[1] != width:
        raise UserError(f"{name} have the size {rows.shape[1]} and need {width}: read all at one site")
    sound = numpy.isfinite(rows).all(axis=1)
    if not sound.all():
        raise UserError(
            f"{name} hold values that are not finite in {int((~sound).sum())} of {len(rows)} rows, first in row "
            f"{int(sound.argmin())}; leave such rows out"
        )
    return rows  # type: ignore[no-any-return]


def group_numbers(size: int, groups: Sequence[Hashable] | None) -> NDArray[Any]:
    """Return for each row the number of its group, counted in the order of their names.

    Raises:
        UserError: if there is not one group a row.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    if groups is None:
        return numpy.arange(size)  # type: ignore[no-any-return]
    names = plain(groups)
    _same_length(size, names, "groups")
    order = sorted(set(names), key=lambda name: (type(name).__name__, repr(name)))
    place = {name: number for number, name in enumerate(order)}
    return numpy.array([place[name] for name in names], dtype=int)  # type: ignore[no-any-return]


def plain(values: Any) -> list[Any]:
    """Return a sequence, array or tensor as a list of plain Python values."""
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    return [value.item() if hasattr(value, "item") and not getattr(value, "ndim", 1) else value for value in listed]


def generator(seed: int, *path: str | int) -> Any:
    """Return a private numpy generator for the part that ``path`` names."""
    numpy = need("numpy", extra="metrics", why=WHY)
    return numpy.random.default_rng(derive_seed(seed, *path))


def _same_length(rows: int, values: list[Any], name: str) -> None:
    if len(values) != rows:
        raise UserError(f"{rows} rows of features have {len(values)} {name}; give one a row")


def _numeric(values: list[Any]) -> bool:
    floats = [value for value in values if isinstance(value, float)]
    return bool(floats) and not (len(floats) == len(values) and set(floats) <= {0.0, 1.0})


def _numbers(numpy: Any, values: list[Any]) -> NDArray[Any]:
    try:
        found = numpy.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise UserError(f"labels are not all numbers: {error}; give task='classes' for names") from error
    if found.ndim != 1 or not numpy.isfinite(found).all():
        raise UserError("labels must be one finite number a row; leave rows without a label out")
    return found  # type: ignore[no-any-return]


def _classes(values: list[Any], positive: Label | None) -> tuple[Label, ...]:
    for place, value in enumerate(values):
        if not isinstance(value, (bool, int, str, float)) or value != value:
            raise UserError(f"labels[{place}] is {value!r}; a class is a truth value, a number or a string")
    kinds = {type(value) for value in values}
    if len(kinds) > 1:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise UserError(f"labels are of different types ({names}); make them one")
    classes = sorted(set(values))
    if len(classes) < 2:
        raise UserError(f"all labels are {classes[0] if classes else 'missing'}: there is nothing to tell apart")
    if positive is not None:
        if positive not in classes:
            raise UnknownNameError("class", str(positive), [str(one) for one in classes])
        if len(classes) != 2:
            raise UserError(f"a positive class is for two classes; there are {len(classes)}")
        classes.sort(key=lambda one: one == positive)
    return tuple(classes)
