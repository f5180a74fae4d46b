"""Sweeps over sites: the right one is found, and choosing among many is paid for."""

from __future__ import annotations

import numpy as np
import pytest

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.fitting.learners import Learner
from sdialog.interpretability.sweeps import sweep

ONE = Learner("linear", (0.1, 1.0))


def layers(seed: int, count: int, signal: dict[int, float], dialogs: int = 30, rows: int = 4, size: int = 6):
    draw = np.random.default_rng(seed)
    groups = np.repeat(np.arange(dialogs), rows)
    labels = draw.permutation(np.arange(dialogs) % 2)[groups]
    features = {}
    for layer in range(count):
        states = draw.normal(size=(len(groups), size)) + draw.normal(size=(dialogs, size))[groups]
        states[:, 0] += signal.get(layer, 0) * labels
        features[f"layers.{layer}.resid_post"] = states
    return features, labels, groups


def test_the_planted_layer_is_found_and_the_others_are_in_the_band():
    features, labels, groups = layers(0, 6, {3: 3.0, 4: 1.5}, dialogs=40)
    found = sweep(features, labels, groups, learner=ONE, shuffles=19)
    assert found.best.site == "layers.3.resid_post"
    assert found.best.chosen.count("layers.3.resid_post") >= 4
    assert found[found.best.site].p_value == pytest.approx(1 / 20)
    assert found["layers.0.resid_post"].p_value > 0.1
    low, high = found["layers.0.resid_post"].band
    assert low < 0.5 < high < found.best.score.value
    assert found.best.score.interval.low > 0.5
    with pytest.raises(UnknownNameError, match=r"layers\.3"):
        found["layers.9.resid_post"]


def test_the_best_of_many_layers_of_noise_is_not_believed():
    apparent, honest, p_values = [], [], []
    for seed in range(8):
        features, labels, groups = layers(seed, 10, {}, dialogs=20, rows=2)
        found = sweep(features, labels, groups, learner=Learner("linear", 0.1), shuffles=9 * (seed < 4), seed=seed)
        apparent.append(max(point.score.value for point in found.points))
        honest.append(found.best.score.value)
        p_values += [min(point.p_value for point in found.points)] if seed < 4 else []
    assert np.mean(apparent) > 0.6
    assert np.mean(honest) < np.mean(apparent) - 0.08 and np.mean(honest) < 0.6
    assert np.median(p_values) > 0.1


def test_sweeps_are_repeatable_shown_and_take_classes_and_numbers():
    features, labels, groups = layers(1, 3, {1: 4.0})
    names = np.array(["a", "b", "c"])[np.arange(len(labels)) // 4 % 3]
    numbers = features["layers.1.resid_post"][:, 0] * 2.5
    for told, score in ((labels, "auc"), (names, "balanced_accuracy"), (numbers, "r2")):
        found = sweep(features, told, groups, learner=ONE, shuffles=2, seed=3)
        assert found.json() == sweep(features, told, groups, learner=ONE, shuffles=2, seed=3).json()
        assert found.best.score.name == score and score in found.table()
        found.plot().savefig("/dev/null", format="png")
    assert found.best.site == "layers.1.resid_post" and found.best.score.value > 0.9
    alone = sweep({"only": features["layers.1.resid_post"]}, labels, groups, shuffles=0)
    assert alone.points[0].band is None and alone.best.score.value == alone.points[0].score.value
    assert "| only" in alone.table() and alone.plot() is not None


def test_unsound_sweeps_are_refused():
    features, labels, groups = layers(0, 2, {})
    with pytest.raises(UserError, match="at least one site"):
        sweep({}, labels, groups)
    with pytest.raises(UserError, match=r"layers\.1\.resid_post has 3 rows"):
        sweep(features | {"layers.1.resid_post": np.ones((3, 2))}, labels, groups)
    with pytest.raises(UserError, match="0 or more"):
        sweep(features, labels, groups, shuffles=-1)
