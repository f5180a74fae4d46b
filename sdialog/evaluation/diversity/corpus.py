"""All that says how varied a corpus of dialogs is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdialog.evaluation.distances.samples import drawn
from sdialog.evaluation.diversity.duplicates import Duplicate, near_duplicates
from sdialog.evaluation.diversity.repetition import compression_ratio, ngram_entropy, self_bleu
from sdialog.evaluation.diversity.vendi import vendi_score
from sdialog.evaluation.embeddings.choice import get_embedder
from sdialog.evaluation.metrics.text import joined, utterances

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.embeddings.base import BaseDialogEmbedder

LARGEST = 20_000


@dataclass(frozen=True)
class CorpusDiversity:
    """How varied a corpus is. All but the rate depend on its size: compare corpora of one size.

    Attributes:
        dialogs: how many dialogs.
        utterances: how many utterances.
        vendi: effective number of different dialogs (:func:`~sdialog.evaluation.diversity.vendi.vendi_score`).
        self_bleu: how much the utterances are like one another, 0 to 1.
        entropy_1, entropy_2: entropy of words and of pairs of words, in bits.
        compression: how many times smaller the text gets.
        near_duplicate_rate: share of the dialogs that are nearly the same as an earlier one.
        duplicates: those dialogs, with the earlier one of each.
    """

    dialogs: int
    utterances: int
    vendi: float | None
    self_bleu: float | None
    entropy_1: float | None
    entropy_2: float | None
    compression: float | None
    near_duplicate_rate: float | None
    duplicates: tuple[Duplicate, ...]


def corpus_diversity(
    dialogs: Iterable[Dialog],
    *,
    embedder: BaseDialogEmbedder | Callable[[list[str]], ArrayLike] | str | None = None,
    ai_speaker: str | None = None,
    threshold: float = 0.8,
    seed: int = 0,
) -> CorpusDiversity:
    """Return how varied a corpus is.

    Args:
        dialogs: the corpus.
        embedder: for the Vendi score; see :func:`~sdialog.evaluation.embeddings.choice.get_embedder`.
        ai_speaker: read only what this speaker says; an embedder that is given has a speaker of its own.
        threshold: least Jaccard index of near duplicates.
        seed: seed of what is drawn from a large corpus.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> said = ["Where is my order?", "Where is my order?", "I lost my card."]
        >>> found = corpus_diversity([Dialog(turns=[Turn(text=text)]) for text in said])
        >>> found.dialogs, round(found.near_duplicate_rate, 2), 1 < found.vendi < 2
        (3, 0.33, True)
    """
    held = list(dialogs)
    chosen = get_embedder(embedder, ai_speaker=ai_speaker)
    said = [utterances(dialog, ai_speaker) for dialog in held]
    flat = [text for own in said for text in own]
    duplicates = near_duplicates([joined(own) for own in said], threshold, seed=seed)
    return CorpusDiversity(
        dialogs=len(held),
        utterances=len(flat),
        vendi=vendi_score(drawn(chosen.embed_dialogs(held), LARGEST, seed, "vendi")) if held else None,
        self_bleu=self_bleu(flat, seed=seed),
        entropy_1=ngram_entropy(flat),
        entropy_2=ngram_entropy(flat, 2),
        compression=compression_ratio(flat),
        near_duplicate_rate=len(duplicates) / len(held) if held else None,
        duplicates=tuple(duplicates),
    )
