"""Erasure: nothing linear is left, nothing else is touched, and no smaller change would do (Belrose et al., 2023)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.core.errors import UserError
from sdialog.interpretability.erasure import Eraser
from sdialog.interpretability.probes import Probe


def concept(seed: int, rows: int = 300, size: int = 8, kinds: int = 2):
    draw = np.random.default_rng(seed)
    labels = draw.permutation(np.arange(rows) % kinds)
    mix = draw.normal(size=(size, size))
    return draw.normal(size=(rows, size)) @ mix + 2 * draw.normal(size=(kinds, size))[labels] + 5, labels


@given(st.integers(0, 999), st.integers(2, 4), st.sampled_from([5, 8, 40]))
@settings(max_examples=25)
def test_class_means_become_equal_and_only_the_concept_is_taken(seed, kinds, size):
    features, labels = concept(seed, rows=36, kinds=kinds, size=size)
    eraser = Eraser.fit(features, labels, shrink=False)
    erased = eraser.transform(features)
    assert eraser.rank == kinds - 1
    assert np.allclose([erased[labels == kind].mean(axis=0) for kind in range(kinds)], features.mean(axis=0))
    assert np.allclose(eraser.transform(erased), erased)
    # In whitened space it is an orthogonal projection: the identity on the complement of the concept.
    values, axes = np.linalg.eigh(np.cov(features.T, bias=True))
    kept = values > 1e-9 * values.max()
    values, axes = values[kept], axes[:, kept]
    taken = np.diag(values**-0.5) @ axes.T @ (eraser.read @ eraser.write).T @ axes @ np.diag(values**0.5)
    assert np.allclose(taken, taken.T, atol=1e-7) and np.allclose(taken @ taken, taken, atol=1e-7)
    assert np.trace(taken) == pytest.approx(kinds - 1)


def test_no_linear_probe_reads_what_was_erased():
    features, labels = concept(1, rows=2000)
    seen, groups = np.arange(2000) < 1000, np.arange(1000)
    assert Probe.evaluate(features[~seen], labels[~seen], groups).headline.value > 0.85
    eraser = Eraser.fit(features[seen], labels[seen])
    inside = Probe.fit(eraser.transform(features[seen]), labels[seen], groups)
    assert np.ptp(inside.outputs(eraser.transform(features[seen]))) < 1e-3  # nothing to learn: a constant
    after = Probe.evaluate(eraser.transform(features[~seen]), labels[~seen], groups)
    assert 0.4 < after.headline.value < 0.6
    numbers = features[:, 0] - 3 * features[:, 1] + np.random.default_rng(0).normal(size=2000)
    assert Probe.evaluate(features[~seen], numbers[~seen], groups).headline.value > 0.9
    eraser = Eraser.fit(features[seen], numbers[seen])
    assert Probe.evaluate(eraser.transform(features[~seen]), numbers[~seen], groups).headline.value < 0.05


def test_no_other_map_that_erases_changes_less():
    features, labels = concept(2)
    eraser = Eraser.fit(features, labels, shrink=False)
    change = ((eraser.transform(features) - features) ** 2).sum()
    centred = features - features.mean(axis=0)
    gap = features[labels == 1].mean(axis=0) - features[labels == 0].mean(axis=0)
    draw = np.random.default_rng(0)
    for read in [gap, *draw.normal(size=(20, 8)), *(eraser.read[:, 0] + draw.normal(size=(20, 8)) / 100)]:
        # Every oblique projection along the gap erases the concept, too.
        other = features - np.outer(centred @ read / (read @ gap), gap)
        assert np.allclose(other[labels == 1].mean(axis=0), other[labels == 0].mean(axis=0))
        assert ((other - features) ** 2).sum() >= change * (1 - 1e-9)


def test_an_eraser_is_saved_and_takes_tensors(tmp_path):
    features, labels = concept(3)
    eraser = Eraser.fit(torch.tensor(features), torch.tensor(labels))
    again = Eraser.load(eraser.save(tmp_path / "eraser"))
    assert np.array_equal(again.transform(features), eraser.transform(torch.tensor(features)))
    assert again.json() == eraser.json() == {
        "site": "", "span": "", "model": "", "fingerprint": None, "size": 8, "rank": 1, "rows": 300
    }  # fmt: skip
    with pytest.raises(UserError, match="have the size 7 and need 8"):
        eraser.transform(features[:, :7])


def test_activations_that_do_not_vary_have_nothing_to_erase():
    eraser = Eraser.fit(np.ones((4, 2)), [0, 1, 0, 1])
    assert eraser.rank == 0
    assert np.array_equal(eraser.transform(np.full((1, 2), 3.0)), np.full((1, 2), 3.0))


@pytest.mark.parametrize("rows", [60, 66, 140])
def test_with_few_rows_others_are_not_moved_far(rows):
    features, labels = concept(4, rows=rows + 1000, size=64)
    eraser = Eraser.fit(features[:rows], labels[:rows])
    erased = eraser.transform(features[:rows])
    assert np.allclose(erased[labels[:rows] == 1].mean(axis=0), erased[labels[:rows] == 0].mean(axis=0))
    others, kinds = features[rows:], labels[rows:]

    def gap(given):
        return np.linalg.norm(given[kinds == 1].mean(axis=0) - given[kinds == 0].mean(axis=0))

    plain = Eraser.fit(features[:rows], labels[:rows], shrink=False)
    moved = [np.linalg.norm(one.transform(others) - others, axis=1).mean() for one in (eraser, plain)]
    assert moved[0] < 0.5 * np.linalg.norm(others - others.mean(axis=0), axis=1).mean()
    assert moved[0] < moved[1] and gap(eraser.transform(others)) < 0.8 * gap(others)
