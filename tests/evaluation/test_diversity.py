"""Diversity: known values, exactness against all pairs, and what shared texts give away."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import UserError
from sdialog.evaluation.distances.corpus import corpus_distances
from sdialog.evaluation.diversity.corpus import corpus_diversity
from sdialog.evaluation.diversity.duplicates import (
    near_duplicate_rate,
    near_duplicates,
    near_duplicates_by_embedding,
)
from sdialog.evaluation.diversity.overlap import leakage, novelty
from sdialog.evaluation.diversity.repetition import compression_ratio, ngram_entropy, self_bleu
from sdialog.evaluation.diversity.vendi import vendi_score

WORDS = ["order", "card", "lost", "please", "where", "when", "now", "money", "back", "agent", "wait", "name", "number"]


def sentences(count: int, seed: int = 1, length: int = 8) -> list[str]:
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, length)) for _ in range(count)]


# -- Vendi score


@given(st.integers(1, 12), st.integers(1, 5))
def test_vendi_score_counts_what_is_different(different: int, copies: int) -> None:
    # Friedman and Dieng (2023): 1 for identical items, n for items that have nothing in common
    embeddings = np.repeat(np.eye(12)[:different], copies, axis=0) * 3
    assert vendi_score(embeddings) == pytest.approx(different)


def test_vendi_score_worked_by_hand() -> None:
    # two items of cosine 0.6: K / 2 has the eigenvalues 0.8 and 0.2
    expected = math.exp(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)))
    assert vendi_score([[1, 0], [0.6, 0.8]]) == pytest.approx(expected)


def test_vendi_score_is_the_same_through_both_matrices_and_in_any_order() -> None:
    wide = np.random.default_rng(1).normal(size=(10, 40))
    padded = np.vstack([wide, np.zeros((5, 40))])
    assert vendi_score(padded) == pytest.approx(vendi_score(wide))
    tall = np.random.default_rng(2).normal(size=(40, 10))
    unit = tall / np.linalg.norm(tall, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / 40)
    values = values[values > 1e-12]
    assert vendi_score(tall) == pytest.approx(np.exp(-(values * np.log(values)).sum()))
    assert vendi_score(tall[::-1]) == pytest.approx(vendi_score(tall))
    assert vendi_score(np.zeros((3, 2))) is None


# -- repetition


def test_self_bleu_rises_with_repetition_and_needs_two_texts() -> None:
    varied, same = sentences(50), ["where is my order now"] * 50
    half = varied[:25] + same[:25]
    low, middle, high = self_bleu(varied), self_bleu(half), self_bleu(same)
    assert low is not None and middle is not None and high is not None
    assert low < middle < high == pytest.approx(1)
    assert self_bleu(["a b"]) is None and self_bleu(["a b", "..."]) is None
    drawn = self_bleu(varied, largest=20)
    assert drawn == self_bleu(varied, largest=20) and drawn != self_bleu(varied, largest=20, seed=1)
    with pytest.raises(UserError):
        self_bleu(varied, order=0)


def test_entropy_of_ngrams_worked_by_hand() -> None:
    assert ngram_entropy(["a b c d", "a b c d"]) == pytest.approx(2)
    # of a, a, a, b: 3/4 log2(4/3) + 1/4 log2 4
    assert ngram_entropy(["a a a b"]) == pytest.approx(0.75 * math.log2(4 / 3) + 0.5)
    assert ngram_entropy(["a b", "b c"], 2) == pytest.approx(1)
    assert ngram_entropy(["a"], 2) is None and ngram_entropy([]) is None
    with pytest.raises(UserError):
        ngram_entropy(["a"], 0)


def test_compression_rises_with_repetition() -> None:
    varied = compression_ratio(sentences(200))
    same = compression_ratio(sentences(1) * 200)
    assert varied is not None and same is not None and 1 < varied < same
    assert compression_ratio([]) is None and compression_ratio(["", ""]) is None
    assert compression_ratio(["caf\u00e9 \ud800"]) is not None


# -- near duplicates


def jaccard(one: str, other: str, size: int = 5) -> float:
    sets = [{text[at : at + size] for at in range(max(1, len(text) - size + 1))} for text in (one, other)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.7, 0.8, 0.9]))
def test_near_duplicates_are_those_of_all_pairs(seed: int, threshold: float) -> None:
    draw = np.random.default_rng(seed)
    texts = sentences(15, seed, 12)
    for _ in range(25):
        changed = texts[draw.integers(len(texts))].split()
        changed[draw.integers(len(changed))] = "other" if draw.random() < 0.5 else "lost"
        texts.append(" ".join(changed))
    expected = {
        place
        for place in range(len(texts))
        if any(jaccard(texts[place], texts[earlier]) >= threshold for earlier in range(place))
    }
    found = near_duplicates(texts, threshold)
    for one in found:
        assert one.earlier < one.place and one.similarity >= threshold
        assert one.similarity == pytest.approx(jaccard(texts[one.place], texts[one.earlier]))
    assert {one.place for one in found} <= expected
    # a pair is missed with the chance that minhash leaves
    assert len(found) >= 0.9 * len(expected)


def test_case_and_white_space_make_no_difference_and_empty_texts_are_nobodys() -> None:
    found = near_duplicates(["Where is it?", "", "where  is IT?", "", "Yes.", "yes."], threshold=1.0)
    assert [(one.place, one.earlier) for one in found] == [(2, 0), (5, 4)]


def test_the_rate_is_what_a_clean_up_takes_away() -> None:
    texts = sentences(100, length=20)
    assert near_duplicate_rate(texts) == 0
    assert near_duplicate_rate(texts + texts[:50]) == pytest.approx(1 / 3)
    assert near_duplicate_rate([f"Thank you for your patience, number {n}" for n in range(60)]) > 0.9  # type: ignore[operator]
    assert near_duplicate_rate([]) is None
    for wrong in ({"threshold": 0}, {"threshold": 1.1}, {"shingle": 0}):
        with pytest.raises(UserError):
            near_duplicates(["a"], **wrong)  # type: ignore[arg-type]


def test_near_duplicates_by_embedding_are_the_nearest_earlier_ones() -> None:
    vectors = np.random.default_rng(1).normal(size=(2500, 8))
    vectors[7] = 0
    vectors[2000] = vectors[3] * 2
    vectors[2001], vectors[2400] = vectors[2000] + 1e-4, 0
    found = near_duplicates_by_embedding(vectors, threshold=0.999)
    places = {one.place: one for one in found}
    assert places[2000].earlier == 3 and places[2000].similarity == pytest.approx(1)
    assert places[2001].earlier in (3, 2000) and 2400 not in places and 7 not in places
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    cosines = np.tril(unit @ unit.T, -1)
    assert set(places) == set(np.flatnonzero(cosines.max(axis=1) >= 0.999))
    with pytest.raises(UserError):
        near_duplicates_by_embedding(vectors, threshold=2)


# -- overlap


def test_novelty_is_the_share_of_ngrams_that_are_new() -> None:
    assert novelty(["a b c d e"], ["a b c d x"], n=4) == 0.5
    assert novelty(["a b c d"], []) == 1 and novelty(["a b c d"], ["A, b! c? d"]) == 0
    assert novelty(["a b"], ["a b"], n=4) is None
    with pytest.raises(UserError):
        novelty([], [], n=0)


def test_leakage_finds_whole_texts_and_parts_of_them() -> None:
    tests = ["one two three four five six", "seven eight nine ten eleven", "yes", "alpha beta gamma delta", "..."]
    corpus = iter(["Well: one two three four, five!", "Seven eight nine ten ELEVEN.", "Yes!", "six five four"])
    found = leakage(corpus, tests, name="golden", n=3)
    assert (found.name, found.tests, found.comparable) == ("golden", 4, 3)
    assert found.exact_rate == 2 / 4 and found.any_rate == 2 / 3
    # 3 of the 4 trigrams of the first are in the corpus, all of the second, none of the fourth
    assert found.mean_overlap == pytest.approx((0.75 + 1 + 0) / 3) and found.contaminated_rate == 2 / 3
    assert [(leak.test, leak.text, leak.overlap, leak.exact) for leak in found.worst] == [
        (1, 1, 1.0, True),
        (2, 2, 1.0, True),
        (0, 0, 0.75, False),
    ]
    assert len(leakage(["yes"], tests, worst=0).worst) == 0


def test_parts_given_away_by_several_texts_add_up() -> None:
    found = leakage(["a b c x", "c d e", "b c d"], ["a b c d e"], n=3)
    assert found.mean_overlap == 1 and found.worst[0].overlap == pytest.approx(1 / 3)


def test_nothing_to_leak_has_no_rates() -> None:
    empty = leakage(["a b c"], [])
    assert empty.exact_rate is None and empty.any_rate is None and empty.mean_overlap is None
    short = leakage(["a b c"], ["a b"], n=3)
    assert short.exact_rate == 0 and short.any_rate is None
    with pytest.raises(UserError):
        leakage([], [], contaminated=0)


# -- corpora of dialogs


def corpus(texts: list[str]) -> list[Dialog]:
    return [
        Dialog(turns=[Turn(speaker="Riley", text=text), Turn(speaker="Ava", text=f"I see, {text}")]) for text in texts
    ]


def test_diversity_of_a_corpus() -> None:
    varied, same = corpus_diversity(corpus(sentences(60, length=15))), corpus_diversity(corpus(sentences(1) * 60))
    assert varied.dialogs == same.dialogs == 60 and varied.utterances == 120
    assert varied.vendi > 5 * same.vendi and same.vendi == pytest.approx(1)  # type: ignore[operator]
    assert varied.near_duplicate_rate == 0 and same.near_duplicate_rate == pytest.approx(59 / 60)
    assert varied.self_bleu < same.self_bleu and varied.compression < same.compression  # type: ignore[operator]
    assert varied.entropy_2 > same.entropy_2  # type: ignore[operator]
    one = corpus_diversity(corpus(["a b c"]), ai_speaker="ava")
    assert one.utterances == 1 and one.self_bleu is None
    empty = corpus_diversity([])
    assert vendi_score([]) is None and near_duplicates_by_embedding([]) == []
    assert empty.vendi is None and empty.near_duplicate_rate is None and empty.dialogs == 0


def test_distances_of_corpora_tell_another_topic_from_another_sample() -> None:
    reference, again = corpus(sentences(80, 1)), corpus(sentences(80, 2))
    other = corpus([f"{text} weather rain" for text in sentences(80, 3)])
    near, far = corpus_distances(reference, again), corpus_distances(reference, other)
    assert near.mmd.p_value > 0.01 >= far.mmd.p_value  # type: ignore[union-attr, operator]
    assert near.frechet.distance < far.frechet.distance  # type: ignore[union-attr]
    assert near.frechet.warning and near.embedder == "hashed-ngrams"  # type: ignore[union-attr]
    assert near.neighbors.coverage > far.neighbors.coverage  # type: ignore[union-attr]
    assert near.centroid_similarity > far.centroid_similarity  # type: ignore[operator]
    assert corpus_distances(reference, again, splits=0).mmd == near.mmd
    lows = {name: floor.interval.low for name, floor in far.floors.items() if floor}
    highs = {name: floor.interval.high for name, floor in far.floors.items() if floor}
    likenesses, distances = (
        {"density", "coverage", "mauve", "centroid_similarity"},
        {"mmd", "frechet", "precision_recall"},
    )
    assert {*lows} == likenesses | distances
    assert far.mmd.squared > highs["mmd"] and far.frechet.distance > highs["frechet"]  # type: ignore[union-attr]
    assert far.mauve.score < lows["mauve"] and far.centroid_similarity < lows["centroid_similarity"]  # type: ignore
    assert not corpus_distances(reference, again, splits=0).floors
    with pytest.raises(UserError, match="the candidate holds no dialog with text"):
        corpus_distances(reference, [Dialog()])
