"""Hugging Face evaluate: its modules as scores, scores as its modules, no network and nothing in the home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdialog import Dialog, Turn
from sdialog.core.errors import ConfigError, MissingDependencyError, UnknownNameError
from sdialog.evaluation import (
    ConversationalFeatures,
    FleschReadingEaseScore,
    MeanTurnLengthScore,
    QuestionRateScore,
    score_dialogs,
)
from sdialog.evaluation.hf.loading import load_module
from sdialog.evaluation.hf.metric import HFCorpusMetric, HFMetric
from sdialog.evaluation.hf.module import as_evaluation_module

evaluate = pytest.importorskip("evaluate")

OVERLAP = '''
"""Share of words in common; with its counting in a file beside it."""
import datasets
import evaluate

from .counting import words


class Overlap(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        features = datasets.Features({"predictions": text, "references": text})
        return evaluate.MetricInfo(description="overlap", citation="", features=features)

    def _compute(self, predictions, references, scale=1.0):
        shared = sum(len(words(one) & words(other)) for one, other in zip(predictions, references))
        total = sum(len(words(one)) for one in predictions)
        return {"overlap": scale * shared / total, "pairs": len(predictions), "all": [shared, total]}
'''

LENGTH = """
import datasets
import evaluate


class Length(evaluate.Measurement):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("string")})
        return evaluate.MeasurementInfo(description="length", citation="", features=features, module_type="measurement")

    def _compute(self, predictions):
        return {"characters": sum(map(len, predictions)) / len(predictions)}
"""


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


CALL = dialog(("A", "red lamp"), ("B", "which lamp"), ("A", "red"))


@pytest.fixture
def overlap(tmp_path: Path) -> Path:
    folder = tmp_path / "overlap"
    folder.mkdir()
    (folder / "overlap.py").write_text(OVERLAP)
    (folder / "counting.py").write_text("def words(text):\n    return set(text.split())\n")
    return folder


@pytest.fixture
def length(tmp_path: Path) -> Path:
    script = tmp_path / "length.py"
    script.write_text(LENGTH)
    return script


def test_a_folder_with_a_script_scores_replies_by_what_they_answer(overlap: Path) -> None:
    # "which lamp" shares 1 of 2 words with "red lamp", "red" none of 1 with "which lamp"
    assert HFMetric(overlap, "replies")(CALL) == {"overlap": pytest.approx(1 / 3), "pairs": 2.0}
    chosen = HFMetric(overlap, "replies", key="overlap", options={"scale": 3.0})
    assert chosen.name == "overlap" and chosen(CALL) == pytest.approx(1)


def test_a_measurement_reads_utterances_or_the_whole(length: Path) -> None:
    assert HFMetric(length)(CALL) == (8 + 10 + 3) / 3
    assert HFMetric(length, "whole", kind="measurement")(CALL) == len("A: red lamp\nB: which lamp\nA: red")


def test_what_is_read_can_be_a_function(overlap: Path) -> None:
    gold = {7: "which red lamp"}
    metric = HFMetric(
        overlap,
        lambda talk: {"predictions": [talk[1].text], "references": [gold[talk.id]]},
        key="overlap",
        name="to gold",
    )
    (result,) = score_dialogs([metric], [Dialog(id=7, turns=CALL.turns), Dialog(id=8, turns=CALL.turns), Dialog(id=7)])
    assert result.name == "to gold" and result.values == [1.0] and result.n_missing == 2
    assert result.items[1].error == "KeyError: 8" and metric.identity() is None


LISTS = """
import datasets
import evaluate
import numpy


class Lists(evaluate.Measurement):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("string")})
        return evaluate.MeasurementInfo(description="lists", citation="", features=features, module_type="measurement")

    def _compute(self, predictions):
        sizes = [len(text) for text in predictions]
        return {"sizes": sizes, "halves": numpy.array(sizes) / 2, "code": "one"}
