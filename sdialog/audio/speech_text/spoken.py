"""A text as an engine reads it, that still knows which token of the dialog each of its words came from."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sdialog.audio.sound import Phoneme, Word

Span = tuple[int, int]
Rule = Callable[["re.Match[str]"], str | None]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some tokens of the dialog, one after the other, and the number of words that they are read as.

    Attributes:
        tokens: as the dialog writes them; usually one.
        words: how many words of the spoken text stand for them; none for what is not said.
    """

    tokens: tuple[str, ...]
    words: int


class SpokenText(str):
    """What an engine reads for a text; a string that also knows the tokens of the text.

    Attributes:
        pieces: the tokens of the original text in order, with the number of spoken words of each.

    Example:
        >>> spoken = SpokenText("it costs five dollars", (Piece(("It",), 1), Piece(("costs",), 1), Piece(("$5",), 2)))
        >>> words = [Word(text, i / 2, i / 2 + 0.5) for i, text in enumerate(spoken.split())]
        >>> [(word.text, word.start, word.end) for word in spoken.timed(words)]
        [('It', 0.0, 0.5), ('costs', 0.5, 1.0), ('$5', 1.0, 2.0)]
    """

    pieces: tuple[Piece, ...]

    def __new__(cls, text: str, pieces: Sequence[Piece]) -> SpokenText:
        """Return the text with its pieces."""
        made = super().__new__(cls, text)
        made.pieces = tuple(pieces)
        return made

    def __getnewargs__(self) -> tuple[str, tuple[Piece, ...]]:  # type: ignore[override]
        return str(self), self.pieces

    def timed(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Return the tokens of the original text with their times.

        Args:
            words: the times of the spoken words, in order, one a word of this text.

        Returns:
            One word a token, in order. A token that is not said (an emoji, a stage direction) has no length. Tokens
            that are read together share their time by the length of their letters.
        """
        made: list[Word] = []
        at, used = (words[0].start if words else 0.0), 0
        for piece in self.pieces:
            said = words[used : used + piece.words]
            used += piece.words
            start, end = (said[0].start, said[-1].end) if said else (at, at)
            made += _shared(piece.tokens, said, start, end)
            at = end
        return tuple(made)


def _shared(tokens: tuple[str, ...], said: Sequence[Word], start: float, end: float) -> list[Word]:
    if len(tokens) == len(said):
        return [replace(word, text=token) for token, word in zip(tokens, said, strict=True)]
    sounds = tuple(sound for word in said for sound in word.phonemes)
    if len(tokens) == 1:
        return [Word(tokens[0], start, end, sounds)]
    total = sum(len(token) for token in tokens)
    made, now = [], start
    for number, token in enumerate(tokens):
        until = end if number == len(tokens) - 1 else min(now + (end - start) * len(token) / total, end)
        made.append(Word(token, now, until, _between(sounds, now, until, number == len(tokens) - 1)))
        now = until
    return made


def _between(sounds: tuple[Phoneme, ...], start: float, end: float, last: bool) -> tuple[Phoneme, ...]:
    # A sound belongs where it begins, so that none is counted twice; it may end in the next token.
    return tuple(sound for sound in sounds if start <= sound.start < end or (last and sound.start >= end))


class Draft:
    """A text being rewritten, each character of which knows where in the original it came from.

    Args:
        text: the original.

    Example:
        >>> draft = Draft("about 5km :)")
        >>> draft.rewrite(r"(\\d)km", lambda match: f"{match[1]} kilometers")
        >>> draft.rewrite(r":\\)", lambda match: "")
        >>> spoken = draft.finished()
        >>> str(spoken), [(piece.tokens, piece.words) for piece in spoken.pieces]
        ('about 5 kilometers', [(('about',), 1), (('5km',), 2), ((':)',), 0)])
    """

    def __init__(self, text: str) -> None:
        self.original = text
        self.text = text
        self._origins: list[Span] = [(place, place + 1) for place in range(len(text))]

    def rewrite(self, pattern: str | re.Pattern[str], rule: Rule) -> None:
        """Replace each match by what the rule makes of it; None leaves the match as it is."""
        parts: list[str] = []
        origins: list[Span] = []
        done = 0
        for match in re.finditer(pattern, self.text):
            made = rule(match)
            if made is None or match.end() == match.start():
                continue
            parts.append(self.text[done : match.start()])
            origins += self._origins[done : match.start()]
            span = (self._origins[match.start()][0], self._origins[match.end() - 1][1])
            parts.append(made)
            origins += [span] * len(made)
            done = match.end()
        parts.append(self.text[done:])
        origins += self._origins[done:]
        self.text, self._origins = "".join(parts), origins

    def finished(self) -> SpokenText:
        """Return the text, single spaces between its words, with its pieces."""
        words = list(re.finditer(r"\S+", self.text))
        origins = [self._origins[word.start() : word.end()] for word in words]
        spans = [(origin[0][0], max(end for _, end in origin)) for origin in origins]
        return SpokenText(" ".join(word.group() for word in words), _pieces(self.original, spans))


def _pieces(original: str, spans: Sequence[Span]) -> list[Piece]:
    """Group tokens and spoken words that share characters; both are in order, so one pass does."""
    tokens = [(match.group(), match.start(), match.end()) for match in re.finditer(r"\S+", original)]
    pieces: list[Piece] = []
    word = place = 0
    while place < len(tokens):
        first, begun, end = place, word, tokens[place][2]
        place += 1
        while word < len(spans) and spans[word][0] < end:
            end = max(end, spans[word][1])
            word += 1
            while place < len(tokens) and tokens[place][1] < end:
                end = max(end, tokens[place][2])
                place += 1
        pieces.append(Piece(tuple(token for token, _, _ in tokens[first:place]), word - begun))
    return pieces


def by_token(tokens: Sequence[str], said: Sequence[tuple[int, Word]]) -> tuple[Word, ...]:
    """Return every token with a time, where an engine told the times of some of them.

    A token with a letter or digit that the engine passed over was read together with its neighbour, and shares that
    one's time; other tokens are not said and have no length.

    Args:
        tokens: of the text.
        said: number of a token and when it is said; in order, each token once at most.

    Example:
        >>> words = by_token("deja vu , no".split(), [(0, Word("", 0.0, 0.6)), (3, Word("", 0.9, 1.2))])
        >>> [(word.text, round(word.start, 2), round(word.end, 2)) for word in words]
        [('deja', 0.0, 0.4), ('vu', 0.4, 0.6), (',', 0.6, 0.6), ('no', 0.9, 1.2)]
    """
    spoken = {index for index, _ in said}
    groups: list[tuple[list[str], int]] = []
    waiting: list[str] = []
    for index, token in enumerate(tokens):
        if index in spoken:
            groups.append(([*waiting, token], 1))
            waiting = []
        elif waiting:
            waiting.append(token)
        elif not any(letter.isalnum() for letter in token):
            groups.append(([token], 0))
        elif any(count for _, count in groups):
            last = max(number for number, (_, count) in enumerate(groups) if count)
            # Marks in between go along, so that the tokens keep their order.
            groups[last:] = [([word for group, _ in groups[last:] for word in group] + [token], 1)]
        else:
            waiting.append(token)
    groups += [([token], 0) for token in waiting]
    pieces = [Piece(tuple(words), count) for words, count in groups]
    return SpokenText(" ".join(tokens), pieces).timed([word for _, word in said])


def aligned(text: str, spoken: str) -> SpokenText:
    """Return a spoken text with the pieces of an original, found by comparing them.

    For engines whose ``normalize`` returns a plain string: equal words belong together, what lies between them is
    one piece.

    Args:
        text: the original.
        spoken: what an engine reads for it.

    Example:
        >>> [(piece.tokens, piece.words) for piece in aligned("He paid $5 today.", "he paid five dollars today").pieces]
        [(('He',), 1), (('paid',), 1), (('$5',), 2), (('today.',), 1)]
    """
    tokens, words = text.split(), spoken.split()
    matcher = difflib.SequenceMatcher(None, [_bare(t) for t in tokens], [_bare(w) for w in words], autojunk=False)
    pieces: list[Piece] = []
    for kind, first, last, begin, end in matcher.get_opcodes():
        if kind == "equal" or (kind == "replace" and last - first == end - begin):
            pieces += [Piece((token,), 1) for token in tokens[first:last]]
        elif kind == "insert":
            pieces.append(Piece((), end - begin))
        elif kind == "delete":
            pieces += [Piece((token,), 0) for token in tokens[first:last]]
        else:
            pieces.append(Piece(tuple(tokens[first:last]), end - begin))
    return SpokenText(" ".join(words), pieces)


def _bare(word: str) -> str:
    return re.sub(r"\W", "", word).casefold() or word
