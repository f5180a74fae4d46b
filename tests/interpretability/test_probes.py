"""Probes: planted truth, scores beside those of other packages, dialogs kept apart, and what chance gives."""

from __future__ import annotations

import warnings

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, spearmanr
from sklearn import metrics
from sklearn.linear_model import LogisticRegression, Ridge

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.fitting.controls import control_task, random_projections, shuffle, shuffled_labels
from sdialog.interpretability.fitting.folds import FoldError, LeakageWarning, deal
from sdialog.interpretability.fitting.labelled import Source, labelled
from sdialog.interpretability.fitting.learners import Learner
from sdialog.interpretability.fitting.outcomes import Outcome
from sdialog.interpretability.probes import Probe

ONE = Learner("linear", 0.1)


def topics(seed: int, dialogs: int = 40, rows: int = 8, size: int = 12, signal: float = 2.0):
    """Rows of dialogs, each with its own offset; the label, new in each row, moves them along the first axis."""
    draw = np.random.default_rng(seed)
    groups = np.repeat(np.arange(dialogs), rows)
    labels = draw.integers(0, 2, len(groups))
    features = draw.normal(size=(len(groups), size)) + draw.normal(size=(dialogs, size))[groups]
    features[:, 0] += signal * labels
    return features, labels, groups


def identities(seed: int, dialogs: int = 60, rows: int = 6, size: int = 60):
    """Rows that tell nothing but their dialog, with labels that a dialog has all through and by chance."""
    draw = np.random.default_rng(seed)
    groups = np.repeat(np.arange(dialogs), rows)
    labels = draw.permutation(np.arange(dialogs) % 2)[groups]
    return 3 * draw.normal(size=(dialogs, size))[groups] + draw.normal(size=(len(groups), size)) / 3, labels, groups


# -- planted truth


def test_two_classes_are_told_apart_as_well_as_can_be():
    # Two normal clouds whose means are 2 deviations apart, within dialogs: the best AUC is P(N(2, 2) > 0) = 0.921.
    draw = np.random.default_rng(0)
    groups, labels = np.repeat(np.arange(100), 10), np.tile([0, 1], 500)
    features = draw.normal(size=(1000, 5))
    features[:, 2] += 2 * labels
    result = Probe.evaluate(features, labels, groups)
    assert result.headline.name == "auc"
    assert result.headline.value == pytest.approx(0.921, abs=0.02)
    assert result.scores["accuracy"].value == pytest.approx(0.841, abs=0.03)  # Phi(1)
    assert result.headline.interval.low < 0.921 < result.headline.interval.high
    assert abs(result.probe.direction().cosine([0, 0, 1, 0, 0])) > 0.98


def test_several_classes_and_numbers_are_told():
    draw = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 5)
    names = np.array(["ask", "tell", "thank"])[draw.integers(0, 3, 300)]
    features = draw.normal(size=(300, 6)) + 4 * np.array([names == "ask", names == "tell"]).T @ np.eye(6)[:2]
    result = Probe.evaluate(features, names, groups)
    assert result.headline.name == "balanced_accuracy" and result.headline.value > 0.9
    assert set(result.scores) == {"accuracy", "balanced_accuracy", "macro_f1"}
    assert result.probe.predict_proba(features).sum(axis=1) == pytest.approx(1)
    assert result.probe.direction("ask").vector[0] > 3

    years = features[:, 3] * 2 + draw.normal(size=300)
    told = Probe.evaluate(features, years, groups)
    assert told.headline.value == pytest.approx(0.8, abs=0.06)  # of a variance of 5, 4 can be told
    assert set(told.scores) == {"r2", "mae", "spearman"}
    assert told.probe.direction().cosine(np.eye(6)[3]) > 0.98
    assert told.probe.direction().norm == pytest.approx(0.89, abs=0.08)  # slope of the feature: 1 * 2 / sqrt(5)