"""


def test_an_answer_of_one_number_a_prediction_counts_as_their_mean(tmp_path: Path, overlap: Path) -> None:
    (tmp_path / "lists.py").write_text(LISTS)
    assert HFMetric(tmp_path / "lists.py").score(CALL) == {"sizes": 7.0, "halves": 3.5}
    assert HFMetric(tmp_path / "lists.py", key="halves").score(CALL) == 3.5
    assert HFMetric(overlap, "replies", key="all").score(CALL) == 2.0


def test_a_corpus_is_read_as_one(overlap: Path, length: Path) -> None:
    other = dialog(("A", "x"), ("B", "x"))
    assert HFMetric(overlap, "replies", key="overlap").corpus([CALL, other]) == pytest.approx(2 / 4)
    corpus = HFCorpusMetric(HFMetric(length), name="characters a turn")
    assert corpus.name == "characters a turn" and corpus([CALL, other], dataset_name="x") == (8 + 10 + 3 + 1 + 1) / 5
    assert corpus(iter([])) is None and HFMetric(length)(Dialog()) is None
    assert HFMetric(overlap, "replies")(dialog(("A", "alone"))) is None


def test_what_is_wrong_is_said(overlap: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'replies'"):
        HFMetric(overlap, "reply")
    with pytest.raises(UnknownNameError, match="overlap"):
        HFMetric(overlap, "replies", key="overlp")(CALL)
    with pytest.raises(ConfigError, match="is a metric, not a measurement"):
        HFMetric(overlap, "replies", kind="measurement")(CALL)
    script = tmp_path / "wanting.py"
    script.write_text("import not_there_at_all\nimport evaluate\n")
    with pytest.raises(MissingDependencyError, match="not_there_at_all"):
        HFMetric(script)(CALL)
    (tmp_path / "blank.py").write_text("import math\n")
    with pytest.raises(ConfigError, match="no class"):
        HFMetric(tmp_path / "blank.py")(CALL)


def test_the_code_is_part_of_the_identity(overlap: Path) -> None:
    before = HFMetric(overlap, "replies").identity()
    assert before is not None and before == HFMetric(overlap, "replies", name="other").identity()
    (overlap / "counting.py").write_text("def words(text):\n    return set(text)\n")
    assert HFMetric(overlap, "replies").identity() != before
    assert HFMetric("bleu").identity() is None


def test_a_fetched_module_is_found_by_name_and_another_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate.config, "HF_MODULES_CACHE", tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    folder = tmp_path / "evaluate_modules" / "metrics" / "evaluate-measurement--length" / ("0" * 64)
    folder.mkdir(parents=True)
    (folder / "length.py").write_text(LENGTH)
    assert HFMetric("length")(CALL) == 7.0
    with pytest.raises(ConfigError, match="download=True"):
        HFMetric("width")(CALL)
    for name in [name for name in sys.modules if name.partition(".")[0] == "evaluate_modules"]:
        del sys.modules[name]  # it lies in this test's folder


def test_a_score_is_a_module() -> None:
    module = as_evaluation_module(MeanTurnLengthScore("words"))
    assert isinstance(module, evaluate.EvaluationModule) and module.name == "words"
    assert module.compute(predictions=[CALL, CALL.json(), "one two three four"]) == {
        "words": pytest.approx((5 / 3 + 5 / 3 + 4) / 3),
        "words_se": pytest.approx(7 / 9),
        "words_n": 3,
    }
    module.add(prediction=CALL)
    module.add_batch(predictions=[["a b", "c d"]])
    assert module.compute()["words_n"] == 2
    assert module.compute(predictions=[Dialog()]) == {"words": None, "words_se": None, "words_n": 0}


def test_a_score_of_features_answers_with_each() -> None:
    answer = as_evaluation_module(ConversationalFeatures(["question-rate", "turn-taking-ratio"])).compute(
        predictions=["Why?", "So."]
    )
    assert answer["question_rate"] == 50.0
    assert answer["turn_taking_ratio"] is None


def test_scores_and_modules_combine(overlap: Path) -> None:
    ours, theirs = as_evaluation_module(FleschReadingEaseScore("ease")), load_module(str(overlap))
    texts = ["The cat sat.", "It was happy."]
    together = evaluate.combine([ours, theirs, as_evaluation_module(QuestionRateScore())])
    found = together.compute(predictions=texts, references=["The cat ran.", "It was."])
    assert found["ease_n"] == 2 and found["question-rate"] == 0.0 and found["overlap"] == pytest.approx(3 / 6)
    for text in texts:
        together.add(prediction=text, reference=text)
    assert together.compute()["overlap"] == 1.0
    together.add_batch(predictions=texts, references=texts)
    assert together.compute()["ease"] == found["ease"]
    twice = evaluate.combine(
        {"one": as_evaluation_module(QuestionRateScore()), "two": as_evaluation_module(QuestionRateScore())}
    )
    assert twice.compute(predictions=["Why?"])["two_question-rate"] == 100.0


def test_a_prediction_that_is_no_dialog_is_refused() -> None:
    with pytest.raises(ValueError, match="not int"):
        as_evaluation_module(QuestionRateScore()).compute(predictions=[3])


def test_the_home_folder_is_left_alone(overlap: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys; import sdialog.evaluation.hf.metric, sdialog.evaluation.hf.module as made\n"
        "assert not {'evaluate', 'datasets', 'numpy', 'pandas'} & set(sys.modules)\n"
        "from sdialog import Dialog, Turn; from sdialog.evaluation import QuestionRateScore\n"
        "talk = Dialog(turns=[Turn(speaker='A', text='Why?'), Turn(speaker='B', text='So.')])\n"
        f"sdialog.evaluation.hf.metric.HFMetric({str(overlap)!r}, 'replies')(talk)\n"
        "made.as_evaluation_module(QuestionRateScore()).compute(predictions=[talk])\n"
    )
    outside = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "XDG_"))}
    subprocess.run([sys.executable, "-c", code], check=True, env={**outside, "HOME": str(home)})
    assert not list(home.rglob("*"))
