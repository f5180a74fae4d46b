"""What a corpus has in common with another: how new it is, and what of a test set it gives away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sdialog.core.errors import UserError
from sdialog.evaluation.metrics.text import words

NGRAM = 8
CONTAMINATED = 0.7
WORST = 10

Gram = tuple[str, ...]


class Leak(NamedTuple):
    """A text of a test set, and the text of the corpus that gives most of it away.

    Attributes:
        test: place of the text in the test set.
        text: place of the text in the corpus.
        overlap: share of the test text's n-grams that are in this text of the corpus.
        exact: whether both are the same, word by word.
    """

    test: int
    text: int
    overlap: float
    exact: bool


@dataclass(frozen=True)
class Leakage:
    """How much of a test set is in a corpus.

    Attributes:
        name: what the test set is called.
        tests: how many texts with a word it has.
        comparable: how many of them have an n-gram; shorter ones can only be found whole.
        exact_rate: share of its texts that are in the corpus, word by word; None without texts.
        any_rate: share of the comparable texts with an n-gram that is in the corpus; None without any.
        contaminated_rate: share of the comparable texts with most of their n-grams in the corpus.
        mean_overlap: mean share of n-grams in the corpus.
        worst: the worst pairs, worst first.
    """

    name: str
    tests: int
    comparable: int
    exact_rate: float | None
    any_rate: float | None
    contaminated_rate: float | None
    mean_overlap: float | None
    worst: tuple[Leak, ...]


def novelty(texts: Iterable[str], reference: Iterable[str], *, n: int = 4) -> float | None:
    """Return the share of the n-grams of texts that are nowhere in a reference.

    McCoy et al. (2023), TACL. An n-gram that comes more than once counts as often.

    Args:
        texts: n-grams do not reach from one into the next.
        reference: what they are compared with, such as the seeds or the training set.
        n: how many words.

    Returns:
        The share; None if the texts have no n-gram.

    Raises:
        UserError: if n is below 1.

    Example:
        >>> novelty(["where is my order", "where is it"], ["Where is it?"], n=2)
        0.4
    """
    _check(n)
    known = {gram for text in reference for gram in _grams(words(text), n)}
    new = total = 0
    for text in texts:
        for gram in _grams(words(text), n):
            total += 1
            new += gram not in known
    return new / total if total else None


def leakage(
    texts: Iterable[str],
    test_set: Sequence[str],
    *,
    name: str = "test set",
    n: int = NGRAM,
    contaminated: float = CONTAMINATED,
    worst: int = WORST,
) -> Leakage:
    """Return how much of a test set is in a corpus, and where.

    A test text is looked up whole and by its n-grams, without regard to letter case and punctuation. Shares of 8-grams
    with 70 % as the limit are those of Chowdhery et al. (2022), and any common 13-gram is the rule of Brown et al.
    (2020).

    Args:
        texts: the corpus; read once, so that it may be an iterator.
        test_set: texts that the corpus should not hold.
        name: what the test set is called in reports.
        n: how many words.
        contaminated: share of n-grams from which on a test text counts as given away.
        worst: how many pairs to return.

    Raises:
        UserError: if n is below 1 or the share not above 0.

    Example:
        >>> found = leakage(["Hello! Where is my order?"], ["where is my order", "good night"], n=3)
        >>> found.exact_rate, found.any_rate, found.worst
        (0.0, 1.0, (Leak(test=0, text=0, overlap=1.0, exact=False),))
    """
    _check(n)
    if not 0 < contaminated <= 1:
        raise UserError(f"contaminated is a share above 0, not {contaminated}")
    tests = {place: tuple(found) for place, text in enumerate(test_set) if (found := words(text))}
    grams = {place: set(_grams(found, n)) for place, found in tests.items() if len(found) >= n}
    given: dict[int, set[Gram]] = {place: set() for place in grams}
    best: dict[int, Leak] = {}
    for leak, shared in _leaks(texts, tests, grams, n):
        if leak.test in given:
            given[leak.test] |= shared
        known = best.get(leak.test)
        if known is None or (leak.exact, leak.overlap) > (known.exact, known.overlap):
            best[leak.test] = leak
    overlaps = [len(given[place]) / len(own) for place, own in grams.items()]
    ranked = sorted(best.values(), key=lambda leak: (-leak.exact, -leak.overlap, leak.test))
    return Leakage(
        name=name,
        tests=len(tests),
        comparable=len(grams),
        exact_rate=_share([place in best and best[place].exact for place in tests]),
        any_rate=_share([overlap > 0 for overlap in overlaps]),
        contaminated_rate=_share([overlap >= contaminated for overlap in overlaps]),
        mean_overlap=_share(overlaps),
        worst=tuple(ranked[:worst]),
    )


def _leaks(
    texts: Iterable[str], tests: Mapping[int, Gram], grams: Mapping[int, set[Gram]], n: int
) -> Iterator[tuple[Leak, set[Gram]]]:
    """Yield each pair of a test text and a text of the corpus that have something in common, and what."""
    holders: dict[Gram, list[int]] = {}
    for place, own in grams.items():
        for gram in own:
            holders.setdefault(gram, []).append(place)
    whole: dict[Gram, list[int]] = {}
    for place, test in tests.items():
        whole.setdefault(test, []).append(place)
    for number, text in enumerate(texts):
        spoken = tuple(words(text))
        shared: dict[int, set[Gram]] = {place: set() for place in whole.get(spoken, ())}
        for gram in holders.keys() & set(_grams(spoken, n)):
            for place in holders[gram]:
                shared.setdefault(place, set()).add(gram)
        for place, common in shared.items():
            exact = tests[place] == spoken
            yield Leak(place, number, 1.0 if exact else len(common) / len(grams[place]), exact), common


def _grams(tokens: Sequence[str], n: int) -> Iterator[Gram]:
    return zip(*(tokens[start:] for start in range(n)), strict=False)


def _share(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _check(n: int) -> None:
    if n < 1:
        raise UserError(f"n is at least 1, not {n}")
