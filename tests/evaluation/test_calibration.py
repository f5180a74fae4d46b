"""A judge beside human labels: every label is accounted for, and the corrected rate is nearer the truth."""

from __future__ import annotations

import json

import numpy
import pytest

from sdialog.core.errors import UserError
from sdialog.evaluation import EvalResult, ItemResult
from sdialog.evaluation.calibration import calibrate


def judged(values, ids=None) -> EvalResult:
    ids = range(len(values)) if ids is None else ids
    items = [ItemResult(i, "", v, None if v is not None else "refused") for i, v in zip(ids, values, strict=True)]
    return EvalResult("polite", items)


def test_a_judge_that_passes_too_much_is_corrected() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(1))
    truth = (draw.random(3000) < 0.5).astype(int)
    verdicts = numpy.where(truth == 1, draw.random(3000) < 0.98, draw.random(3000) < 0.3).astype(int)
    found = calibrate(judged(verdicts.tolist()), dict(enumerate(truth[:400].tolist())))
    assert found.judged_rate is not None and found.judged_rate.interval is not None
    assert found.judged_rate.interval.low > truth.mean(), "the raw rate is wrong, and sure of it"
    for corrected in (found.rogan_gladen, found.prediction_powered):
        assert corrected is not None and corrected.interval is not None
        assert corrected.interval.low < truth.mean() < corrected.interval.high
    assert found.sensitivity is not None and found.specificity is not None
    assert found.sensitivity.value == pytest.approx(0.98, abs=0.03)
    assert found.specificity.value == pytest.approx(0.7, abs=0.07)
    assert found.detectable is not None and 0.04 < found.detectable < 0.07


def test_every_label_is_accounted_for() -> None:
    result = judged([1, 0, None, 1, None, 0], ids=["a", "b", "c", "d", "e", "f"])
    found = calibrate(result, {"a": 1, "b": 1, "c": 0, "d": None, "zz": 1})
    assert (found.n_judged, found.n_unjudged, found.n_labels, found.n_labelled) == (4, 2, 4, 2)
    assert found.unmatched == ("zz",) and found.unjudged_labels == {0: 1}
    assert found.confusion.counts == ((0, 0), (1, 1))
    text = str(found)
    assert "4 dialogs judged, 2 without a verdict; 2 of 4 human labels have one" in text
    assert "without a verdict, by human label: 0: 1" in text and "labels of no dialog: zz" in text
    assert json.loads(json.dumps(found.json()))["unmatched"] == ["zz"]


def test_ids_match_by_their_texts_and_labels_may_come_in_order() -> None:
    values = [1, 0, 1, 1, 0, 0, 1, 0]
    by_text = calibrate(judged(values), {str(place): value for place, value in enumerate(values)})
    in_order = calibrate(judged(values), values)
    by_truth = calibrate(judged(values), [bool(value) for value in values])
    assert by_text == in_order == by_truth and by_text.kappa.value == 1 and not by_text.unmatched


def test_labels_and_scores_have_agreement_and_scores_a_corrected_mean() -> None:
    words = calibrate(judged(["good", "bad", "good", "bad"] * 5), ["good", "bad", "bad", "bad"] * 5)
    assert words.sensitivity is None and words.rogan_gladen is None and words.prediction_powered is None
    assert words.kappa.value == pytest.approx(0.5)
    passed = calibrate(judged(["good", "bad", "good", "bad"] * 5), ["good", "bad", "bad", "bad"] * 5, positive="good")
    assert passed.sensitivity is not None and (passed.sensitivity.hits, passed.sensitivity.n) == (5, 5)
    assert passed.specificity is not None and (passed.specificity.hits, passed.specificity.n) == (10, 15)
    scores = calibrate(judged([1, 2, 3, 4, 5, 3] * 10), [1, 2, 3, 4, 4, 2] * 5 + [None] * 30)
    assert scores.kappa.method == "Cohen's kappa (quadratic weights)"
    assert scores.prediction_powered is not None and scores.prediction_powered.value == pytest.approx(16 / 6)


