"""How much the texts of a corpus repeat one another: self-BLEU, entropy of n-grams, compression."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

from sdialog.core.errors import UserError
from sdialog.core.seeds import rng
from sdialog.evaluation.metrics.self_bleu import self_bleu as _self_bleu_of_words
from sdialog.evaluation.metrics.text import words

ORDER = 4
LARGEST = 20_000


def self_bleu(texts: Sequence[str], *, order: int = ORDER, largest: int = LARGEST, seed: int = 0) -> float | None:
    """Return the mean BLEU of each text against all the others, 0 to 1; higher is less varied.

    Zhu et al. (2018), SIGIR; the BLEU is :func:`sdialog.evaluation.metrics.self_bleu.self_bleu`. It grows with the
    number of texts: compare corpora of one size.

    Args:
        texts: one a dialog or utterance.
        order: longest n-grams.
        largest: of more texts, so many are drawn.
        seed: seed of that draw.

    Returns:
        The mean; None for fewer than two texts with a word.

    Raises:
        UserError: if the order is below 1.

    Example:
        >>> self_bleu(["Good night.", "Good night!"]), self_bleu(["Good night.", "Where is it?"])
        (1.0, 0.0)
    """
    if order < 1:
        raise UserError(f"order is at least 1, not {order}")
    chosen = texts if len(texts) <= largest else rng(seed, "self-bleu").sample(list(texts), largest)
    return _self_bleu_of_words([words(text) for text in chosen], order)


def ngram_entropy(texts: Iterable[str], n: int = 1) -> float | None:
    """Return the entropy of the n-grams of all texts together, in bits (Shannon, 1948); higher is more varied.

    It grows with the corpus until all n-grams of the language are seen: compare corpora of one size.

    Args:
        texts: n-grams do not reach from one into the next.
        n: how many words.

    Returns:
        The entropy; None without any n-gram.

    Raises:
        UserError: if n is below 1.

    Example:
        >>> ngram_entropy(["a b", "c d"]), ngram_entropy(["a a"])
        (2.0, 0.0)
    """
    if n < 1:
        raise UserError(f"n is at least 1, not {n}")
    counts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        found = words(text)
        counts.update(zip(*(found[start:] for start in range(n)), strict=False))
    total = counts.total()
    return -math.fsum(count / total * math.log2(count / total) for count in counts.values()) + 0.0 if total else None


def compression_ratio(texts: Iterable[str]) -> float | None:
    """Return how many times smaller the texts get when compressed together; higher is more repetitive.

    Shaib et al. (2024), with DEFLATE at its best level: it sees repetitions up to 32 KiB apart. It depends on the
    order of the texts and on their length: compare corpora of one size.

    Returns:
        Bytes before over bytes after; None without text.

    Example:
        >>> compression_ratio(["Where is my order?"] * 200) > compression_ratio(["Where is my order?"])
        True
    """
    packer = zlib.compressobj(9)
    before = after = 0
    for text in texts:
        data = text.encode("utf-8", "surrogatepass") + b"\n"
        before += len(data) if text else 0
        after += len(packer.compress(data)) if text else 0
    return before / (after + len(packer.flush())) if before else None
