"""Folds that keep dialogs apart: what is tested comes from dialogs that were not seen in training."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.fitting.labelled import WHY, Labelled, generator, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLITS = ("dialogs", "rows")


class LeakageWarning(UserWarning):
    """Rows of one dialog are both in training and in test, so the held-out score says too much."""


class FoldError(UserError):
    """The rows cannot be dealt so that each class is in each training part."""


def split_groups(groups: Sequence[Hashable] | None, split: str, stacklevel: int = 3) -> Sequence[Hashable] | None:
    """Return the groups that a split keeps apart; None when each row stands alone.

    Args:
        groups: the dialog that each row comes from.
        split: ``dialogs`` keeps dialogs apart. ``rows`` does not: neighbours of one dialog share its topic, its
            wording and its prompt, and a probe that knows the dialog scores well without knowing anything else.
        stacklevel: whose line the warning names; default that of the caller's caller.

    Raises:
        UserError: if dialogs are to be kept apart and nobody says which rows belong together.

    Warns:
        LeakageWarning: for ``rows``, unless each group is one row.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    if split == "dialogs":
        if groups is None:
            raise UserError(
                "give groups, the dialog that each row comes from, so that no dialog is in training and in test; "
                "or split='rows' if each row truly stands alone"
            )
        return groups
    if groups is None or len({*plain(groups)}) < len(groups):
        warnings.warn(
            "a row-wise split puts tokens of one dialog into training and into test: what tells the dialog will "
            "look like knowledge of the label. Use split='dialogs'",
            LeakageWarning,
            stacklevel=stacklevel,
        )
    return None


def deal(data: Labelled, count: int, seed: int, *path: str | int) -> NDArray[Any]:
    """Return for each row its fold: whole groups, with the classes spread as evenly as groups allow.

    Groups are taken in a random order, larger ones first, and each goes to the fold that has least of its classes so
    far. The order of the rows makes no difference.

    Args:
        data: rows with classes or numbers.
        count: how many folds.
        seed: seed of the order.
        path: names the part that the folds are for.

    Raises:
        FoldError: if there are fewer groups than folds, or a training part would lack a class.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    names, groups = numpy.unique(data.groups, return_inverse=True)
    if count < 2:
        raise UserError(f"there must be at least 2 folds, not {count}")
    if len(names) < count:
        raise FoldError(f"{count} folds need at least {count} dialogs; there are {len(names)}. Give fewer folds")
    kinds = len(data.classes) or 1
    content = numpy.zeros((len(names), kinds))
    numpy.add.at(content, (groups, data.labels if data.classes else numpy.zeros(len(data), dtype=int)), 1)
    totals = numpy.maximum(content.sum(axis=0), 1)
    order = generator(seed, "folds", *path).permutation(len(names))
    order = order[numpy.argsort(-content[order].sum(axis=1), kind="stable")]
    held = numpy.zeros((count, kinds))
    fold_of = numpy.empty(len(names), dtype=int)
    for group in order:
        # Least growth of the sum of squared shares; among equals the fold with fewest rows.
        growth = numpy.round((held * content[group] / totals**2).sum(axis=1), 12)
        fold_of[group] = numpy.lexsort((held.sum(axis=1), growth))[0]
        held[fold_of[group]] += content[group]
    _check(data, held)
    return fold_of[groups]  # type: ignore[no-any-return]


def inner_count(data: Labelled, wanted: int) -> int:
    """Return how many inner folds a training part allows: as many as wanted, or as it has groups.

    Raises:
        FoldError: if it has one group only.
    """
    count = len({*data.groups.tolist()})
    if count < 2:
        raise FoldError(
            "only one dialog is left to choose the l2 strength with, and that takes 2: testing by folds needs at "
            "least 3 dialogs, fitting alone 2; collect more dialogs, or give one strength: Learner(l2=0.1)"
        )
    return min(wanted, count)


def _check(data: Labelled, held: NDArray[Any]) -> None:
    for place, label in enumerate(data.classes):
        total, most = held[:, place].sum(), held[:, place].max()
        if most == total:
            raise FoldError(
                f"the class {label!r} would be missing from a training part: it comes from too few dialogs. Choosing "
                "how strongly to regularise needs each class in 3 dialogs, testing in 2; collect more dialogs, or "
                "where there are 2 give one strength: Learner(l2=0.1)"
            )