def test_an_mlp_tells_what_no_line_can():
    draw = np.random.default_rng(2)
    features = draw.normal(size=(400, 2))
    labels, groups = (features[:, 0] * features[:, 1] > 0), np.repeat(np.arange(80), 5)
    learner = Learner("mlp", (0.01, 0.1), hidden=16)
    assert Probe.evaluate(features, labels, groups).headline.value < 0.65
    result = Probe.evaluate(features, labels, groups, learner=learner, seed=1)
    assert result.headline.value > 0.95
    again = Probe.fit(features, labels, groups, learner=learner, seed=1)
    assert np.array_equal(again.outputs(features), result.probe.outputs(features))
    with pytest.raises(UserError, match="fit a linear probe"):
        result.probe.direction()
    numbers = Probe.evaluate(features, features[:, 0] ** 2, groups, learner=learner)
    assert numbers.headline.value > 0.9


# -- beside other packages


@pytest.mark.parametrize("size", [5, 80])
def test_fits_are_those_of_scikit_learn(size):
    draw = np.random.default_rng(3)
    features, groups = draw.normal(size=(60, size)) * np.arange(1, size + 1) + 7, np.arange(60)
    labels = features[:, 0] + draw.normal(size=60) > 7
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    model = LogisticRegression(C=1 / 6, tol=1e-10, max_iter=9999).fit(standard, labels)
    probe = Probe.fit(features, labels, groups, learner=ONE)
    assert np.allclose(probe.predict_proba(features), model.predict_proba(standard), atol=1e-4)
    numbers = draw.normal(size=60)
    golden = Ridge(alpha=6).fit(standard, numbers).predict(standard)
    assert np.allclose(Probe.fit(features, numbers, groups, learner=ONE).predict(features), golden)
    assert np.allclose(Probe.fit(features, labels, groups, learner=ONE).direction().vector,
                       Direction.from_labels(features, labels, groups, l2=0.1).vector, atol=1e-4)  # fmt: skip


@given(st.integers(0, 9999), st.integers(2, 4))
@settings(max_examples=25)
def test_scores_are_those_of_scikit_learn_and_scipy(seed, kinds):
    draw = np.random.default_rng(seed)
    labels = draw.permutation(np.arange(40) % kinds)
    outputs = draw.normal(size=(40, 1 if kinds == 2 else kinds)).round(1)  # some are tied
    data = labelled(np.zeros((40, 1)), labels, np.arange(40) // 4)
    found = {name: score.value for name, score in Outcome.of(data, outputs).scores(resamples=20).items()}
    told = outputs.argmax(axis=1) if kinds > 2 else (outputs[:, 0] > 0).astype(int)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, told))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, told))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, told, average="macro"))
    if kinds == 2:
        assert found["auc"] == pytest.approx(metrics.roc_auc_score(labels, outputs[:, 0]))
    numbers, told = draw.normal(size=40).round(1) + 1e6, draw.normal(size=40).round(1) + 1e6
    data = labelled(np.zeros((40, 1)), numbers, np.arange(40) // 4)
    found = {name: score.value for name, score in Outcome.of(data, told[:, None]).scores(resamples=20).items()}
    assert found["r2"] == pytest.approx(metrics.r2_score(numbers, told), abs=1e-6)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(numbers, told))
    assert found["spearman"] == pytest.approx(spearmanr(numbers, told).statistic)


def test_rows_are_ranked_only_against_those_of_their_own_fold():
    # In each fold the positive row reads higher, but the second fold's probe has another scale.
    data = labelled(np.zeros((4, 1)), [0, 1, 0, 1], [0, 1, 2, 3])
    outcome = Outcome.of(data, np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1]))
    assert outcome.value("auc") == 1
    assert Outcome.of(data, outcome.readings[:, None]).value("auc") == 0.75


# -- folds


