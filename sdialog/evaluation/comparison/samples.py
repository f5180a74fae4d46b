"""The numbers of one column and one set of dialogs, with what the statistics must know of the dialogs behind them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sdialog.core.errors import UserError
from sdialog.evaluation.comparison.attributes import Attribute, attribute_of, known_names
from sdialog.evaluation.results import EvalResult, ItemResult

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.dataset import Dataset

# Dialogs of two sets count as pairs if their keys match for so many of the larger set.
_OVERLAP = 0.9
AUTO_KEYS = ("id", "seed")


@dataclass
class Facts:
    """What is noted of the dialogs of a set while they are scored: one entry a dialog in each list.

    Attributes:
        size: number of dialogs.
        ids: ids of the dialogs.
        noted: values of attributes, by what they are for: ``cluster``, ``weight``, ``pair``, ``id``, ``seed`` and
            ``by <name>``.
    """

    wanted: Mapping[str, Attribute]
    size: int = 0
    ids: list[str | int | None] = field(default_factory=list)
    noted: dict[str, list[Hashable]] = field(default_factory=dict)

    def watch(self, dataset: Dataset) -> Iterator[Dialog]:
        """Yield the dialogs of a set, and note what is wanted of each.

        Raises:
            UserError: at the end, if none of the dialogs has an attribute that is wanted.
        """
        readers = {use: attribute_of(spec) for use, spec in self.wanted.items()}
        self.noted = {use: [] for use in (*readers, *AUTO_KEYS)}
        names: list[str] = []
        for dialog in dataset:
            for use, read in readers.items():
                self.noted[use].append(read(dialog))
            self.noted["id"].append(dialog.id)
            self.noted["seed"].append(dialog.seed)
            self.ids.append(dialog.id)
            names = names or known_names(dialog)
            self.size += 1
            yield dialog
        for use, spec in self.wanted.items():
            if self.size and all(value is None for value in self.noted[use]):
                there = f"; there are {', '.join(names[:20])}" if names else ""
                raise UserError(f"{dataset.name}: no dialog has {spec!r}, which was asked for{there}")


@dataclass(frozen=True)
class Sample:
    """The numbers of one column and one set.

    Attributes:
        result: the score's result.
        facts: what is known of the dialogs.
        share: whether its mean is the share of dialogs that pass; see :func:`are_shares`.
        rows: places of the dialogs in the set; None for all.
    """

    result: EvalResult
    facts: Facts
    share: bool = False
    rows: tuple[int, ...] | None = None

    @property
    def places(self) -> Sequence[int]:
        """Places in the set of the result's items."""
        return range(len(self.result.items)) if self.rows is None else self.rows

    @property
    def groups(self) -> list[Hashable]:
        """For each number, what it belongs to: a cluster, else its dialog."""
        clusters = self.facts.noted.get("cluster")
        where = [self.places[place] for place in self.result.groups]
        if clusters is None:
            return list(where)
        # a dialog without the attribute stands alone
        return [("alone", place) if clusters[place] is None else ("cluster", clusters[place]) for place in where]

    @property
    def clustered(self) -> bool:
        """Whether dialogs belong together."""
        return "cluster" in self.facts.noted

    @property
    def independent(self) -> bool:
        """Whether each number stands for itself: one a dialog, and no clusters."""
        return not self.clustered and len(set(self.result.groups)) == len(self.result.groups)

    @property
    def units(self) -> int:
        """How many independent clusters, or dialogs, have numbers."""
        return len(set(self.groups))

    def by_dialog(self) -> dict[int, float]:
        """Return the mean of each dialog's numbers, by its place; dialogs without any are left out."""
        numbers: dict[int, list[float]] = {}
        for value, place in zip(self.result.values, self.result.groups, strict=True):
            numbers.setdefault(self.places[place], []).append(value)
        return {place: math.fsum(own) / len(own) for place, own in numbers.items()}

    def part(self, rows: Sequence[int]) -> Sample:
        """Return the sample of the dialogs at some places of the set."""
        items: list[ItemResult] = [self.result.items[place] for place in rows]
        return Sample(EvalResult(self.result.name, items), self.facts, self.share, tuple(rows))


