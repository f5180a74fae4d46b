"""How likely each step of a dialog is: counts of transitions between nodes, smoothed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from sdialog.evaluation.flow.trajectories import Trajectories


class Transitions:
    """Counts of what follows what in the reference dialogs, and probabilities from them.

    Nodes are numbers; :attr:`start` and :attr:`end` stand for the two ends of a dialog. The counts are those of all
    nodes and edges, so pruning a graph for display changes no probability.

    ``P(j | i)`` is interpolated with a lower order (Witten and Bell, 1991)::

        P(j | i) = (n_ij + d_i * B(j | role of i)) / (n_i + d_i)
        B(j | r) = (n_r,role(j) + 1) / (n_r + R + 1) * n_j / n_role(j)

    where ``n_ij`` counts transitions, ``n_i`` those that leave ``i``, and ``d_i`` how many different nodes follow it;
    ``B`` first says whose turn is next, given whose it was, among ``R`` roles and the end, then which of that role's
    nodes, by how often it occurs. What was never seen is so less likely the more often ``i`` was seen and the more
    alike its successors were; and how many nodes another role has makes no difference.

    Args:
        roles: the role of each node.
        paths: for each reference dialog, the node of each utterance; one in which nothing is said counts nowhere.

    Example:
        >>> counts = Transitions(["user", "system"], [[0, 1], [0, 1], [0, 1, 0, 1]])
        >>> round(counts.probability(0, 1), 3), round(counts.probability(1, counts.end), 3)
        (0.943, 0.69)
    """

    def __init__(self, roles: Sequence[str], paths: Sequence[Sequence[int]]) -> None:
        self.roles = tuple(roles)
        self.start, self.end = len(self.roles), len(self.roles) + 1
        self.following: dict[int, Counter[int]] = {place: Counter() for place in range(len(self.roles) + 1)}
        for path in filter(None, paths):
            for one, other in zip((self.start, *path), (*path, self.end), strict=True):
                self.following[one][other] += 1
        self.leaving = {place: counts.total() for place, counts in self.following.items()}

    @classmethod
    def of(cls, trajectories: Trajectories) -> Transitions:
        """Return the transitions of a corpus."""
        return cls([node.role for node in trajectories.nodes], trajectories.paths)

    def role(self, node: int) -> str | None:
        """Return the role of a node; None for the two ends."""
        return self.roles[node] if node < len(self.roles) else None

    def seen(self, one: int, other: int) -> bool:
        """Return whether a transition occurs in the references."""
        return self.following[one][other] > 0

    def probability(self, one: int, other: int) -> float:
        """Return ``P(other | one)``; all nodes and the end together have probability 1."""
        return self.expected({one: 1.0}, {other: 1.0})

    def expected(self, before: Mapping[int, float], after: Mapping[int, float]) -> float:
        """Return the mean of ``P(j | i)``, where it is not sure which nodes ``i`` and ``j`` are.

        Args:
            before: how likely each ``i`` is; the probabilities add up to 1.
            after: how likely each ``j`` is; likewise.
        """
        total = 0.0
        rest: dict[str | None, float] = {}
        for one, share in before.items():
            counts = self.following[one]
            weight = share / (self.leaving[one] + len(counts)) if counts else 0.0
            if len(counts) < len(after):
                found = math.fsum(count * after[other] for other, count in counts.items() if other in after)
            else:
                found = math.fsum(counts[other] * chance for other, chance in after.items() if other in counts)
            total += weight * found
            left = weight * len(counts) if counts else share
            rest[self.role(one)] = rest.get(self.role(one), 0.0) + left
        for role, share in rest.items():
            total += share * sum(chance * self._lower(role, other) for other, chance in after.items())
        return total

    def _lower(self, role: str | None, other: int) -> float:
        """Return ``B(other | role)``."""
        next_role = self.role(other)
        counts = self._role_counts[role]
        # No dialog ends before it begins.
        ends = 0 if role is None else 1
        if next_role is None and not ends:
            return 0.0
        turn = (counts[next_role] + 1) / (counts.total() + len(self._role_sizes) + ends)
        return turn if next_role is None else turn * self._arrivals[other] / self._role_sizes[next_role]

    @cached_property
    def _role_counts(self) -> dict[str | None, Counter[str | None]]:
        found: dict[str | None, Counter[str | None]] = {role: Counter() for role in (None, *self.roles)}
        for one, counts in self.following.items():
            for other, count in counts.items():
                found[self.role(one)][self.role(other)] += count
        return found

    @cached_property
    def _arrivals(self) -> Counter[int]:
        return sum(self.following.values(), Counter())

    @cached_property
    def _role_sizes(self) -> Counter[str]:
        sizes = Counter[str]()
        for other, count in self._arrivals.items():
            if other != self.end:
                sizes[self.roles[other]] += count
        return sizes
