"""How much the utterances of one dialog are like one another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import chain

ORDER = 4


def self_bleu(turns: Sequence[Sequence[Hashable]], order: int = ORDER) -> float | None:
    """Return the mean BLEU of each utterance against all the others, 0 to 1; higher is more alike.

    Self-BLEU is of Zhu et al. (2018), SIGIR, and BLEU of Papineni et al. (2002), ACL: the geometric mean of the clipped
    n-gram precisions, times the penalty for being shorter than the other that is nearest in length. Precisions above
    unigrams are smoothed by adding 1 above and below (Lin and Och, 2004, ACL). An utterance of fewer words than the
    order is compared by as many orders as it has words. None for fewer than two utterances with a word.

    Args:
        turns: words of each utterance.
        order: longest n-grams.

    Example:
        >>> self_bleu([["a", "b"], ["a", "b"]]), self_bleu([["a", "b"], ["c", "d"]])
        (1.0, 0.0)
    """
    spoken = [turn for turn in turns if turn]
    if len(spoken) < 2:
        return None
    logarithms = [0.0] * len(spoken)
    for n in range(1, order + 1):
        smoothing = 0 if n == 1 else 1
        for place, hits in enumerate(_clipped_hits(spoken, n)):
            grams = len(spoken[place]) - n + 1
            if grams > 0:
                logarithms[place] += _log((hits + smoothing) / (grams + smoothing))
    lengths = Counter(map(len, spoken))
    brevity = {length: _brevity(lengths, length) for length in lengths}
    return math.fsum(
        math.exp(logarithm / min(order, len(turn))) * brevity[len(turn)]
        for turn, logarithm in zip(spoken, logarithms, strict=True)
    ) / len(spoken)


def _clipped_hits(turns: Sequence[Sequence[Hashable]], n: int) -> list[int]:
    """Return for each utterance how many of its n-grams another has, each at most as often as one other has it."""
    grams = [Counter(zip(*(turn[start:] for start in range(n)), strict=False)) for turn in turns]
    holders = Counter(chain.from_iterable(grams))
    shared = {gram for gram, count in holders.items() if count > 1}
    highest: dict[Hashable, tuple[int, int, int]] = {}  # most, by whom, second most
    held = [shared.intersection(counts) for counts in grams]
    for place, mine in enumerate(held):
        for gram in mine:
            count, (most, who, second) = grams[place][gram], highest.get(gram, (0, -1, 0))
            highest[gram] = (count, place, most) if count > most else (most, who, max(second, count))
    hits = [0] * len(turns)
    for place, mine in enumerate(held):
        for gram in mine:
            most, who, second = highest[gram]
            hits[place] += min(grams[place][gram], second if who == place else most)
    return hits


def _log(share: float) -> float:
    return math.log(share) if share > 0 else -math.inf


def _brevity(lengths: Counter[int], own: int) -> float:
    """Return the penalty for being shorter than the other utterance that is nearest in length."""
    if lengths[own] > 1:
        return 1.0
    nearest = min((abs(length - own), length) for length in lengths if length != own)[1]
    return 1.0 if own >= nearest else math.exp(1 - nearest / own)