def are_shares(results: Sequence[EvalResult]) -> bool:
    """Return whether a score says of each dialog whether it passes, by the results of all sets.

    It does where each dialog has one value, 0 or 1, and both come up or they are whole numbers: a rate that happens to
    be 0.0 everywhere is no share.
    """
    seen: set[float] = set()
    whole = False
    for result in results:
        if len(set(result.groups)) < len(result.groups) or not set(result.values) <= {0.0, 1.0}:
            return False
        seen.update(result.values)
        whole = whole or any(isinstance(item.value, int) for item in result.items)
    return len(seen) == 2 or (bool(seen) and whole)


class Pairs(NamedTuple):
    """Numbers of two sets that belong together.

    Attributes:
        a, b: the numbers, in one order.
        groups: clusters they belong to; None if each pair stands alone.
        unit: what a pair is: ``dialog`` or ``cluster``.
        key: what the two have in common: ``id``, ``seed``, ``index``, ``pair`` (an attribute) or ``cluster``.
    """

    a: list[float]
    b: list[float]
    groups: list[Hashable] | None
    unit: str
    key: str


def pair_up(a: Sample, b: Sample, key: str | None = None) -> Pairs | None:
    """Return the dialogs of two sets as pairs, or their clusters if those are the same; None if neither fits.

    Args:
        a, b: the samples.
        key: what pairs have in common: ``index``, or one of the facts noted; None tries ids, seeds and clusters.

    Raises:
        UserError: if several dialogs of a set have the same value of what ``pair_by`` says.
    """
    if key == "index":
        return _by_dialog(a, b, {place: place for place in a.places}, {place: place for place in b.places}, key)
    for use in [key] if key else [*(["pair"] if "pair" in a.facts.noted else AUTO_KEYS)]:
        first, second = _unique(a, use), _unique(b, use)
        if first is None or second is None:
            continue
        common = first.keys() & second.keys()
        if common and (key or use == "pair" or len(common) >= _OVERLAP * max(len(first), len(second))):
            return _by_dialog(a, b, first, second, use)
    return _by_cluster(a, b) if a.clustered and key is None else None


def _unique(sample: Sample, use: str) -> dict[Hashable, int] | None:
    """Return the place of each key; None if one is missing or comes twice.

    Raises:
        UserError: if one comes twice of those that the caller asked for.
    """
    keys = sample.facts.noted[use]
    if use == "pair":
        return _asked(sample, keys)
    found = {keys[place]: place for place in sample.places}
    return found if len(found) == len(sample.places) and None not in found else None


def _asked(sample: Sample, keys: Sequence[Hashable]) -> dict[Hashable, int]:
    found: dict[Hashable, int] = {}
    for place in sample.places:
        key, ids = keys[place], sample.facts.ids
        if key in found:
            raise UserError(
                f"pair_by= gives {key!r} for dialog {ids[found[key]]} and for dialog {ids[place]} of one set; what "
                "pairs have in common comes once in each set (cluster_by= is for what comes more often)"
            )
        if key is not None:
            found[key] = place
    return found


def _by_dialog(
    a: Sample, b: Sample, first: Mapping[Hashable, int], second: Mapping[Hashable, int], key_name: str
) -> Pairs | None:
    mean_a, mean_b = a.by_dialog(), b.by_dialog()
    both = [
        (place, second[key]) for key, place in first.items()
        if key in second and place in mean_a and second[key] in mean_b
    ]  # fmt: skip
    if not both:
        return None
    clusters = a.facts.noted.get("cluster")
    groups: list[Hashable] | None = None
    if clusters is not None:
        groups = [("alone", i) if clusters[i] is None else ("cluster", clusters[i]) for i, _ in both]
    return Pairs([mean_a[place] for place, _ in both], [mean_b[place] for _, place in both], groups, "dialog", key_name)


def _by_cluster(a: Sample, b: Sample) -> Pairs | None:
    means: list[dict[Hashable, float]] = []
    for sample in (a, b):
        clusters = sample.facts.noted["cluster"]
        numbers: dict[Hashable, list[float]] = {}
        for place, value in sample.by_dialog().items():
            if clusters[place] is not None:
                numbers.setdefault(clusters[place], []).append(value)
        means.append({cluster: math.fsum(own) / len(own) for cluster, own in numbers.items()})
    common = [cluster for cluster in means[0] if cluster in means[1]]
    if len(common) < max(2, _OVERLAP * max(len(means[0]), len(means[1]))):
        return None
    return Pairs([means[0][c] for c in common], [means[1][c] for c in common], None, "cluster", "cluster")