def test_no_labels_give_no_numbers_and_no_error() -> None:
    found = calibrate(judged([1, 0, 1]), {})
    assert found.kappa.value is None and found.n_labelled == 0 and "no items" in str(found)
    assert "human \\ judge" not in str(found)
    assert found.rogan_gladen is not None and found.rogan_gladen.value is None
    assert found.sensitivity is not None and found.sensitivity.value is None and found.detectable is None
    json.dumps(found.json())


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(UserError, match="both of a dialog with the id 'a'"):
        calibrate(judged([1, 0], ids=["a", "a"]), {"a": 1})
    with pytest.raises(UserError, match="give them by dialog id"):
        calibrate(judged([1, 0]), [1])
    with pytest.raises(UserError, match=r"a number or a word, not \[1\]"):
        calibrate(judged([1]), [[1]])
    with pytest.raises(UserError, match="not infinity"):
        calibrate(judged([float("inf")]), [1])
    with pytest.raises(UserError, match="several values a dialog"):
        calibrate(judged([{"x": 1}]), {0: 1})


def test_words_and_numbers_are_not_taken_for_disagreement() -> None:
    verdicts, told = [1, 0] * 10, dict(enumerate(["yes", "no"] * 10))
    with pytest.raises(UserError, match=r"people say 'no', 'yes' and the judge says 0, 1, .*positive="):
        calibrate(judged(verdicts), told)
    with pytest.raises(UserError, match="people say '0', '1'"):
        calibrate(judged(verdicts), [str(verdict) for verdict in verdicts])
    joined = calibrate(judged(verdicts), told, positive="yes")
    assert joined.kappa.value == 1 and joined.judged_rate is not None and joined.judged_rate.value == 0.5
    other_way = calibrate(judged(["yes", "no"] * 10), verdicts, positive="yes")
    assert other_way.kappa.value == 1


def test_a_positive_label_that_nobody_uses_is_refused() -> None:
    with pytest.raises(UserError, match="no label is the positive one, 'Good': people say 'bad', 'good'"):
        calibrate(judged(["good", "bad"] * 5), ["good", "bad"] * 5, positive="Good")
    with pytest.raises(UserError, match="no label is the positive one, 'yes': people say 'no', 'yes' and the judge"):
        calibrate(judged([5, 1] * 5), ["yes", "no"] * 5, positive="yes")
    with pytest.raises(UserError, match="no label is the positive one, 5: people say 'no', 'yes'"):
        calibrate(judged([5, 1] * 5), ["yes", "no"] * 5, positive=5)
    for positive in (1, "1"):
        assert calibrate(judged([1, 0] * 5), ["1", "0"] * 5, positive=positive).kappa.value == 1
    assert calibrate(judged([5, 1] * 5), ["5", "1"] * 5, positive="5").kappa.value == 1
    assert calibrate(judged([1, 0] * 5), [1, 0] * 5, positive=0).sensitivity == (5, 5, 0.95)
    fives = calibrate(judged([5, 1] * 5), [5, 5, 1, 1, 5] * 2, positive=5)
    assert fives.sensitivity is not None and (fives.sensitivity.hits, fives.sensitivity.n) == (3, 6)


def test_nan_is_no_label() -> None:
    nan = float("nan")
    values = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]
    in_order = calibrate(judged(values), [1.0, 0.0, nan, 0.0, nan, 1.0])
    by_id = calibrate(judged(values), {0: 1, 1: 0, 2: nan, 3: 0, 4: nan, 5: 1})
    assert in_order.n_labels == in_order.n_labelled == by_id.n_labels == 4 and not by_id.unmatched


def test_scores_of_any_precision_have_a_table_that_can_be_read() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(3))
    truth = draw.integers(1, 6, size=3000)
    scores = numpy.clip(truth + draw.normal(0, 0.4, size=3000), 1, 5)
    found = calibrate(judged(scores.tolist()), truth.tolist())
    assert found.confusion.labels == (1, 2, 3, 4, 5) and found.confusion.n == 3000
    assert max(map(len, str(found).splitlines())) < 120
    hundred = calibrate(judged(list(range(100))), list(range(100)))
    assert len(hundred.confusion.labels) == 100 and "human \\ judge" not in str(hundred)
