"""The word lists of the metrics: files of entries under headings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from sdialog.core.errors import UnknownNameError

FOLDER = Path(__file__).resolve().parent / "words"


@lru_cache(maxsize=16)
def word_list(name: str) -> dict[str, tuple[str, ...]]:
    """Return the entries of a list by heading: words and phrases in lower case, in order, none twice.

    Args:
        name: the file's name, without its ending.

    Raises:
        UnknownNameError: if there is no such list.

    Example:
        >>> word_list("function_words")["articles"]
        ('a', 'an', 'the')
    """
    path = FOLDER / f"{name}.txt"
    if not path.is_file():
        raise UnknownNameError("word list", name, (file.stem for file in FOLDER.glob("*.txt")))
    lists: dict[str, dict[str, None]] = {}
    heading: dict[str, None] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            heading = lists.setdefault(line.strip("[] "), {})
        elif not line.startswith("#"):
            heading.update(dict.fromkeys(filter(None, map(str.strip, line.split(",")))))
    return {title: tuple(entries) for title, entries in lists.items()}


class Phrases:
    """Finds any of many phrases in a row of words, by their first words.

    Args:
        phrases: words or phrases in lower case, words separated by blanks.

    Example:
        >>> phrases = Phrases(["i mean", "no"])
        >>> phrases.count("no i mean it".split()), phrases.begin("i mean it".split())
        (2, True)
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        for phrase in phrases:
            first, *rest = phrase.split()
            self._by_first.setdefault(first, []).append(rest)
        for rests in self._by_first.values():
            rests.sort(key=len, reverse=True)
        self._firsts = frozenset(self._by_first)

    def count(self, words: Sequence[str]) -> int:
        """Return how many phrases there are, the longest where several begin; none overlap."""
        if self._firsts.isdisjoint(words):
            return 0
        found = place = 0
        while place < len(words):
            length = self._length(words, place)
            found += length > 0
            place += length or 1
        return found

    def places(self, words: Sequence[str]) -> set[int]:
        """Return the places of all words that belong to one.

        Example:
            >>> Phrases(["kind of"]).places("a kind of lamp".split())
            {1, 2}
        """
        if self._firsts.isdisjoint(words):
            return set()
        lengths = ((place, self._length(words, place)) for place, word in enumerate(words) if word in self._firsts)
        return {place + step for place, length in lengths for step in range(length)}

    def within(self, words: Sequence[str]) -> bool:
        """Return whether there is one."""
        if self._firsts.isdisjoint(words):
            return False
        return any(word in self._firsts and self._length(words, place) > 0 for place, word in enumerate(words))

    def begin(self, words: Sequence[str]) -> bool:
        """Return whether the words begin with one."""
        return bool(words) and self._length(words, 0) > 0

    def _length(self, words: Sequence[str], place: int) -> int:
        """Return the number of words of the phrase that begins at a place, 0 if none does."""
        for rest in self._by_first.get(words[place], ()):
            if list(words[place + 1 : place + 1 + len(rest)]) == rest:
                return 1 + len(rest)
        return 0
