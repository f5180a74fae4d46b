"""Distances between samples: analytic values, invariants, and what samples of one distribution give."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import kstest

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.evaluation.distances.centroid import centroid_similarity
from sdialog.evaluation.distances.densities import cauchy_schwarz_divergence, js_divergence, kl_divergence
from sdialog.evaluation.distances.frechet import (
    frechet_distance,
    frechet_distance_1d,
    frechet_distance_infinity,
    frechet_report,
)
from sdialog.evaluation.distances.mauve import divergence_area, mauve
from sdialog.evaluation.distances.mmd import mmd
from sdialog.evaluation.distances.neighbors import neighbor_coverage
from sdialog.evaluation.distances.noise_floor import above_floor, split_half_floor
from sdialog.evaluation.distances.one_dimensional import ks_statistic, wasserstein_distance
from sdialog.evaluation.distances.precision_recall import precision_recall

DIVERGENCES = [kl_divergence, js_divergence, cauchy_schwarz_divergence]
SCALAR = [*DIVERGENCES, wasserstein_distance, ks_statistic, frechet_distance_1d]
SYMMETRIC = [one for one in SCALAR if one is not kl_divergence]
NUMBERS = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=2, max_size=30)


def normal(size: object, seed: int, mean: float = 0, deviation: float = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, deviation, size)  # type: ignore[arg-type, no-any-return]


# -- numbers


@given(NUMBERS, NUMBERS)
def test_distances_of_numbers_are_never_negative_and_finite(one: list[float], other: list[float]) -> None:
    for distance in SCALAR:
        found = distance(one, other)
        assert found is not None and 0 <= found < math.inf
        assert distance(one, one) == pytest.approx(0, abs=1e-9)


@given(NUMBERS, NUMBERS, st.randoms(use_true_random=False))
def test_the_order_of_the_numbers_and_of_the_samples_does_not_matter(one, other, random) -> None:  # type: ignore[no-untyped-def]
    mixed = random.sample(one, len(one))
    for distance in SCALAR:
        assert distance(mixed, other) == pytest.approx(distance(one, other), abs=1e-7)
    for distance in SYMMETRIC:
        assert distance(other, one) == pytest.approx(distance(one, other), abs=1e-7)


@given(NUMBERS, st.floats(-50, 50))
def test_a_shift_is_its_own_distance(sample: list[float], shift: float) -> None:
    moved = [value + shift for value in sample]
    assert wasserstein_distance(sample, moved) == pytest.approx(abs(shift), abs=1e-6)
    assert frechet_distance_1d(sample, moved) == pytest.approx(abs(shift), abs=1e-6)


@pytest.mark.parametrize(
    ("mean", "deviation", "kl", "cs"),
    [
        # KL of normal distributions: log(s2 / s1) + (s1**2 + (m1 - m2)**2) / (2 s2**2) - 1/2;
        # Cauchy-Schwarz: (m1 - m2)**2 / (2 (s1**2 + s2**2)) + log((s1**2 + s2**2) / (2 s1 s2)) / 2
        (1, 1, 0.5, 0.25),
        (2, 1, 2.0, 1.0),
        (0, 2, math.log(2) + 1 / 8 - 1 / 2, math.log(5 / 4) / 2),
    ],
)
def test_divergences_of_normal_distributions(mean: float, deviation: float, kl: float, cs: float) -> None:
    reference, candidate = normal(20_000, 1), normal(20_000, 2, mean, deviation)
    assert kl_divergence(reference, candidate) == pytest.approx(kl, rel=0.08)
    assert cauchy_schwarz_divergence(reference, candidate) == pytest.approx(cs, rel=0.08)


def test_js_of_disjoint_samples_is_the_logarithm_of_two() -> None:
    assert js_divergence(normal(50, 1), normal(50, 2, 1000)) == pytest.approx(math.log(2))


def test_kl_is_never_negative_for_uniform_samples() -> None:
    # an estimate that is not normalised on its grid is negative for most of these draws
    draws = (np.random.default_rng(seed).uniform(size=(2, 100)) for seed in range(200))
    found = [kl_divergence(one, other) for one, other in draws]
    assert min(found) >= 0 and np.mean(found) < 0.15  # type: ignore[type-var]


def test_one_outlier_of_the_candidate_does_not_move_kl() -> None:
    reference, candidate = normal(500, 1), normal(500, 2, 0.5)
    without, with_one = (kl_divergence(reference, sample) for sample in (candidate, [*candidate, 1e4]))
    assert with_one == pytest.approx(without, abs=0.01)


def test_constant_samples_have_divergences() -> None:
    for divergence in DIVERGENCES:
        assert divergence([1, 1, 1], [1, 1]) == 0
        near, far = divergence([1, 1, 1], [1, 1, 2]), divergence([1, 1, 1], [5, 5, 6])
        assert near is not None and far is not None and 0 < near < far < math.inf
        assert divergence([1, 1], [2, 2]) == divergence([1, 1], [2, 2])


def test_too_few_numbers_have_no_distance() -> None:
    for distance in (*DIVERGENCES, frechet_distance_1d):
        assert distance([1.0], [1.0, 2.0]) is None and distance([], []) is None
    assert wasserstein_distance([], [1]) is None and ks_statistic([1], []) is None
    assert wasserstein_distance([1], [3]) == 2 and ks_statistic([1], [3]) == 1


@pytest.mark.parametrize("wrong", [[1.0, None], [1.0, math.nan], [[1.0], [2.0, 3.0]], [[1.0, 2.0]], ["a", "b"]])
def test_what_is_no_sample_is_refused(wrong: list[object]) -> None:
    for distance in SCALAR:
        with pytest.raises(UserError):
            distance(wrong, [1.0, 2.0])  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"bandwidth": "wide"}, {"bandwidth": 0}, {"resolution": 1}])
def test_wrong_options_of_densities_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UserError):
        kl_divergence([1, 2], [1, 3], **options)  # type: ignore[arg-type]


def test_bandwidths_are_those_of_the_field() -> None:
    one, other = normal(300, 1), normal(300, 2, 1)
    assert kl_divergence(one, other, bandwidth="scott") == kl_divergence(one, other)
    assert kl_divergence(one, other, bandwidth=300**-0.2) == pytest.approx(kl_divergence(one, other))
    narrow, wide = (kl_divergence(one, other, bandwidth=factor) for factor in (0.05, 1.0))
    assert narrow > wide  # type: ignore[operator]


def test_ks_statistic_worked_by_hand() -> None:
    # at 2 the first has 2 of 3, the second 0 of 4; nowhere else is the gap larger
    assert ks_statistic([1, 2, 3], [3, 4, 5, 6]) == pytest.approx(3 / 3 - 1 / 4)
    assert ks_statistic([1, 1, 2], [1, 2, 2]) == pytest.approx(1 / 3)


# -- Fréchet


def shaped(size: int, mean: np.ndarray, covariance: np.ndarray, seed: int) -> np.ndarray:
    """Return vectors with exactly this mean and covariance."""
    drawn = normal((size, len(mean)), seed)
    drawn -= drawn.mean(axis=0)
    white = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn.T))).T
    return white @ np.linalg.cholesky(covariance).T + mean  # type: ignore[no-any-return]


def test_frechet_distance_of_known_normal_distributions() -> None:
    # with covariances that commute it is |m1 - m2|**2 + sum of (s1 - s2)**2
    reference = shaped(50, np.zeros(3), np.diag([1.0, 4.0, 9.0]), 1)
    candidate = shaped(70, np.array([1.0, 2.0, 2.0]), np.diag([4.0, 4.0, 1.0]), 2)
    exact = {"shrinkage": None, "size_matched": False}
    assert frechet_distance(reference, candidate, **exact) == pytest.approx(9 + 1 + 0 + 4)  # type: ignore[arg-type]
    assert frechet_distance(reference, candidate, squared=False, **exact) == pytest.approx(math.sqrt(14))  # type: ignore[arg-type]


def test_frechet_distance_is_that_of_the_matrix_root() -> None:
    one, other = normal((40, 4), 1) @ normal((4, 4), 2), normal((40, 4), 3) @ normal((4, 4), 4)
    first, second = np.cov(one.T), np.cov(other.T)
    root = sqrtm(first @ second).real
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert frechet_distance(one, other, shrinkage=None) == pytest.approx(expected)
    assert frechet_distance(other, one, shrinkage=None) == pytest.approx(expected)


def test_frechet_distance_in_one_dimension_agrees_with_its_own_form() -> None:
    one, other = normal(500, 1), normal(500, 2, 3, 2)
    wide = frechet_distance(one[:, None], other[:, None], shrinkage=None, squared=False)
    assert wide == pytest.approx(frechet_distance_1d(one, other), rel=1e-3)


def test_shrinkage_takes_away_what_only_the_size_makes() -> None:
    one, other = normal((100, 768), 1), normal((100, 768), 2)
    plain = frechet_distance(one, other, shrinkage=None)
    shrunk = frechet_distance(one, other)
    assert plain is not None and plain > 1000
    assert shrunk is not None and shrunk < 25
    moved = frechet_distance(one, other + 1)
    assert moved == pytest.approx(768, rel=0.2)


def test_a_covariance_matrix_without_inverse_is_no_trouble() -> None:
    flat = np.column_stack([normal(30, 1), np.zeros(30)])
    for shrinkage in (None, "ledoit-wolf"):
        assert frechet_distance(flat, flat, shrinkage=shrinkage) == pytest.approx(0, abs=1e-9)


def test_the_limit_of_large_samples_has_no_bias() -> None:
    same = [frechet_distance_infinity(normal((600, 20), seed), normal((600, 20), 99 - seed)) for seed in range(10)]
    plain = [
        frechet_distance(normal((600, 20), seed), normal((600, 20), 99 - seed), shrinkage=None) for seed in range(10)
    ]
    assert abs(np.mean(same)) < 0.15 * np.mean(plain)  # type: ignore[arg-type, operator]
    apart = frechet_distance_infinity(normal((600, 20), 1), normal((600, 20), 2, 0.5, 1.5))
    assert apart == pytest.approx(20 * (0.25 + 0.25), rel=0.1)
    assert frechet_distance_infinity(normal((30, 20), 1), normal((30, 20), 2)) is None


def test_small_samples_get_a_warning_and_sizes_are_matched() -> None:
    small, large = normal((50, 8), 1), normal((400, 8), 2)
    report = frechet_report(small, large, shrinkage=None)
    assert report is not None and report.size == 50 and report.dimensions == 8
    assert report.warning == "50 vectors of 8 dimensions: a covariance matrix needs at least 80"
    assert frechet_report(small, large).warning is None  # type: ignore[union-attr]
    seeds = {frechet_distance(small, large, seed=seed) for seed in (0, 0, 1)}
    assert len(seeds) == 2 and frechet_distance(small, large, size_matched=False) not in seeds


def test_frechet_refuses_what_it_cannot_compare() -> None:
    with pytest.raises(UserError, match="same embedder"):
        frechet_distance(normal((5, 2), 1), normal((5, 3), 1))
    with pytest.raises(UnknownNameError, match="ledoit-wolf"):
        frechet_distance(normal((5, 2), 1), normal((5, 2), 1), shrinkage="ledoit")
    assert frechet_distance([[1.0]], [[1.0], [2.0]]) is None


# -- maximum mean discrepancy


def test_mmd_is_the_double_sum_it_is_defined_as() -> None:
    one, other = normal((7, 2), 1), normal((5, 2), 2, 1)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return math.exp(-float(((x - y) ** 2).sum()) / (2 * 1.5**2))

    def within(sample: np.ndarray) -> float:
        return float(np.mean([kernel(x, y) for x, y in itertools.permutations(sample, 2)]))

    between = np.mean([kernel(x, y) for x in one for y in other])
    found = mmd(one, other, bandwidth=1.5, permutations=0)
    assert found is not None and found.p_value is None and found.sizes == (7, 5)
    assert found.squared == pytest.approx(within(one) + within(other) - 2 * between)


def test_mmd_has_no_bias_and_its_p_values_are_uniform_for_one_distribution() -> None:
    found = [
        mmd(normal((20, 3), seed), normal((30, 3), 1000 + seed), permutations=99, seed=seed) for seed in range(300)
    ]
    squared, p_values = zip(*((one.squared, one.p_value) for one in found if one), strict=True)
    assert abs(np.mean(squared)) < 3 * np.std(squared) / math.sqrt(300)
    # the p-values have steps of 1/100
    smooth = np.array(p_values) - np.random.default_rng(0).uniform(0, 0.01, 300)
    assert kstest(smooth, "uniform").pvalue > 0.01


def test_mmd_sees_other_means_and_other_shapes() -> None:
    reference = normal((100, 4), 1)
    for other in (normal((100, 4), 2, 0.7), normal((100, 4), 2, 0, 2)):
        found = mmd(reference, other)
        assert found is not None and found.p_value is not None and found.p_value < 0.01 and found.squared > 0


def test_copies_are_at_no_distance_whatever_the_rounding() -> None:
    items = normal((30, 512), 1)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    reference, candidate = np.repeat(items[:10], 20, axis=0), np.repeat(items[:10], 7, axis=0)
    near = neighbor_coverage(reference, candidate, size_matched=False)
    assert near is not None and (near.precision, near.recall, near.coverage) == (1, 1, 1)
    mostly = mmd(np.repeat(items[:1], 40, axis=0), np.vstack([np.repeat(items[:1], 38, axis=0), items[1:3]]))
    assert mostly is not None and 0.1 < mostly.bandwidth < 10  # the width is that of what differs


def test_empty_samples_have_no_distance() -> None:
    for measure in (mmd, frechet_distance, precision_recall, neighbor_coverage, mauve, centroid_similarity):
        assert measure([], [[1.0, 2.0]] * 3) is None and measure([], []) is None  # type: ignore[operator]


def test_mmd_of_constant_or_too_few_vectors() -> None:
    constant = mmd([[1.0], [1.0]], [[1.0], [1.0]])
    assert constant is not None and constant.squared == 0 and constant.p_value == 1
    assert mmd([[1.0]], [[1.0], [2.0]]) is None
    with pytest.raises(UserError, match="bandwidth"):
        mmd([[1.0], [2.0]], [[1.0], [2.0]], bandwidth=0)


# -- precision and recall


def test_precision_and_recall_of_a_candidate_that_has_half_of_the_reference() -> None:
    # clusters hold (1/2, 1/2) and (1, 0); at slope 2 precision is 1 and recall 1/2
    reference = [[0.0]] * 10 + [[10.0]] * 10
    found = precision_recall(reference, [[0.0]] * 20)
    assert found is not None and found.clusters == 2
    assert found.f1 == pytest.approx(2 / 3, rel=1e-2)
    assert found.f8 == pytest.approx(65 * 0.5 / (64 * 1 + 0.5), rel=1e-2)
    assert found.f1_8 == pytest.approx((1 + 1 / 64) * 0.5 / (1 / 64 + 0.5), rel=1e-2)
    swapped = precision_recall([[0.0]] * 20, reference)
    assert swapped is not None and swapped.f8 == pytest.approx(found.f1_8, rel=1e-2)


def test_precision_and_recall_are_the_same_for_the_same_seed() -> None:
    one, other = normal((60, 4), 1), normal((80, 4), 2)
    first, again = precision_recall(one, other), precision_recall(one, other)
    assert first is not None and again is not None
    assert np.array_equal(first.precision, again.precision) and first.f1 == again.f1 and first.chance == again.chance
    assert first.size == 60


@pytest.mark.parametrize("size", [50, 300])
def test_samples_of_one_distribution_are_no_farther_apart_than_chance(size: int) -> None:
    found = [
        precision_recall(normal((size, 8), seed), normal((size, 8), 100 + seed), runs=3, seed=seed)
        for seed in range(12)
    ]
    assert abs(np.mean([one.adjusted_distance for one in found if one])) < 0.03
    apart = precision_recall(normal((size, 8), 1), normal((size, 8), 2, 5))
    assert apart is not None and apart.adjusted_distance > 0.99


def test_two_vectors_a_sample_are_enough_and_one_is_not() -> None:
    # more clusters than vectors once ended in an error
    assert precision_recall(normal((2, 3), 1), normal((2, 3), 2)) is not None
    assert precision_recall(normal((1, 3), 1), normal((2, 3), 2)) is None
    same = precision_recall([[1.0]] * 5, [[1.0]] * 5)
    assert same is not None and same.distance == pytest.approx(0) and same.adjusted_distance == pytest.approx(0)


@pytest.mark.parametrize("options", [{"angles": 2}, {"clusters": 1}, {"runs": 0}])
def test_wrong_options_of_precision_and_recall_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(UserError):
        precision_recall([[1.0], [2.0]], [[1.0], [2.0]], **options)  # type: ignore[arg-type]


def test_neighbours_are_those_found_one_by_one() -> None:
    reference, candidate, k = normal((12, 2), 1), normal((12, 2), 2, 0.5), 3

    def reach(sample: np.ndarray, place: int) -> float:
        return float(sorted(np.linalg.norm(sample - sample[place], axis=1))[k])

    def inside(sample: np.ndarray, vector: np.ndarray) -> int:
        return sum(
            np.linalg.norm(sample[place] - vector) <= reach(sample, place) + 1e-9 for place in range(len(sample))
        )

    found = neighbor_coverage(reference, candidate, neighbors=k)
    assert found is not None
    assert found.precision == np.mean([inside(reference, vector) > 0 for vector in candidate])
    assert found.recall == np.mean([inside(candidate, vector) > 0 for vector in reference])
    assert found.density == pytest.approx(np.mean([inside(reference, vector) for vector in candidate]) / k)
    covered = [
        min(np.linalg.norm(candidate - vector, axis=1)) <= reach(reference, n) for n, vector in enumerate(reference)
    ]
    assert found.coverage == pytest.approx(np.mean(covered))


def test_coverage_of_one_distribution_is_as_expected() -> None:
    # Naeem et al. (2020), lemma 2: nearly 1 - 1 / 2**k for samples of one size
    found = [
        neighbor_coverage(normal((200, 16), seed), normal((200, 16), 50 + seed), neighbors=3) for seed in range(10)
    ]
    assert np.mean([one.coverage for one in found if one]) == pytest.approx(1 - 1 / 8, abs=0.03)
    assert np.mean([one.density for one in found if one]) == pytest.approx(1, abs=0.12)


def test_one_outlier_of_the_reference_moves_precision_more_than_density() -> None:
    # Naeem et al. (2020), section 3: the reach of an outlier takes in candidates that are far from the reference
    reference = np.vstack([normal((60, 2), 1), [[30.0, 30.0]]])
    candidate = normal((61, 2), 2, 15)
    found = neighbor_coverage(reference, candidate, neighbors=5)
    assert found is not None and found.precision > 0.9 and found.density < 0.3 and found.coverage < 0.1


# -- MAUVE


def test_mauve_of_equal_and_disjoint_distributions() -> None:
    # for disjoint ones the curve is ((1 - w)**c, w**c): the area under it is c B(c + 1, c) = 0.00397 for c = 5
    assert divergence_area([0.2, 0.8], [0.2, 0.8]) == pytest.approx(1)
    assert divergence_area([1, 0], [0, 1], points=2000) == pytest.approx(
        5 * math.gamma(6) * math.gamma(5) / math.gamma(11), rel=1e-3
    )
    same = mauve(normal((200, 8), 1), normal((200, 8), 1))
    assert same is not None and same.score == pytest.approx(1) and same.unlike_reference == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=6))
def test_the_area_is_symmetric_and_between_its_ends(counts: list[tuple[int, int]]) -> None:
    p, q = (np.array(column, float) for column in zip(*counts, strict=True))
    if p.sum() and q.sum():
        p, q = p / p.sum(), q / q.sum()
        found = divergence_area(p, q)
        assert 0.003 < found <= 1 + 1e-9 and divergence_area(q, p) == pytest.approx(found)


def test_mauve_tells_the_two_errors_apart() -> None:
    east, north = normal((100, 2), 1) + np.array([9, 0]), normal((100, 2), 2) + np.array([0, 9])
    both = np.vstack([east, north])
    misses, invents = mauve(both, np.vstack([east, east + 0.1])), mauve(east, np.vstack([east[:50], north[:50]]))
    assert misses is not None and misses.missing_reference > misses.unlike_reference
    assert invents is not None and invents.unlike_reference > invents.missing_reference


def test_mauve_falls_as_the_candidate_moves_away() -> None:
    reference = normal((200, 4), 1)
    scores = [mauve(reference, normal((200, 4), 2, shift)).score for shift in (0, 1, 4)]  # type: ignore[union-attr]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.8 and scores[2] < 0.1
    small = [mauve(reference[:40], normal((40, 4), 2), smoothing=amount).score for amount in (0, 0.5)]  # type: ignore[union-attr]
    assert small[0] < small[1]
    assert mauve([[1.0]], [[1.0], [2.0]]) is None and mauve([[1.0]] * 3, [[1.0]] * 3).score == pytest.approx(1)  # type: ignore[union-attr]


# -- centroid and floor


def test_centroid_similarity_leaves_out_what_has_no_direction() -> None:
    assert centroid_similarity([[1, 0], [0, 0]], [[0, 2], [0, 0]]) == 0
    assert centroid_similarity([[1, 1]], [[-1, -1]]) == pytest.approx(-1)
    assert centroid_similarity([[1, 0], [-1, 0]], [[1, 0]]) is None
    assert centroid_similarity([[0, 0]], [[1, 0]]) is None


def test_the_floor_is_what_one_distribution_gives() -> None:
    reference = normal((300, 16), 1)
    floor = split_half_floor(frechet_distance, reference)
    assert floor is not None and floor.interval.low <= floor.mean <= floor.interval.high
    assert above_floor(frechet_distance(reference, normal((300, 16), 2)), floor) is False
    assert above_floor(frechet_distance(reference, normal((300, 16), 2, 1)), floor) is True
    assert (
        split_half_floor(frechet_distance, reference) == floor != split_half_floor(frechet_distance, reference, seed=1)
    )
    assert split_half_floor(frechet_distance, reference[:3]) is None and above_floor(None, floor) is None
    with pytest.raises(UserError):
        split_half_floor(frechet_distance, reference, splits=1)


def test_the_floor_falls_as_the_sample_grows() -> None:
    means = [split_half_floor(wasserstein_distance, normal(size, 1)).mean for size in (20, 200, 2000)]  # type: ignore[union-attr]
    assert means == sorted(means, reverse=True)


VECTOR_DISTANCES = {
    "frechet": frechet_distance,
    "mmd": lambda one, other: mmd(one, other, permutations=0).squared,
    "precision-recall": lambda one, other: precision_recall(one, other).distance,
    "coverage": lambda one, other: -neighbor_coverage(one, other).coverage,
    "mauve": lambda one, other: -mauve(one, other).score,
    "centroid": lambda one, other: -centroid_similarity(one, other),
}


@pytest.mark.parametrize("name", VECTOR_DISTANCES)
def test_the_more_of_a_corpus_is_replaced_the_farther_it_is(name: str) -> None:
    distance = VECTOR_DISTANCES[name]
    reference, candidate, foreign = normal((200, 6), 1, 1), normal((200, 6), 2, 1), normal((200, 6), 3, 4)
    found = []
    for share in (0, 0.3, 0.9):
        found.append(distance(reference, np.vstack([foreign[: int(200 * share)], candidate[int(200 * share) :]])))
    if name == "centroid":  # both means point the same way: it does not see this
        assert max(found) - min(found) < 0.02
    else:
        assert found[0] < found[1] < found[2]


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_the_order_of_vectors_does_not_matter(random) -> None:  # type: ignore[no-untyped-def]
    one, other = normal((30, 3), 1), normal((30, 3), 2, 1)
    mixed = one[random.sample(range(30), 30)]
    for distance in (frechet_distance, lambda a, b: mmd(a, b, permutations=0).squared, centroid_similarity):  # type: ignore[union-attr]
        assert distance(mixed, other) == pytest.approx(distance(one, other))
    assert neighbor_coverage(mixed, other) == pytest.approx(neighbor_coverage(one, other))
