"""Directions: planted truth, what must not matter, and the estimators beside other computations of the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.fitting.controls import random_directions
from sdialog.interpretability.fitting.direction_methods import METHODS
from sdialog.interpretability.fitting.folds import LeakageWarning
from sdialog.interpretability.fitting.labelled import Source

UNPAIRED = [method for method in METHODS if not method.startswith("pca")]


def planted(seed: int, pairs: int = 200, size: int = 64, nuisance: float = 1.5):
    """Pairs that differ along one axis by 2, and along four others at random."""
    draw = np.random.default_rng(seed)
    axes = np.linalg.qr(draw.normal(size=(size, 5)))[0].T
    base = draw.normal(size=(pairs, size)) * 2
    difference = 2 * axes[0] + draw.normal(size=(pairs, 4)) * nuisance @ axes[1:] + draw.normal(size=(pairs, size)) / 2
    return base + difference / 2, base - difference / 2, axes[0]


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def clouds(seed: int, rows: int = 60, size: int = 6):
    draw = np.random.default_rng(seed)
    mix = draw.normal(size=(size, size))
    shift = draw.normal(size=size)
    return draw.normal(size=(rows, size)) @ mix + shift, draw.normal(size=(rows + 7, size)) @ mix


# -- planted truth


# Orders of magnitude of interpretability.md 6.b: mean difference .95, logistic .93, LDA .89, uncentred .72.
@pytest.mark.parametrize(
    ("method", "least"),
    [
        ("mean_diff", 0.95),
        ("logistic", 0.88),
        ("lda", 0.75),
        ("whitened", 0.85),
        ("pca_uncentred", 0.85),
        ("pca_signflip", 0.85),
    ],
)
def test_each_method_finds_a_planted_axis(method, least):
    for seed in range(3):
        positive, negative, axis = planted(seed)
        found = Direction.fit(positive, negative, method=method, paired=True, groups=range(200))
        assert found.cosine(axis) > least
        assert found.held_out.value > 0.95 and found.held_out.name == "pair_accuracy"
        assert found.held_out.interval.low <= found.held_out.value <= found.held_out.interval.high


def test_centred_components_lose_the_axis_and_are_refused():
    positive, negative, axis = planted(0)
    difference = positive - negative
    component = np.linalg.svd(difference - difference.mean(axis=0))[2][0]
    assert abs(cosine(component, axis)) < 0.15  # the trap: the mean was the concept
    for name in ("pca", "pca_centred", "pca_centered"):
        with pytest.raises(ConfigError, match=r"centring takes just that away.*pca_uncentred"):
            Direction.fit(positive, negative, method=name, paired=True)


@pytest.mark.parametrize("method", METHODS)
def test_labels_without_meaning_are_at_chance_on_other_dialogs(method):
    draw = np.random.default_rng(3)
    positive, negative = draw.normal(size=(2, 150, 20))
    found = Direction.fit(positive, negative, method=method, paired=True, groups=np.arange(150))
    assert 0.35 < found.held_out.value < 0.65
    assert found.train.value > found.held_out.value


# -- what must not matter


@given(st.sampled_from(METHODS), st.integers(0, 99), st.floats(1e-3, 1e3).map(lambda scale: float(f"{scale:.3g}")))
@settings(max_examples=30)
def test_neither_scale_nor_the_order_of_pairs_matters(method, seed, scale):
    positive, negative, _ = planted(seed, pairs=40, size=6)
    options = {"method": method, "paired": True, "seed": seed}
    found = Direction.fit(positive, negative, groups=np.arange(40), **options)
    order = np.random.default_rng(seed).permutation(40)
    again = Direction.fit(scale * positive[order], scale * negative[order], groups=order, **options)
    assert found.cosine(again) == pytest.approx(1, abs=1e-5)
    assert again.norm == pytest.approx(scale * found.norm, rel=1e-3)
    assert again.held_out.value == pytest.approx(found.held_out.value, abs=0.03)


@given(st.sampled_from(UNPAIRED), st.integers(0, 99))
@settings(max_examples=20)
def test_the_order_of_rows_does_not_matter_and_the_positive_class_lies_ahead(method, seed):
    positive, negative = clouds(seed)
    labels = ["yes"] * len(positive) + ["no"] * len(negative)
    rows, groups = np.concatenate([positive, negative]), np.arange(len(labels)) // 4
    found = Direction.from_labels(rows, labels, groups, method=method, seed=seed)
    assert found.project(positive).mean() > found.project(negative).mean()
    order = np.random.default_rng(seed).permutation(len(rows))
    again = Direction.from_labels(rows[order], np.array(labels)[order], groups[order], method=method, seed=seed)
    assert np.allclose(again.vector, found.vector, rtol=1e-4, atol=1e-6)
    assert again.held_out.value == pytest.approx(found.held_out.value, abs=0.01)
    assert (found.positive, found.negative) == ("yes", "no")


@pytest.mark.parametrize("method", METHODS)
def test_swapped_labels_turn_the_direction_round(method):
    positive, negative, _ = planted(1, pairs=50, size=8)
    found = Direction.fit(positive, negative, method=method, paired=True)
    back = Direction.fit(negative, positive, method=method, paired=True)
    assert np.allclose(found.vector, -back.vector, atol=1e-4)


def test_the_positive_class_can_be_named():
    rows = [[0.0], [0.2], [1.0], [1.2]]
    labels = ["calm", "calm", "angry", "angry"]
    assert Direction.from_labels(rows, labels, method="mean_diff").vector[0] == pytest.approx(-1)
    found = Direction.from_labels(rows, labels, method="mean_diff", positive="angry")
    assert (found.vector[0], found.positive) == (pytest.approx(1), "angry")


def test_seeds_give_equal_results():
    positive, negative, _ = planted(2, pairs=60, size=10)
    options = {"method": "pca_signflip", "paired": True, "groups": range(60)}
    one, other = (Direction.fit(positive, negative, seed=4, **options) for _ in range(2))
    assert np.array_equal(one.vector, other.vector) and one.json() == other.json()
    assert not np.array_equal(one.vector, Direction.fit(positive, negative, seed=5, **options).vector)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_of_any_type_are_read(dtype):
    positive, negative, _ = planted(0, pairs=50, size=16)
    one = torch.tensor(positive, dtype=dtype, requires_grad=True)
    found = Direction.fit(one, torch.tensor(negative, dtype=dtype), method="mean_diff")
    assert found.cosine(positive.mean(axis=0) - negative.mean(axis=0)) > 0.999
    assert found.project(one).shape == (50,)


# -- estimators beside other computations


def test_the_mean_difference_is_as_long_as_the_means_are_apart():
    positive, negative = clouds(0)
    found = Direction.fit(positive, negative, method="mean_diff")
    assert np.allclose(found.vector, positive.mean(axis=0) - negative.mean(axis=0))
    for method in UNPAIRED:
        other = Direction.fit(positive, negative, method=method)
        assert other.norm == pytest.approx(other.project(positive).mean() - other.project(negative).mean())


def test_lda_is_that_of_scikit_learn():
    positive, negative = clouds(1)
    rows, labels = np.concatenate([negative, positive]), np.repeat([0, 1], [len(negative), len(positive)])
    golden = LinearDiscriminantAnalysis(solver="lsqr").fit(rows, labels).coef_[0]
    assert Direction.fit(positive, negative, method="lda").cosine(golden) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("size", [6, 200])
def test_whitened_goes_through_the_inverse_of_ledoit_and_wolf(size):
    positive, negative = clouds(2, size=size)
    within = np.concatenate([positive - positive.mean(axis=0), negative - negative.mean(axis=0)])
    precision = LedoitWolf(assume_centered=True).fit(within).precision_
    golden = precision @ (positive.mean(axis=0) - negative.mean(axis=0))
    assert Direction.fit(positive, negative, method="whitened").cosine(golden) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("size", [6, 150])
def test_logistic_is_that_of_scikit_learn(size):
    positive, negative = clouds(3, size=size)
    rows, labels = np.concatenate([negative, positive]), np.repeat([0, 1], [len(negative), len(positive)])
    scale = rows.std(axis=0)
    model = LogisticRegression(C=1 / (0.1 * len(rows)), tol=1e-9, max_iter=9999)
    golden = model.fit((rows - rows.mean(axis=0)) / scale, labels).coef_[0] / scale
    assert Direction.fit(positive, negative, l2=0.1).cosine(golden) == pytest.approx(1, abs=1e-6)


# -- held-out scores


def test_without_dialogs_there_is_no_held_out_score():
    positive, negative = clouds(0)
    found = Direction.fit(positive, negative)
    assert found.held_out is None and found.train.interval is None and found.train.value > 0.5


def test_a_row_wise_split_has_to_be_asked_for_and_warns():
    positive, negative = clouds(0)
    with pytest.warns(LeakageWarning, match="tokens of one dialog") as warned:
        found = Direction.fit(positive, negative, split="rows")
    assert warned[0].filename == __file__
    assert found.held_out is not None
    dialogs = torch.arange(len(positive)) // 2, torch.arange(len(negative)) // 2
    with pytest.warns(LeakageWarning, match="tokens of one dialog"):
        Direction.fit(positive, negative, groups=dialogs, split="rows")
    with pytest.raises(UserError, match="choosing among l2 strengths needs groups"):
        Direction.fit(positive, negative, l2=(0.1, 1))


def test_pairs_can_be_given_by_name_in_any_order():
    positive, negative, _ = planted(4, pairs=30, size=5)
    straight = Direction.fit(positive, negative, paired=True)
    rows = np.concatenate([positive, negative])
    labels, names = np.repeat([1, 0], 30), np.tile(np.arange(30), 2)
    order = np.random.default_rng(0).permutation(60)
    found = Direction.from_labels(rows[order], labels[order], pairs=names[order].tolist())
    assert np.allclose(found.vector, straight.vector, atol=1e-5)
    assert found.train.name == "pair_accuracy"
    with pytest.raises(UserError, match="no partner"):
        Direction.from_labels(rows[:-1], labels[:-1], pairs=names[:-1])
    with pytest.raises(UserError, match="same label"):
        Direction.from_labels(rows, labels, pairs=np.repeat(np.arange(30), 2))


def test_pairs_across_dialogs_bind_those_dialogs_together():
    # Dialogs 0 and 1 share a pair, 1 and 2 another: three folds cannot be dealt of what is left, two can.
    rows = np.random.default_rng(0).normal(size=(8, 2))
    labels, pairs = [1, 0] * 4, [0, 0, 1, 1, 2, 2, 3, 3]
    groups = ["a", "b", "b", "c", "d", "d", "d", "d"]
    assert Direction.from_labels(rows, labels, groups, pairs=pairs, folds=2, method="mean_diff").held_out is not None
    with pytest.raises(UserError, match="there are 2"):
        Direction.from_labels(rows, labels, groups, pairs=pairs, folds=3, method="mean_diff")


# -- using a direction


def test_directions_are_scaled_and_turned():
    direction = Direction([3, 4], positive="a", negative="b", rows=(1, 2))
    assert (2 * direction).vector.tolist() == (np.float64(2) * direction).vector.tolist() == [6, 8]
    turned = direction * -1
    assert (turned.positive, turned.negative, turned.rows) == ("b", "a", (2, 1))
    assert (-turned).json() == direction.json()
    assert (0 * direction).norm == 0
    assert direction.unit.norm == pytest.approx(1)
    assert direction.cosine([4, -3]) == pytest.approx(0) and direction.cosine(-direction) == -1
    assert direction.as_tensor().dtype == torch.float32
    assert direction.as_tensor(torch.bfloat16).tolist() == [3, 4]
    direction.as_numpy()[0] = 9
    assert direction.vector[0] == 3


def test_random_directions_are_as_long_and_point_anywhere():
    direction = Direction(np.ones(200), source=Source("layers.1.resid_post"))
    drawn = random_directions(direction, 50, seed=1)
    assert all(one.norm == pytest.approx(direction.norm) and one.site == direction.site for one in drawn)
    assert abs(np.mean([one.cosine(direction) for one in drawn])) < 0.05
    assert np.array_equal(drawn[3].vector, random_directions(direction, 50, seed=1)[3].vector)


def test_a_saved_direction_comes_back(tmp_path):
    positive, negative, _ = planted(0, pairs=40, size=8)
    source = Source("layers.3.resid_post", "generated", "embedded:mini", "abc")
    found = Direction.fit(
        positive, negative, paired=True, groups=range(40), names=("kind", "curt"), source=source, seed=2
    )
    written = found.save(tmp_path / "deep" / "kind.v1")
    assert written.name == "kind.v1.safetensors"
    for path in (tmp_path / "deep" / "kind.v1", written, written.with_name("kind.v1.json")):
        again = Direction.load(path)
        assert np.array_equal(again.vector, found.vector)
        assert again.json() == found.json()
        assert (again.held_out, again.source) == (found.held_out, source)
    facts = json.loads((tmp_path / "deep" / "kind.v1.json").read_text())
    assert (facts["site"], facts["positive"], facts["method"]) == ("layers.3.resid_post", "kind", "logistic")


def test_files_that_are_no_direction_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"there is no .*a saved direction is two files"):
        Direction.load(tmp_path / "none")
    Direction([1.0]).save(tmp_path / "one")
    (tmp_path / "one.json").write_text('{"kind": "probe", "version": 1}')
    with pytest.raises(UserError, match="holds a probe, not a direction"):
        Direction.load(tmp_path / "one")
    (tmp_path / "one.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        Direction.load(tmp_path / "one")
    Direction([1.0]).save(tmp_path / "two").write_bytes(b"12345678901")
    with pytest.raises(UserError, match="damaged"):
        Direction.load(tmp_path / "two")


# -- what is refused


def test_what_cannot_be_a_direction_is_refused():
    rows = [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]
    with pytest.raises(UserError, match="same mean"):
        Direction.fit(rows, rows, method="mean_diff")
    with pytest.raises(UserError, match="reads differences of pairs"):
        Direction.fit(rows, rows, method="pca_uncentred")
    with pytest.raises(UnknownNameError, match="mean_diff"):
        Direction.fit(rows, rows, method="mean_dif")
    with pytest.raises(UserError, match="cannot be paired"):
        Direction.fit(rows, rows[:2], paired=True)
    with pytest.raises(UserError, match="have the size 2 and need 1"):
        Direction.fit([[1.0]], rows)
    with pytest.raises(UserError, match="groups as a pair"):
        Direction.fit(rows, rows, groups=[1, 2, 3])
    with pytest.raises(UserError, match="3 and 1 groups"):
        Direction.fit(rows, rows, groups=([1, 2, 3], [1]))
    with pytest.raises(UserError, match="use 'whitened'"):
        Direction.fit(rows[:1], rows[1:2], method="lda")
    with pytest.raises(UserError, match="not finite"):
        Direction([1.0, float("nan")])
    with pytest.raises(UserError, match="one vector"):
        Direction(np.ones((2, 3)))
    with pytest.raises(UserError, match="points nowhere"):
        Direction([0.0]).cosine([1.0])
    with pytest.raises(UserError, match="no angle"):
        Direction([0.0, 1.0]).cosine([1.0])
    with pytest.raises(UserError, match="between two classes"):
        Direction.from_labels(rows, ["a", "b", "c"])


@pytest.mark.parametrize("method", ["lda", "whitened", "mean_diff", "logistic"])
def test_what_varies_between_the_classes_alone_is_found(method):
    draw = np.random.default_rng(0)
    labels, groups = np.arange(60) % 2, np.arange(60) // 2
    features = draw.normal(size=(60, 5))
    features[:, 3] = labels
    found = Direction.from_labels(features, labels, groups, method=method)
    assert abs(found.unit.vector[3]) > 0.9 and found.held_out.value > 0.9
    still = Direction.fit([[1.0, 0.0]] * 3, [[0.0, 0.0]] * 3, method=method)
    assert np.allclose(still.vector, [1.0, 0.0])


@pytest.mark.parametrize("seed", range(6))
def test_few_differences_of_random_signs_keep_the_concept(seed):
    pairs = [[0.0, 1.0, 0.0], [0.4, 1.0, 0.0]], [[0.0, 0.0, 0.0]] * 2
    assert Direction.fit(*pairs, method="pca_signflip", paired=True, seed=seed).unit.vector[1] > 0.9
    with pytest.raises(UserError, match="at least 2 pairs"):
        Direction.fit([[0.0, 1.0]], [[0.0, 0.0]], method="pca_signflip", paired=True)
