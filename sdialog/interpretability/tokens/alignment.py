"""Which token of one conversation stands for which of another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.running._inputs import Tokens

Align = Literal["exact", "first", "last"]
ALIGNMENTS = ("exact", "first", "last")


def partners(one: Tokens, other: Tokens, align: Align = "exact") -> dict[int, int]:
    """Return for tokens of one conversation the tokens of another that stand in the same place.

    Bare token ids have to be equally many. Conversations are aligned by turn: stretches of tokens of the same message
    and part stand for each other, token by token.

    Args:
        one: the conversation whose tokens are looked up.
        other: the other.
        align: what becomes of a stretch that is longer in one of them: with ``exact`` it is an error, with ``first``
            the first tokens of both stand for each other and with ``last`` the last ones; the others have no partner.

    Returns:
        From positions in the one to positions in the other.

    Raises:
        UserError: if they have not the same messages, or not equally many tokens.
    """
    if align not in ALIGNMENTS:
        raise UnknownNameError("alignment", str(align), ALIGNMENTS)
    stretches = [_stretches(tokens) for tokens in (one, other)]
    names = [[name for name, _ in found] for found in stretches]
    if names[0] != names[1]:
        place = next(
            (n for n, pair in enumerate(zip(*names, strict=False)) if pair[0] != pair[1]), min(map(len, names))
        )
        told = [found[place] if place < len(found) else "its end" for found in names]
        raise UserError(
            f"the two conversations differ in more than words: after {place} stretches of tokens, the one has "
            f"{told[0]} and the other {told[1]}. They need the same messages by the same roles"
        )
    found: dict[int, int] = {}
    for (name, here), (_, there) in zip(*stretches, strict=True):
        if len(here) != len(there) and align == "exact":
            what = f" of {name}" if one.rendering.messages else ""
            raise UserError(
                f"the tokens{what} are {len(here)} in one conversation and {len(there)} in the other, so that none "
                "stands for another; choose texts of equal length, or align='last' or 'first'"
            )
        count = min(len(here), len(there))
        cut = slice(len(here) - count, None) if align == "last" else slice(count)
        other_cut = slice(len(there) - count, None) if align == "last" else slice(count)
        found.update(zip(here[cut], there[other_cut], strict=True))
    return found


def _stretches(tokens: Tokens) -> list[tuple[str, Sequence[int]]]:
    """Return the tokens by what they belong to, in order."""
    labels = tokens.rendering.labels

    def name(position: int) -> str:
        label = labels[position]
        return label.part if label.message is None else f"message {label.message} ({label.role}, {label.part})"

    return [(one, list(members)) for one, members in groupby(range(len(tokens)), name)]
