"""Evaluators of whole data sets keep their published names, keys and hooks."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy
import pytest

from sdialog import Dialog, Turn
from sdialog.core.errors import SDialogError, UnknownNameError
from sdialog.core.io import write_jsonl
from sdialog.evaluation import (
    BaseDatasetScoreEvaluator,
    BaseDialogScore,
    ConversationalFeatures,
    FrechetBERTDistanceEvaluator,
    FrechetDistanceEvaluator,
    FrequencyEvaluator,
    HashedNgramEmbedder,
    KDEDistanceEvaluator,
    MeanEvaluator,
    MeanTurnLengthScore,
    PrecisionRecallDistanceEvaluator,
    ReferenceCentroidEmbeddingEvaluator,
    StatsEvaluator,
    TurnLength,
)

WORDS = ["where", "is", "my", "order", "lamp", "chair", "late", "money", "back", "please", "thanks", "soon", "today"]


def corpus(seed: int, longest: int = 9, size: int = 40, words: list[str] = WORDS) -> list[Dialog]:
    draw = random.Random(seed)
    said = lambda: " ".join(draw.choices(words, k=draw.randint(1, longest)))  # noqa: E731
    return [
        Dialog(id=n, turns=[Turn(speaker="Ann" if t % 2 else "Bot", text=said()) for t in range(6)])
        for n in range(size)
    ]


class Late(BaseDialogScore):
    """1 where somebody says that it is late."""

    def score(self, dialog: Dialog) -> int | None:
        return int(any("late" in turn.text for turn in dialog)) if len(dialog) else None


def test_means_and_statistics_are_those_of_the_scores() -> None:
    dialogs = corpus(1)
    lengths = [MeanTurnLengthScore()(dialog) for dialog in dialogs]
    mean, array = MeanEvaluator(MeanTurnLengthScore())(dialogs, return_scores=True)
    assert mean == pytest.approx(numpy.mean(lengths)) and list(array) == pytest.approx(lengths)
    stats = StatsEvaluator(MeanTurnLengthScore())(dialogs)
    spread = lambda values: numpy.std(values, ddof=1)  # noqa: E731  # of the sample, as standard errors are
    expected = {"mean": numpy.mean, "std": spread, "min": numpy.min, "max": numpy.max, "median": numpy.median}
    assert stats == {name: pytest.approx(compute(lengths)) for name, compute in expected.items()}
    assert StatsEvaluator(MeanTurnLengthScore(), stat="max")(dialogs) == pytest.approx(max(lengths))
    assert len(StatsEvaluator(TurnLength())(dialogs, return_scores=True)[1]) == 6 * 40


def test_scores_of_several_features_give_a_dict() -> None:
    found = MeanEvaluator(ConversationalFeatures())(corpus(1))
    assert list(found)[:2] == ["mean-turn-length", "hesitation_rate"]


def test_missing_values_are_left_out_and_never_zero() -> None:
    dialogs = [*corpus(1), Dialog(turns=[])]
    assert FrequencyEvaluator(Late())(dialogs) == FrequencyEvaluator(Late())(dialogs[:-1])
    assert MeanEvaluator(MeanTurnLengthScore())([Dialog(turns=[])]) is None


def test_names_are_the_published_ones() -> None:
    length, embedder = MeanTurnLengthScore(), HashedNgramEmbedder()
    reference = corpus(2)
    evaluators = [
        MeanEvaluator(length),
        StatsEvaluator(length),
        FrequencyEvaluator(Late("late")),
        KDEDistanceEvaluator(length, reference),
        FrechetDistanceEvaluator(length, reference),
        ReferenceCentroidEmbeddingEvaluator(embedder, reference),
        FrechetBERTDistanceEvaluator(reference, embedder=embedder),
        FrechetBERTDistanceEvaluator(reference, ai_speaker="Bot", embedder=embedder),
    ]
    assert [evaluator.name for evaluator in evaluators] == [
        "mean-mean-turn-length",
        "stats-mean-turn-length",
        "frequency-late",
        "kde-distance-mean-turn-length",
        "frechet-distance-mean-turn-length",
        f"centroid-similarity-{embedder.name}",
        "frechet-bert-distance",
        "frechet-bert-distance-ai",
    ]
    assert MeanEvaluator(length, name="mine").name == "mine"


@pytest.mark.parametrize(
    "evaluator",
    [
        KDEDistanceEvaluator(MeanTurnLengthScore(), corpus(2), metric="kl"),
        KDEDistanceEvaluator(MeanTurnLengthScore(), corpus(2), metric="cs"),
        FrechetDistanceEvaluator(MeanTurnLengthScore(), corpus(2)),
        FrechetBERTDistanceEvaluator(corpus(2), embedder=HashedNgramEmbedder(dimensions=64)),
        PrecisionRecallDistanceEvaluator(corpus(2), embedder=HashedNgramEmbedder(dimensions=64)),
    ],
    ids=lambda evaluator: evaluator.name,
)
def test_distances_grow_with_the_difference_and_are_never_negative(evaluator: Any) -> None:
    near = evaluator(corpus(3))
    far = evaluator(corpus(3, longest=30, words=["yes", "no", "maybe"]))
    assert 0 <= near < far
    assert evaluator(corpus(3)) == near


def test_centroids_of_like_corpora_are_alike() -> None:
    evaluator = ReferenceCentroidEmbeddingEvaluator(HashedNgramEmbedder(), corpus(2))
    assert evaluator(corpus(3)) > 0.9 > 0.5 > evaluator(corpus(3, words=["yes", "no", "maybe"]))


def test_datasets_are_read_from_paths_and_not_letter_by_letter(tmp_path: Path) -> None:
    write_jsonl(corpus(1), tmp_path / "some.jsonl")
    evaluator = MeanEvaluator(MeanTurnLengthScore())
    expected = evaluator(corpus(1))
    assert evaluator(tmp_path) == evaluator(str(tmp_path / "some.jsonl")) == evaluator(iter(corpus(1))) == expected
    with pytest.raises((SDialogError, FileNotFoundError)):
        evaluator("out/no such folder")


def test_hooks_make_an_evaluator_of_ones_own(tmp_path: Path) -> None:
    class Range(BaseDatasetScoreEvaluator):
        def __eval__(self, dialog_scores: Any) -> float:
            return float(dialog_scores.max() - dialog_scores.min())

        def __plot__(self, dialog_scores: Any, plot: Any = None, metric: str | None = None) -> None:
            plot.bar(range(len(dialog_scores)), [scores.mean() for scores in dialog_scores.values()])

    evaluator = Range(MeanTurnLengthScore())
    lengths = [MeanTurnLengthScore()(dialog) for dialog in corpus(1)]
    assert evaluator(corpus(1), dataset_name="one") == pytest.approx(max(lengths) - min(lengths))
    assert evaluator.name == "range-mean-turn-length" and list(evaluator.datasets_scores) == ["one"]
    evaluator.plot(show=False, save_path=tmp_path / "deep" / "range.png")
    assert (tmp_path / "deep" / "range.png").stat().st_size > 5000
    evaluator.clear()
    assert not evaluator.datasets_scores


@pytest.mark.parametrize(
    "evaluator",
    [
        MeanEvaluator(MeanTurnLengthScore()),
        StatsEvaluator(MeanTurnLengthScore()),
        FrequencyEvaluator(Late()),
        KDEDistanceEvaluator(MeanTurnLengthScore(), corpus(2, size=8)),
        FrechetDistanceEvaluator(MeanTurnLengthScore(), corpus(2, size=8)),
        ReferenceCentroidEmbeddingEvaluator(HashedNgramEmbedder(), corpus(2, size=8)),
    ],
    ids=lambda evaluator: evaluator.name,
)
def test_pictures_are_drawn_and_leave_nothing_behind(evaluator: Any, tmp_path: Path) -> None:
    import matplotlib
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    for name, seed in (("one", 3), ("two", 4)):
        evaluator(corpus(seed, size=8), dataset_name=name)
    evaluator.plot(show=False, save_path=tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 5000
    assert not pyplot.get_fignums() and dict(matplotlib.rcParams) == before


def test_what_cannot_be_asked_for_is_refused_by_name() -> None:
    with pytest.raises(UnknownNameError, match="kl"):
        KDEDistanceEvaluator(MeanTurnLengthScore(), corpus(2), metric="kll")  # type: ignore[arg-type]
    with pytest.raises(SDialogError):
        StatsEvaluator(MeanTurnLengthScore(), stat="mode")
    with pytest.raises(SDialogError, match="use MeanEvaluator"):
        FrequencyEvaluator(MeanTurnLengthScore())(corpus(1))
