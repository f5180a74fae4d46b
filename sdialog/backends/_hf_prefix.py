"""Beginnings that prompts of one batch have in common, such as one agent's instructions in many dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class SharedPrefix(NamedTuple):
    """Rows that begin alike, and how many tokens they share."""

    rows: list[int]
    length: int


def shared_prefixes(prompts: Sequence[Sequence[int]], worth: int) -> list[SharedPrefix]:
    """Find rows whose common beginning is worth computing once.

    Args:
        prompts: token ids of each row.
        worth: least number of tokens that sharing must spare.

    Returns:
        Disjoint groups. The last token of a prompt is never part of what is shared.

    Example:
        >>> shared_prefixes([[1, 2, 3, 4], [9, 9], [1, 2, 3, 5], [1, 2, 3, 6]], worth=5)
        [SharedPrefix(rows=[0, 2, 3], length=3)]
    """
    order = sorted(range(len(prompts)), key=lambda row: list(prompts[row]))
    same = [0, *(_common(prompts[a], prompts[b]) for a, b in pairwise(order)), 0]
    groups: list[SharedPrefix] = []
    for place, row in enumerate(order):
        # Neighbours that share much less than others here do would cut a longer common beginning short.
        if place and same[place] >= 0.75 * max(same[place - 1], same[place + 1]):
            groups[-1] = SharedPrefix([*groups[-1].rows, row], min(same[place], groups[-1].length))
        else:
            groups.append(SharedPrefix([row], len(prompts[row])))
    return [group for group in groups if (len(group.rows) - 1) * group.length >= worth]


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    most = min(len(a), len(b)) - 1
    return next((i for i in range(most) if a[i] != b[i]), most)