@given(st.integers(0, 9999), st.integers(2, 6))
def test_folds_hold_dialogs_apart_and_do_not_hang_on_the_order_of_rows(seed, count):
    draw = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(20), draw.integers(0, 20, 60)])
    labels = (groups * 7 % 3 == 0).astype(int)
    data = labelled(np.zeros((80, 1)), labels, [f"dialog {group}" for group in groups])
    folds = deal(data, count, seed)
    assert all(len({*folds[groups == group].tolist()}) == 1 for group in range(20))
    assert {*folds.tolist()} == {*range(count)}
    for fold in range(count):
        assert {*labels[folds != fold].tolist()} == {0, 1}
    order = draw.permutation(80)
    assert np.array_equal(deal(data.take(order), count, seed), folds[order])


def test_classes_are_spread_over_the_folds():
    data = labelled(np.zeros((100, 1)), [place < 20 for place in range(100)], np.arange(100) // 2)
    folds = deal(data, 5, 0)
    assert np.bincount(folds[data.labels == 1]).tolist() == [4] * 5
    assert np.bincount(folds).tolist() == [20] * 5


def test_too_few_dialogs_are_refused():
    rows = np.random.default_rng(0).normal(size=(12, 2))
    with pytest.raises(FoldError, match="there are 3"):
        Probe.evaluate(rows, [0, 1] * 6, [0, 1, 2] * 4)
    with pytest.raises(FoldError, match="class True would be missing"):
        Probe.evaluate(rows, [True] * 2 + [False] * 10, [0, 0, *range(1, 11)])


def test_a_row_wise_split_is_too_good_where_rows_tell_their_dialog():
    features, labels, groups = identities(0)
    with pytest.raises(UserError, match="give groups"):
        Probe.evaluate(features, labels)
    with pytest.warns(LeakageWarning, match="look like knowledge") as warned:
        leaking = Probe.evaluate(features, labels, groups, split="rows")
    assert warned[0].filename == __file__
    honest = Probe.evaluate(features, labels, groups)
    assert leaking.headline.value > 0.9
    assert 0.3 < honest.headline.value < 0.7
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        Probe.fit(features, labels, np.arange(len(labels)), split="rows")


# -- what must not matter


def test_the_order_of_rows_does_not_matter():
    features, labels, groups = topics(4)
    order = np.random.default_rng(0).permutation(len(labels))
    one = Probe.evaluate(features, labels, groups, seed=3)
    other = Probe.evaluate(features[order], labels[order], groups[order], seed=3)
    for name, score in one.scores.items():
        assert other.scores[name].value == pytest.approx(score.value, abs=1e-3)
        assert other.scores[name].interval.low == pytest.approx(score.interval.low, abs=5e-3)
    assert np.allclose(other.probe.outputs(features), one.probe.outputs(features), atol=1e-3)


def test_neither_the_unit_nor_the_offset_of_a_feature_matters():
    features, labels, groups = topics(5)
    scale = np.random.default_rng(0).uniform(1e-3, 1e3, features.shape[1])
    one = Probe.evaluate(features, labels, groups)
    other = Probe.evaluate(features * scale + 100 * scale, labels, groups)
    assert other.headline.value == pytest.approx(one.headline.value, abs=1e-3)


def test_a_swapped_positive_class_turns_everything_round():
    features, labels, groups = topics(6)
    names = np.array(["calm", "angry"])[labels]
    one = Probe.fit(features, names, groups)
    other = Probe.fit(features, names, groups, positive="angry")
    assert (one.classes, other.classes) == (("angry", "calm"), ("calm", "angry"))
    assert np.allclose(one.outputs(features), -other.outputs(features), atol=1e-4)
    assert np.allclose(one.direction().vector, -other.direction().vector, atol=1e-4)
    assert np.allclose(one.direction("angry").vector, other.direction().vector, atol=1e-4)
    assert one.direction("angry").positive == other.direction().positive == "angry"


def test_seeds_give_equal_results():
    features, labels, groups = topics(7, dialogs=20)
    one, other = (Probe.evaluate(features, labels, groups, controls=True, draws=5, seed=2) for _ in range(2))
    assert one.json() == other.json()
    assert one.json() != Probe.evaluate(features, labels, groups, controls=True, draws=5, seed=3).json()


def test_a_feature_that_does_not_vary_is_borne():
    features, labels, groups = topics(8, size=3)
    features = np.concatenate([features, np.full((len(labels), 1), 1e6 / 3)], axis=1)
    probe = Probe.fit(features, labels, groups)
    assert probe.direction().vector[3] == 0
    assert np.isfinite(probe.outputs(features + 1)).all()


def test_tensors_are_read():
    features, labels, groups = topics(9)
    one = torch.tensor(features, dtype=torch.bfloat16)
    probe = Probe.fit(one, torch.tensor(labels), torch.tensor(groups))
    assert probe.classes == (0, 1)
    assert probe.predict(one) == probe.predict(one.double().numpy())


# -- chance


def test_shuffled_labels_are_at_chance_and_true_ones_are_not():
    features, labels, groups = topics(10)
    result = Probe.evaluate(features, labels, groups, learner=ONE, controls=True, draws=60, types=groups % 7)
    controls = result.controls
    assert np.mean(controls.shuffled.null) == pytest.approx(0.5, abs=0.05)
    assert controls.shuffled.p_value == pytest.approx(1 / 61)
    assert controls.random.p_value < 0.1 and controls.random.band()[1] < result.headline.value
    assert controls.majority.scores["auc"].value == 0.5
    assert controls.majority.scores["accuracy"].value < 0.55
    assert controls.task.types == 7


def test_shuffling_moves_labels_between_dialogs_and_keeps_their_runs():
    draw = np.random.default_rng(0)
    _, labels, groups = identities(1)
    data = labelled(np.zeros((len(labels), 1)), labels, groups)
    mixed = shuffle(data, draw)
    assert all(len({*mixed.labels[groups == group].tolist()}) == 1 for group in range(60))
    assert mixed.labels.sum() == labels.sum() and not np.array_equal(mixed.labels, labels)
    runs = labelled(np.zeros((12, 1)), [0, 0, 0, 1, 1, 1] * 2, [0] * 6 + [1] * 6)
    for _ in range(20):
        changes = np.diff(shuffle(runs, draw).labels[:6])
        assert np.abs(changes).sum() in (1, 2)  # a run turned round in a circle


@pytest.mark.slow
def test_p_values_of_labels_without_meaning_are_uniform():
    found = []
    for seed in range(60):
        features, labels, groups = identities(seed, dialogs=24, rows=3, size=4)
        data = labelled(features, labels, groups)
        found.append(shuffled_labels(data, ONE, folds=3, draws=19, seed=seed).p_value)
    assert kstest(np.array(found) - np.random.default_rng(0).uniform(0, 0.05, 60), "uniform").pvalue > 0.01
    assert np.mean(np.array(found) <= 0.1) < 0.25


def test_a_probe_that_could_learn_anything_by_heart_has_no_selectivity():
    # Hewitt and Liang (2019): word types have one part of speech each, so one-hot words tell it as well as any labels.
    draw = np.random.default_rng(0)
    words, groups = draw.integers(0, 30, 900), np.repeat(np.arange(90), 10)
    speech = draw.permutation(np.arange(30) % 2)[words]
    one_hot = np.eye(30)[words]
    known = draw.normal(size=(900, 30)) / 2
    known[:, 0] += 4 * speech
    by_heart = control_task(labelled(one_hot, speech, groups), words, ONE)
    by_sense = control_task(labelled(known, speech, groups), words, ONE)
    assert by_heart.observed > 0.99 and abs(by_heart.selectivity) < 0.02
    assert by_sense.observed > 0.99 and by_sense.selectivity > 0.25


def test_random_directions_read_little_of_many_dimensions():
    features, labels, groups = topics(11, size=60, signal=3)
    data = labelled(features, labels, groups)
    found = random_projections(data, observed=0.95, draws=40)
    assert found.p_value == pytest.approx(1 / 41)
    assert 0.45 < np.mean(found.null) < 0.65


@pytest.mark.slow
def test_intervals_hold_the_true_score():
    """A fixed reading with an offset a dialog: its AUC over dialogs without end is P(N(1, 2 (1 + 0.25)) > 0)."""
    true = 0.7365  # Phi(1 / sqrt(2.5))
    inside = {"rows": 0, "dialogs": 0}
    for seed in range(100):
        draw = np.random.default_rng(seed)
        groups = np.repeat(np.arange(40), 10)
        labels = draw.permutation(np.arange(40) % 2)[groups]
        readings = labels + draw.normal(size=400) + draw.normal(size=40)[groups] / 2
        for name, apart in (("dialogs", groups), ("rows", None)):
            data = labelled(np.zeros((400, 1)), labels, apart)
            interval = Outcome.of(data, readings[:, None]).scores(resamples=300)["auc"].interval
            inside[name] += interval.low <= true <= interval.high
    assert inside["dialogs"] >= 88  # 95 % are meant
    assert inside["rows"] < 80  # rows that are taken for independent promise too much


# -- results


@pytest.mark.parametrize(
    ("learner", "labels"),
    [
        (Learner("linear"), ["a", "b"] * 20),
        (Learner("linear"), [0.5, 1.5, 2.5, 4.0] * 10),
        (Learner("mlp", 0.1, hidden=4), [1, 2, 3, 4] * 10),
        (Learner("mlp", 0.1, hidden=4), [0.5, 1.5, 2.5, 4.0] * 10),
    ],
)
def test_a_saved_probe_comes_back(tmp_path, learner, labels):
    features = np.random.default_rng(0).normal(size=(40, 3))
    source = Source("layers.0.resid_post", "generated", "m", None)
    probe = Probe.fit(features, labels, np.arange(40) // 2, learner=learner, source=source, seed=5)
    again = Probe.load(probe.save(tmp_path / "probe"))
    assert again.json() == probe.json()
    assert np.array_equal(again.outputs(features), probe.outputs(features))
    assert again.predict(features) == probe.predict(features)
    assert again.classes == probe.classes and again.source == source


def test_results_are_shown_without_touching_matplotlibs_settings():
    before = dict(matplotlib.rcParams)
    features, labels, groups = topics(12, dialogs=20)
    for controls in (False, True):
        result = Probe.evaluate(features, labels, groups, learner=ONE, controls=controls, draws=5, types=labels)
        text = result.table()
        assert "balanced_accuracy" in text and f"{result.headline.value:.3f}" in text
        assert ("shuffled labels" in text) == ("selectivity" in text) == controls
        figure = result.plot()
        figure.savefig("/dev/null", format="png")
        assert len(figure.axes[0].get_yticklabels()) == 4
    assert str(result.headline).startswith("auc 0.")
    assert dict(matplotlib.rcParams) == before


def test_a_probe_is_scored_on_other_rows():
    probe = Probe.fit(*topics(13))
    features, labels, groups = topics(14)
    scores = probe.score(features, labels, groups)
    assert scores["auc"].value > 0.85 and scores["auc"].interval is not None
    assert scores["accuracy"].value == np.mean(np.array(probe.predict(features)) == labels)
    with pytest.raises(UnknownNameError, match="unknown class '2'"):
        probe.score(features, labels + 1, groups)


# -- what is refused


def test_what_cannot_be_probed_is_refused():
    rows = np.random.default_rng(0).normal(size=(10, 2))
    groups, labels = np.arange(10), [0, 1] * 5
    for features, told, match in (
        (rows[0], labels, "must have the shape"),
        (np.where(np.arange(10)[:, None] < 4, rows, np.nan), labels, "not finite in 6 of 10 rows, first in row 4"),
        ([["a"]], [1], "rows of numbers"),
        (rows, labels[1:], "10 rows of features have 9 labels"),
        (rows, [1] * 10, "nothing to tell apart"),
        (rows, [1.5] * 10, "nothing to learn"),
        (rows, [1.5, None] * 5, "labels"),
        (rows, [1, "1"] * 5, "different types"),
        (rows, [1, None] * 5, r"labels\[1\] is None"),
    ):
        with pytest.raises(UserError, match=match):
            Probe.fit(features, told, groups)
    for told, groups_of in ((Probe.evaluate, np.arange(10) // 5), (Probe.fit, np.zeros(10))):
        options = {"folds": 2} if told == Probe.evaluate else {}
        with pytest.raises(FoldError, match="only one dialog is left to choose the l2 strength with"):
            told(rows, labels, groups_of, **options)
    with pytest.raises(UserError, match="a word type of its own"):
        Probe.evaluate(rows, labels, groups, learner=ONE, controls=True, draws=2, types=np.arange(10))
    with pytest.raises(UserError, match="have 3 groups"):
        Probe.fit(rows, labels, [1, 2, 3])
    with pytest.raises(UserError, match="no positive class"):
        Probe.fit(rows, rows[:, 0], groups, positive=1)
    with pytest.raises(UnknownNameError, match="unknown split"):
        Probe.fit(rows, labels, groups, split="token")
    with pytest.raises(UnknownNameError, match="unknown learner"):
        Probe.fit(rows, labels, groups, learner="forest")
    with pytest.raises(UserError, match="above 0"):
        Learner("linear", 0)
    probe = Probe.fit(rows, labels, groups, learner=ONE)
    with pytest.raises(UserError, match="have the size 3 and need 2"):
        probe.predict(np.ones((1, 3)))
    with pytest.raises(UserError, match="no probabilities"):
        Probe.fit(rows, rows[:, 0], groups, learner=ONE).predict_proba(rows)


def test_a_perfect_score_is_not_said_to_be_sure():
    rows, labels = np.outer(np.arange(40) % 2, [3.0, 0.0]), np.arange(40) % 2
    scores = Probe.evaluate(rows, labels, np.arange(40) // 4).scores
    assert scores["auc"].value == scores["accuracy"].value == 1 and scores["auc"].interval is None
    # Wilson (1927) of 10 dialogs without an error.
    assert (
        scores["accuracy"].interval.low == pytest.approx(10 / (10 + 1.959964**2))
        and scores["accuracy"].interval.high == 1
    )
    paired = Direction.fit(rows[1::2], rows[::2], paired=True, groups=np.arange(20), method="mean_diff")
    assert paired.held_out.value == 1 and paired.held_out.interval.low == pytest.approx(20 / (20 + 1.959964**2))
    flat = Probe.evaluate(np.ones((40, 2)), labels, np.arange(40) // 4).scores
    assert flat["accuracy"].value == flat["auc"].value == 0.5 and flat["accuracy"].interval is None


def test_rows_of_one_class_are_scored():
    features, labels, groups = topics(5)
    probe = Probe.fit(features, labels, groups, learner=ONE)
    high = labels == 1
    scores = probe.score(features[high], labels[high], groups[high])
    assert scores["accuracy"].value == np.mean(np.array(probe.predict(features[high])) == 1)
    assert scores["auc"].value is None and scores["balanced_accuracy"].value is None
    numbers = Probe.fit(features, features[:, 0] + 1.5, groups, learner=ONE)
    scores = numbers.score(features[:5], [2.0] * 5)
    assert scores["r2"].value is None and scores["mae"].value > 0
    with pytest.raises(UnknownNameError, match="unknown class 'None'"):
        probe.score(features[:2], [1, None])
