"""What tokens of dialogs have in common: statements about a token that are true or false, to name features by."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.interpretability.caching.recipes import Labels

_SENTENCE_ENDS = (".", "?", "!")
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_PLACES = ("first", "second", "third")
_MOST_TURNS = 3


class Phrase(str):
    """A value that is shown as it is, without quotation marks."""


@dataclass(frozen=True)
class Column:
    """What each token is in one respect; a token of which it cannot be said has None.

    Attributes:
        title: a short name, such as ``token``.
        values: one a token.
        template: how a predicate reads, with ``{}`` where the values stand.
    """

    title: str
    values: Sequence[Hashable | None]
    template: str

    def describe(self, values: Sequence[Hashable]) -> str:
        """Return what is said of a token that has one of some values.

        Example:
            >>> Column("next", [" me", None], "right before {}").describe([" me", " you"])
            'right before “ me” or “ you”'
        """
        shown = [str(one) if isinstance(one, Phrase) or not isinstance(one, str) else f"“{one}”" for one in values]
        return self.template.format(" or ".join(shown))


@dataclass(frozen=True)
class Predicate:
    """A statement about a token: what it is in one respect is one of some values.

    Attributes:
        column: title of the respect, such as ``token``.
        values: what it may be.
        text: the statement.
    """

    column: str
    values: tuple[Hashable, ...]
    text: str

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "column": self.column,
            "values": [one if isinstance(one, (int, float)) else str(one) for one in self.values],
            "text": self.text,
        }


def columns_of(
    labels: Labels, texts: Sequence[str], more: Mapping[str, Sequence[Hashable | None]] | None = None
) -> list[Column]:
    """Return in which respects tokens of dialogs are looked at, simple ones first.

    These are the token and the word that it is in; its neighbours in the turn; who says it, how far into the turn and
    the dialog; how the sentence ends; and pairs of these.

    Args:
        labels: what each token is, as a cache has it.
        texts: the tokens' texts, joined the text of each turn.
        more: further respects by name, such as the act of the sentence, with a value a token; None where there is
            nothing to say.

    Raises:
        UserError: if there is not one text, or one value of a further respect, a token.
    """
    more = more or {}
    for name, values in {"texts of them": texts, **more}.items():
        if len(values) != len(labels.columns):
            raise UserError(f"there are {len(labels.columns)} tokens and {len(values)} {name}; give one for each")
    turns = list(_turns(labels))
    role = [Phrase(one) if one else None for one in labels["role"].tolist()]
    turn = [number if 0 <= number < _MOST_TURNS else None for number in labels["turn"].tolist()]
    before, after = _shifted(texts, turns, -1), _shifted(texts, turns, 1)
    place, last, ends, words = _placed(texts, turns)
    made = [
        Column("token", texts, "the token {}"),
        Column("word", words, "in the word {}"),
        Column("role", role, "said by the {}"),
        Column("place", place, "the {} token of a turn"),
        Column("last", last, "the {} token of a turn"),
        Column("turn", turn, "in turn {} of the dialog, from 0"),
        Column("next", after, "right before {}"),
        Column("previous", before, "right after {}"),
        Column("sentence", ends, "in a sentence that ends in {}"),
        Column("token, role", _both("“{}” said by the {}", texts, role), "{}"),
        Column("place, role", _both("the {} token of a turn of the {}", place, role), "{}"),
        Column("previous, token", _both("“{}{}”", before, texts), "the end of {}"),
        Column("token, next", _both("“{}{}”", texts, after), "the start of {}"),
        Column("previous two", _both("“{}{}”", _shifted(texts, turns, -2), before), "right after {}"),
    ]
    return made + [Column(name, values, name + " is {}") for name, values in more.items()]


def _turns(labels: Labels) -> Iterator[range]:
    """Yield the rows of each turn: neighbours of one dialog, turn and role."""
    keys = list(zip(*(labels.number(name).tolist() for name in ("dialog", "turn", "role")), strict=True))
    start = 0
    for row in range(1, len(keys) + 1):
        if row == len(keys) or keys[row] != keys[start]:
            yield range(start, row)
            start = row


def _shifted(texts: Sequence[str], turns: Sequence[range], by: int) -> list[Hashable | None]:
    """Return for each token the one so many places on in its turn."""
    found: list[Hashable | None] = [None] * len(texts)
    for rows in turns:
        for row in rows:
            if row + by in rows:
                found[row] = texts[row + by]
    return found


def _placed(texts: Sequence[str], turns: Sequence[range]) -> tuple[list[Hashable | None], ...]:
    """Return for each token its place in the turn from its start, and from its end; its sentence's end; its word."""
    size = len(texts)
    place: list[Hashable | None] = [None] * size
    last: list[Hashable | None] = [None] * size
    ends: list[Hashable | None] = [None] * size
    words: list[Hashable | None] = [None] * size
    for rows in turns:
        for number, name in enumerate(_PLACES[: len(rows)]):
            place[rows[number]] = Phrase(name)
        last[rows[-1]] = Phrase("last")
        end = None
        for row in reversed(rows):
            end = texts[row].strip() if texts[row].strip() in _SENTENCE_ENDS else end
            ends[row] = end
        for row, word in zip(rows, _words([texts[row] for row in rows]), strict=True):
            words[row] = word
    return place, last, ends, words


def _words(texts: Sequence[str]) -> list[str | None]:
    """Return for each token of a turn the word that its last letter is in, in lower case."""
    whole, found, end = "".join(texts), [], 0
    owners = {at: match.group().lower() for match in _WORD.finditer(whole) for at in range(*match.span())}
    for text in texts:
        end += len(text)
        found.append(owners.get(end - 1))
    return found


def _both(template: str, first: Sequence[Hashable | None], second: Sequence[Hashable | None]) -> list[Hashable | None]:
    return [
        None if a is None or b is None else Phrase(template.format(a, b)) for a, b in zip(first, second, strict=True)
    ]
