"""Comparisons: the published table, and what says how sure its numbers are."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import EvaluationError, UnknownNameError, UserError
from sdialog.core.io import write_jsonl
from sdialog.evaluation import (
    BaseDatasetEvaluator,
    BaseDialogScore,
    ConversationalFeatures,
    FrechetBERTDistanceEvaluator,
    FrequencyEvaluator,
    MeanEvaluator,
    MeanTurnLengthScore,
    ReferenceCentroidEmbeddingEvaluator,
    Running,
    StatsEvaluator,
    TurnLength,
    score_dialogs,
)
from sdialog.evaluation.compare import (
    ClaimError,
    Comparator,
    DatasetComparator,
    assert_at_least,
    assert_better,
    compare,
)
from sdialog.evaluation.evaluators.references import ScoreDistanceEvaluator
from sdialog.statistics.effects import difference_interval, newcombe_interval
from sdialog.statistics.hypotheses import mcnemar_test, paired_permutation_test, permutation_test
from sdialog.statistics.intervals import mean_interval, wilson_interval


def dialog(words: int, id: Any = None, **fields: Any) -> Dialog:
    return Dialog(id=id, turns=[Turn(speaker="A", text="word " * words)] if words else [], **fields)


def lengths(*words: int, start: int = 0, **fields: Any) -> list[Dialog]:
    return [dialog(count, f"{start}-{place}", **fields) for place, count in enumerate(words)]


class Length(BaseDialogScore):
    """How many words there are, none for a dialog without turns."""

    def score(self, dialog: Dialog) -> float | None:
        return float(len(dialog[0].text.split())) if len(dialog) else None


class Long(BaseDialogScore):
    """1 for more than three words."""

    def score(self, dialog: Dialog) -> int:
        return int(len(dialog[0].text.split()) > 3)


SHORT, LONG = (1, 2, 3, 2, 1, 4, 2, 3), (4, 6, 3, 5, 7, 4, 6, 5)


# -- the published call


def test_the_table_is_a_dict_of_dicts_and_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    comparator = DatasetComparator([MeanEvaluator(Length("length")), StatsEvaluator(Length("length"))])
    found = comparator({"A": lengths(*SHORT), "B": lengths(*LONG, start=1)})
    assert found == {
        "A": {
            "mean-length": 2.25,
            "stats-length-mean": 2.25,
            "stats-length-std": pytest.approx(1.0351, abs=1e-4),
            "stats-length-min": 1.0,
            "stats-length-max": 4.0,
            "stats-length-median": 2.0,
        },
        "B": found["B"],
    }
    assert isinstance(found, dict) and found["B"]["mean-length"] == 5.0
    printed = capsys.readouterr().out
    assert "mean-length" in printed and "2.25" in printed and "| " in printed
    assert comparator({"A": lengths(*SHORT)}, digits=4, output="table") and "2.2500" in capsys.readouterr().out
    assert comparator({"A": lengths(*SHORT)}, output=dict)["A"]["mean-length"] == 2.25
    assert not capsys.readouterr().out
    assert Comparator is DatasetComparator


def test_candidates_may_be_lists_of_lists_one_list_iterators_and_paths(tmp_path: Path) -> None:
    comparator = Comparator(MeanEvaluator(Length("length")))
    first, second = tmp_path / "first.jsonl", tmp_path / "runs" / "second"
    write_jsonl(lengths(*SHORT), first)
    write_jsonl(lengths(*LONG), second / "dialogs.jsonl")
    for candidates, names in [
        ([lengths(*SHORT), lengths(*LONG)], [1, 2]),
        ([first, str(second)], ["first.jsonl", "second"]),
        ({"a": iter(lengths(*SHORT)), 7: second}, ["a", 7]),
    ]:
        found = comparator(candidates, output="dict")
        assert list(found) == names
        assert [row["mean-length"] for row in found.values()] == [2.25, 5.0]
    assert list(comparator(lengths(*SHORT), output="dict").values()) == [{"mean-length": 2.25}]
    assert comparator(str(first), output="dict") == {"first.jsonl": {"mean-length": 2.25}}


def test_wrong_arguments_are_refused_before_anything_is_scored() -> None:
    class Never(BaseDialogScore):
        def score(self, dialog: Dialog) -> float:
            raise AssertionError("scored")

    comparator, candidates = Comparator(MeanEvaluator(Never())), {"a": lengths(1, 2)}
    wrong: list[dict[str, Any]] = [
        {"output": "markdwn"}, {"test": "students"}, {"correction": "bonferoni"}, {"baseline": "b"}, {"alpha": 2.0},
        {"ci": "bootstrp"},
    ]  # fmt: skip
    for options in wrong:
        with pytest.raises(UserError):
            comparator(candidates, running=Running(errors="raise"), **options)
    with pytest.raises(UserError):
        Comparator([])
    with pytest.raises(TypeError, match="MeanEvaluator"):
        Comparator([Length()])  # type: ignore[list-item]
    with pytest.raises(UserError):
        comparator({})
    with pytest.raises(UserError, match="no Dialog"):
        comparator({"a": ["text"]}, output="dict")


def test_columns_of_equal_names_stay_apart_and_custom_evaluators_need_no_name() -> None:
    class CountDialogsEvaluator(BaseDatasetEvaluator):
        def __call__(self, dialogues: Any, dataset_name: Any = None, **options: Any) -> Any:
            return {"dialogs": len(dialogues), "turns": sum(len(one) for one in dialogues)}

    evaluators = [FrequencyEvaluator(Long("x")), FrequencyEvaluator(Long("x")), CountDialogsEvaluator()]
    found = Comparator(evaluators)({"a": lengths(*SHORT)}, output="dict")
    assert found["a"] == {
        "frequency-x": 0.125, "frequency-x-2": 0.125, "count-dialogs-dialogs": 8, "count-dialogs-turns": 8,
    }  # fmt: skip


def test_every_dialog_is_read_and_scored_once() -> None:
    scored: list[Any] = []

    class Counts(BaseDialogScore):
        def score(self, dialog: Dialog) -> float:
            scored.append(dialog.id)
            return 1.0

    score = Counts()
    Comparator([MeanEvaluator(score), StatsEvaluator(score)])({"a": lengths(*SHORT)}, output="dict")
    assert len(scored) == len(SHORT)


def test_forms_hold_the_same_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    comparator, sets = Comparator(MeanEvaluator(Length("a_b|c"))), {"A & 50%": lengths(*SHORT), "B": lengths(*LONG)}
    data = json.loads(comparator(sets, output="json"))
    assert data["datasets"][0]["values"]["mean-a_b|c"]["value"] == 2.25
    assert data["differences"][0]["difference"] == 2.75 and data["options"]["correction"] == "holm"
    assert r"A \& 50\%" in comparator(sets, output="latex") and r"mean-a\_b" in comparator(sets, output="latex")
    frame = comparator(sets, output="dataframe")
    assert frame.loc["B", "mean-a_b|c"] == 5.0 and frame.loc["B", "mean-a_b|c low"] < 5.0
    assert "A &amp; 50%" in comparator(sets, output="html")
    comparator(sets)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert r"mean-a_b\|c" in rows[0] and len({row.replace(r"\|", "").count("|") for row in rows[:4]}) == 1


# -- how sure


def test_intervals_tests_and_effects_are_those_of_the_statistics() -> None:
    found = compare({"a": lengths(*SHORT), "b": lengths(*LONG, start=1)}, [Length("length"), Long("long")])
    cell = found.cells["a", "length"]
    assert cell.interval == mean_interval([float(n) for n in SHORT])
    assert found.cells["b", "long"].interval == wilson_interval(7, 8)
    one = found.difference("a", "b", "length")
    a, b = [float(n) for n in SHORT], [float(n) for n in LONG]
    expected = permutation_test(a, b)
    assert expected is not None
    assert one.difference == 2.75 and one.interval == difference_interval(a, b) and one.pairs is None
    assert one.p_value == pytest.approx(expected.p_value, abs=2e-3)  # drawn with another seed
    assert one.effects["hedges_g"] is not None and one.effects["cliffs_delta"] is not None
    share = found.difference("a", "b", "long")
    assert share.interval == newcombe_interval(1, 8, 7, 8) and list(share.effects) == ["cohens_h"]
    # Holm: the smaller p-value times two
    assert one.p_adjusted == pytest.approx(min(2 * one.p_value, share.p_adjusted or 1))
    assert found.difference("a", "b", "length").significant()
    with pytest.raises(UnknownNameError, match="baseline"):
        found.difference("b", "a", "length")


def test_dialogs_of_equal_ids_are_paired_and_others_not() -> None:
    same = {"a": lengths(*SHORT), "b": lengths(*LONG)[::-1]}
    found = compare(same, [Length("length"), Long("long")])
    one = found.difference("a", "b", "length")
    expected = paired_permutation_test([float(n) for n in SHORT], [float(n) for n in LONG])
    assert expected is not None
    assert (one.pairs, one.unit, one.paired_by) == (8, "dialog", "id")
    assert one.p_value == pytest.approx(expected.p_value) and one.difference == 2.75
    tested = mcnemar_test([int(n > 3) for n in SHORT], [int(n > 3) for n in LONG], method="mid-p")
    assert tested is not None
    assert found.difference("a", "b", "long").p_value == pytest.approx(tested.p_value)
    assert compare(same, Length("length"), test="permutation").differences[0].pairs is None
    by_place = compare({"a": lengths(*SHORT), "b": lengths(*LONG, start=1)}, Length("length"), pair_by="index")
    assert by_place.differences[0].p_value == pytest.approx(expected.p_value)
    with pytest.raises(UserError, match="do not pair up"):
        compare({"a": lengths(*SHORT), "b": lengths(*LONG, start=1)}, Length("length"), test="paired")


def test_dialogs_pair_by_an_attribute_or_a_function() -> None:
    first = [dialog(n, annotations={"task": place}) for place, n in enumerate(SHORT)]
    second = [dialog(n, annotations={"task": place}) for place, n in enumerate(LONG)][::-1]
    for key in ("task", lambda one: one.annotations["task"]):
        one = compare({"a": first, "b": second[1:]}, Length("length"), pair_by=key).differences[0]
        assert one.pairs == 7 and one.paired_by == "pair"
    with pytest.raises(UserError, match=r"tsk.*task"):
        compare({"a": first, "b": second}, Length("length"), pair_by="tsk")


def test_clusters_widen_intervals_and_equal_ones_are_paired() -> None:
    draw = random.Random(3)
    base = {name: draw.uniform(2, 30) for name in "pqrstu"}

    def made(extra: int, side: str) -> Iterator[Dialog]:
        for name, level in base.items():
            for place in range(6):
                words = round(level + extra + draw.uniform(0, 2))
                yield dialog(words, f"{side}{name}{place}", scenario={"task": name})

    sets = {"a": list(made(0, "a")), "b": list(made(4, "b"))}
    alone = compare(sets, Length("length"))
    together = compare(sets, Length("length"), cluster_by="scenario")
    widths = [found.cells["a", "length"].interval for found in (alone, together)]
    assert widths[0] is not None and widths[1] is not None
    assert widths[1].high - widths[1].low > 1.5 * (widths[0].high - widths[0].low)
    one = together.differences[0]
    assert (one.pairs, one.unit) == (6, "cluster") and one.p_value == pytest.approx(2 / 2**6)
    assert compare(sets, Length("length"), cluster_by="task", test="permutation").differences[0].pairs is None


def test_turns_of_a_dialog_belong_together() -> None:
    twice = [Dialog(turns=[turn for turn in one.turns or [] for _ in range(5)]) for one in lengths(*SHORT)]
    found = compare({"once": lengths(*SHORT), "often": twice}, TurnLength("turns"))
    once, often = found.cells["once", "turns"].interval, found.cells["often", "turns"].interval
    assert once is not None and often is not None
    assert often[:2] == pytest.approx(once[:2])


def test_the_baseline_is_the_first_the_named_one_or_everyone() -> None:
    sets = {name: lengths(*SHORT, start=place) for place, name in enumerate("abc")}
    pairs = lambda **options: [(d.a, d.b) for d in compare(sets, Length(), **options).differences]  # noqa: E731
    assert pairs() == [("a", "b"), ("a", "c")]
    assert pairs(baseline="b") == [("b", "a"), ("b", "c")]
    assert pairs(baseline="all") == [("a", "b"), ("a", "c"), ("b", "c")]
    assert pairs(ci=False) == []


def test_missing_values_are_counted_with_their_reasons_and_are_no_zeros() -> None:
    class Fails(BaseDialogScore):
        def score(self, dialog: Dialog) -> float:
            return 1 / (len(dialog) if dialog.id != "0-1" else 0)

    found = compare({"a": lengths(*SHORT), "none": lengths(0, 0)}, [Length("length"), Fails("fails")])
    cell = found.cells["a", "fails"]
    assert (cell.value, cell.n, cell.n_missing) == (1.0, 7, 1)
    assert cell.reasons == {"ZeroDivisionError: division by zero": 1}
    assert found["none"]["length"] is None and found.cells["none", "length"].n_missing == 2
    one = found.difference("a", "none", "length")
    assert (one.difference, one.p_value, one.note) == (None, None, "none has no value")
    assert "none, 2 in length" in str(found)


def test_one_dialog_has_no_interval_and_no_invented_certainty() -> None:
    found = compare({"a": lengths(3), "b": lengths(5, start=1)}, Length("length"))
    one = found.differences[0]
    assert found.cells["a", "length"].interval is None and one.interval is None and one.detectable is None
    assert one.difference == 2.0 and not one.significant()


def test_the_detectable_difference_falls_with_the_root_of_n() -> None:
    few = compare({"a": lengths(*SHORT), "b": lengths(*LONG, start=1)}, Length("x"), test="permutation")
    many = compare({"a": lengths(*SHORT * 4), "b": lengths(*LONG * 4, start=1)}, Length("x"), test="permutation")
    ratio = (few.differences[0].detectable or 0) / (many.differences[0].detectable or 1)
    # standard errors divide by n - 1
    assert ratio == pytest.approx((31 / 7) ** 0.5)


def test_statistics_that_are_no_means_get_bootstrap_intervals_and_distances_a_floor() -> None:
    draw = random.Random(5)
    sets = {name: lengths(*(draw.randint(1, top) for _ in range(40))) for name, top in (("a", 9), ("b", 20))}
    reference = lengths(*(draw.randint(1, 9) for _ in range(40)))
    found = Comparator(
        [
            StatsEvaluator(Length("x")),
            ScoreDistanceEvaluator(Length("x"), reference),
            ReferenceCentroidEmbeddingEvaluator("hashed", reference),
        ]
    )(sets, output="dict")
    median, least = found.cells["a", "stats-x-median"], found.cells["a", "stats-x-min"]
    assert median.interval is not None and median.interval.method == "bootstrap" and least.interval is None
    floor = found.floors["wasserstein-x"]
    assert floor is not None and found["a"]["wasserstein-x"] < floor.interval.high < found["b"]["wasserstein-x"]
    assert {one.column for one in found.differences} == {"stats-x-mean"}
    assert "noise floor" in found.markdown() and "above" in found.markdown()


def test_weights_give_the_mean_of_the_population() -> None:
    women = [dialog(4, f"w{n}", personas={"A": {"gender": "woman"}}) for n in range(6)]
    men = [dialog(8, f"m{n}", personas={"A": {"gender": "man"}}) for n in range(2)]
    even = {"gender": {"woman": 0.5, "man": 0.5}}
    assert compare({"a": [*women, *men]}, Length("x"))["a"]["x"] == 5.0
    found = compare({"a": [*women, *men], "b": [*women, *men]}, Length("x"), weights=even)
    assert found["a"]["x"] == pytest.approx(6.0) and found.differences[0].test == "weighted t"
    assert compare({"a": [*women, *men]}, Length("x"), weights=lambda one: 3.0)["a"]["x"] == 5.0
    with pytest.raises(UserError, match="gender"):
        compare({"a": [*women, dialog(3, personas={"A": {"gender": "other"}})]}, Length("x"), weights=even)
    with pytest.raises(UserError, match="weighted"):
        compare({"a": women, "b": women}, Length("x"), weights=lambda one: 1.0, test="paired")


def test_slices_repeat_the_comparison_among_dialogs_alike() -> None:
    def topics(words: tuple[int, ...], start: int) -> list[Dialog]:
        return [dialog(n, f"{start}{p}", annotations={"topic": "xy"[p % 2]}) for p, n in enumerate(words)]

    found = compare({"a": topics(SHORT, 0), "b": topics(LONG, 1)}, Length("length"), by="topic")
    assert [(one.by, one.value) for one in found.slices] == [("topic", "x"), ("topic", "y")]
    alone = compare({"a": topics(SHORT, 0)[::2], "b": topics(LONG, 1)[::2]}, Length("length"))
    assert found.slices[0].cells["b", "length"] == alone.cells["b", "length"]
    assert found.slices[0].differences[0].difference == alone.differences[0].difference
    assert found.differences[0].p_adjusted == found.differences[0].p_value  # slices are a family of their own
    with pytest.raises(UserError, match="slices"):
        compare({"a": lengths(*range(1, 40))}, Length(), by=lambda one: len(one[0].text))
    many = [
        Dialog(turns=one.turns, annotations={"topic": "xy"[n % 2], "n": n})
        for n, one in enumerate(lengths(*range(1, 40)))
    ]
    with pytest.raises(UserError, match=r"39 slices, and 24 are the most; these make fewer: topic \(2\)\."):
        compare({"a": many}, Length(), by="n")


def test_the_same_comparison_gives_the_same_numbers() -> None:
    draw = random.Random(7)
    sets = {name: lengths(*(draw.randint(1, 9) for _ in range(60)), start=place) for place, name in enumerate("ab")}
    texts = [json.dumps(compare(sets, [Length("x"), Long("y")], ci="bootstrap", seed=3).json()) for _ in range(2)]
    assert texts[0] == texts[1]


def test_scores_of_many_values_keep_their_names() -> None:
    found = compare({"a": lengths(*SHORT)}, ConversationalFeatures())
    assert list(found["a"])[:3] == ["mean-turn-length", "hesitation-rate", "turn-taking-ratio"]
    assert "question-rate" in compare({"a": lengths(*SHORT)})["a"]


def test_a_rate_that_is_zero_everywhere_is_no_share_and_a_verdict_is_one() -> None:
    class Verdict(BaseDialogScore):
        def score(self, dialog: Dialog) -> int:
            return 1

    sets = {"a": lengths(*SHORT), "b": lengths(*LONG, start=1)}
    found = compare(sets, [ConversationalFeatures("hesitation-rate"), Verdict("verdict")])
    rate, verdict = found.cells["a", "hesitation-rate"].interval, found.cells["a", "verdict"].interval
    assert rate is not None and rate[:2] == (0.0, 0.0) and "nothing varies" in str(found)
    assert verdict == wilson_interval(8, 8)
    assert found.difference("a", "b", "verdict").interval == newcombe_interval(8, 8, 8, 8)


# -- claims


def test_a_claim_passes_only_with_its_bound() -> None:
    short, long = lengths(*SHORT), lengths(*LONG, start=1)
    assert_better(long, short, Length("length"))
    assert_better(long, short, Length("length"), by=1.5)
    assert_better(short, long, Length("length"), direction="lower")
    with pytest.raises(ClaimError, match=r"by 2\.5.*difference 2\.75.*n = 8 and 8") as caught:
        assert_better(long, short, Length("length"), by=2.5)
    assert isinstance(caught.value, AssertionError) and isinstance(caught.value, EvaluationError)
    assert caught.value.needed == 2.5 and caught.value.bound is not None and caught.value.bound < 2.5
    assert pickle.loads(pickle.dumps(caught.value)).bound == caught.value.bound
    with pytest.raises(ClaimError):
        assert_better(short, long, Length("length"))
    with pytest.raises(ClaimError, match="too few"):
        assert_better(long[:1], short[:1], Length("length"))


def test_a_threshold_is_held_against_the_lower_bound() -> None:
    long = lengths(*LONG)
    assert_at_least(long, Length("length"), 4.0)
    with pytest.raises(ClaimError, match=r"mean 5.*bound is 4\.1"):
        assert_at_least(long, Length("length"), 4.9)
    assert_at_least(long, Length("length"), 6.0, direction="lower")
    (result,) = score_dialogs([Length("length")], long)
    assert_at_least(result, "length", 4.0)  # type: ignore[arg-type]


def test_claims_on_a_comparison() -> None:
    found = compare({"old": lengths(*SHORT), "new": lengths(*LONG)}, Length("length"))
    found.assert_better("new", "old", "length", by=1.0)
    found.assert_at_least("new", "length", 4.0)
    with pytest.raises(ClaimError, match="old is not shown to be better than new in length"):
        found.assert_better("old", "new", "length")
    with pytest.raises(UnknownNameError, match="lenght"):
        found.assert_better("new", "old", "lenght")


# -- what cannot be shown is not said


class Noted(BaseDialogScore):
    """What a dialog's annotations say."""

    def score(self, dialog: Dialog) -> Any:
        return (dialog.annotations or {}).get(self.name)


def noted(values: Iterable[Any], start: Any = 0, **fields: Any) -> list[Dialog]:
    return [
        Dialog(id=f"{start}-{place}", turns=[], annotations={"x": value}, **fields)
        for place, value in enumerate(values)
    ]


def test_weights_count_in_claims_too() -> None:
    women = [dialog(3 + n % 3, f"w{n}", personas={"A": {"gender": "woman"}}) for n in range(12)]
    men = [dialog(8 + n % 2, f"m{n}", personas={"A": {"gender": "man"}}) for n in range(4)]
    found = compare({"a": [*women, *men], "b": women}, Length("x"), weights=lambda one: 19.0 if one.id[0] == "m" else 1)
    assert found["a"]["x"] == pytest.approx(7.886, abs=0.001)
    found.assert_at_least("a", "x", 7.0)
    with pytest.raises(ClaimError, match=r"mean 7\.8"):
        found.assert_at_least("a", "x", 8.0)
    with pytest.raises(ClaimError, match=r"a 7\.8"):
        found.assert_better("b", "a", "x")


def test_weighted_tests_allow_for_few_dialogs() -> None:
    draw = random.Random(11)
    found = [
        compare(
            {"a": noted(draw.gauss(0, 1) for _ in range(4)), "b": noted((draw.gauss(0, 1) for _ in range(4)), 1)},
            Noted("x"),
            weights=lambda one: 1.0,
        ).differences[0]
        for _ in range(300)
    ]
    # With z in place of t more than a tenth are.
    assert sum((one.p_value or 0) <= 0.05 for one in found) / 300 < 0.085
    assert found[0].test == "weighted t"


@pytest.mark.parametrize(("size", "pairs"), [(3, False), (3, True), (5, True)])
def test_no_difference_is_detectable_where_no_test_could_find_one(size: int, pairs: bool) -> None:
    first, second = noted(range(size)), noted([1, 3, 9, 8, 4][:size], 0 if pairs else 1)
    one = compare({"a": first, "b": second}, Noted("x")).differences[0]
    assert one.pairs == (size if pairs else None)
    assert one.p_value is not None and one.detectable is None and "too few" in (one.note or "")
    more = compare({"a": noted(range(6)), "b": noted([1, 3, 9, 8, 4, 7])}, Noted("x")).differences[0]
    assert more.pairs == 6 and more.detectable is not None and more.note is None


def test_shares_are_tested_exactly() -> None:
    first, second = noted([0] * 30 + [1] * 10), noted([0] * 18 + [1] * 22, 1)
    one = compare({"a": first, "b": second}, Noted("x")).differences[0]
    # Fisher's exact test of [[10, 30], [22, 18]], two-sided: scipy.stats.fisher_exact gives .011506
    assert one.test == "exact permutation" and one.p_value == pytest.approx(0.011506, abs=1e-6)


def test_p_values_are_fine_enough_for_many_tests() -> None:
    """With 9,999 draws no p-value is below .0001, so that of 600 tests Holm could find none."""
    draw = random.Random(2)
    names = [f"x{place}" for place in range(600)]

    class Many(BaseDialogScore):
        def score(self, dialog: Dialog) -> Any:
            return dialog.annotations

    def made(far: float, start: int) -> list[Dialog]:
        rows = [{name: draw.gauss(far if name == "x0" else 0, 1) for name in names} for _ in range(12)]
        return [Dialog(id=f"{start}-{n}", turns=[], annotations=row) for n, row in enumerate(rows)]

    found = compare({"a": made(0, 0), "b": made(4, 1)}, Many("m"), ci="t").differences
    assert len(found) == 600
    assert [one.column for one in found if one.significant()] == ["x0"]


def test_pairs_that_were_asked_for_are_not_forgotten() -> None:
    twice = [dialog(n, annotations={"task": n // 2}) for n in (2, 3, 4, 5)]
    once = [dialog(n, annotations={"task": n}) for n in (1, 2)]
    with pytest.raises(UserError, match="pair_by"):
        compare({"a": twice, "b": once}, Length("x"), pair_by="task")
    other = [dialog(n, annotations={"task": n}) for n in (7, 8)]
    one = compare({"a": once, "b": other}, Length("x"), pair_by="task").differences[0]
    assert one.p_value is None and one.difference is None and "pair_by" in (one.note or "")
    with pytest.raises(UserError, match="pair_by"):
        compare({"a": once, "b": once}, Length("x"), pair_by="task", weights=lambda one: 1.0)
    with pytest.raises(UserError, match="pair_by"):
        assert_better(once, other, Length("x"), pair_by="task")


def test_claims_on_a_comparison_pair_as_the_comparison_did() -> None:
    sets = {"a": noted([1, 20, 40, 60, 80, 90]), "b": noted([2, 21, 42, 61, 82, 91.5], 1)}
    found = compare(sets, Noted("x"), pair_by="index")
    assert found.differences[0].significant()
    found.assert_better("b", "a", "x")
    with pytest.raises(ClaimError):
        compare(sets, Noted("x")).assert_better("b", "a", "x")


def test_few_values_that_do_not_vary_show_nothing() -> None:
    with pytest.raises(ClaimError, match="none of them vary"):
        assert_better(noted([2.5] * 2, 1), noted([1.5] * 2), Noted("x"))
    with pytest.raises(ClaimError, match="none of them vary"):
        assert_better(noted([2.5] * 4), noted([1.5] * 4), Noted("x"))
    with pytest.raises(ClaimError, match="none of them vary"):
        assert_at_least(noted([2.5] * 4), Noted("x"), 2)
    assert_better(noted([2.5] * 5), noted([1.5] * 5), Noted("x"))
    assert_at_least(noted([2.5] * 5), Noted("x"), 2)


def test_two_attributes_of_one_name_are_refused() -> None:
    with pytest.raises(UserError, match="lambda"):
        compare({"a": lengths(1, 2)}, Length("x"), by=[lambda one: one.id, lambda one: len(one)])


def test_a_set_of_no_dialogs_adds_no_column_and_spoils_no_figure() -> None:
    comparator = Comparator([MeanEvaluator(ConversationalFeatures()), StatsEvaluator(ConversationalFeatures())])
    alone = comparator({"a": lengths(*SHORT)}, output="dict")
    found = comparator({"none": [], "a": lengths(*SHORT)}, output="dict")
    assert list(found["a"]) == list(alone["a"]) and set(found["none"].values()) == {None}
    assert all(len(figures) == 7 for figures in comparator.plot(show=False).values())
    assert list(comparator({"none": []}, output="dict")["none"].values()) == [None, None]


def test_labels_have_no_mean_and_it_is_said() -> None:
    class Tone(BaseDialogScore):
        def score(self, dialog: Dialog) -> str:
            return "calm"

    found = compare({"a": lengths(*SHORT)}, [Tone("tone"), Length("x")])
    assert found["a"]["tone"] is None and "tone gives labels, which have no mean" in str(found)
    assert "tone gives labels, which have no mean" in found.html()


def test_a_reference_of_no_dialogs_is_refused() -> None:
    for evaluator in (
        ScoreDistanceEvaluator(Length("x"), []),
        ReferenceCentroidEmbeddingEvaluator("hashed", []),
        FrechetBERTDistanceEvaluator([], embedder="hashed"),
    ):
        with pytest.raises(UserError, match="reference"):
            evaluator([Dialog(turns=[Turn(speaker="A", text="Yes?"), Turn(speaker="B", text="No.")])] * 4)


def test_a_slice_of_nothing_makes_no_table() -> None:
    class Size(BaseDatasetEvaluator):
        def __call__(self, dialogues: Any, dataset_name: Any = None, **options: Any) -> Any:
            return len(dialogues)

    found = Comparator(Size())({"a": noted([1, 2])}, output="dict", by="x")
    assert "x = 1" not in str(found)


def test_scores_may_be_given_by_name_and_others_are_explained() -> None:
    found = compare({"a": lengths(*SHORT)}, "mean-turn-length")
    assert list(found["a"]) == ["mean-turn-length"] and found["a"]["mean-turn-length"] == 2.25
    assert list(compare({"a": lengths(*SHORT)}, [Length("x"), "mattr"])["a"]) == ["x", "mattr"]
    with pytest.raises(UnknownNameError, match="mattr"):
        compare({"a": lengths(*SHORT)}, "matr")


def test_counts_stand_in_the_order_of_the_sets() -> None:
    found = compare({"a": lengths(*SHORT), "b": lengths(1, 2, 3, start=1)}, Length("x"))
    row = next(line for line in str(found).splitlines() if "b - a" in line)
    assert "| 3, 8 " in row


def test_the_floor_is_that_of_sets_as_small_as_the_smallest() -> None:
    draw = random.Random(4)
    beyond = 0
    for trial in range(40):
        reference, few = (noted(draw.gauss(0, 1) for _ in range(size)) for size in (200, 10))
        evaluator = ScoreDistanceEvaluator(Noted("x"), reference)
        found = Comparator(evaluator)({"few": few}, output="dict", seed=trial)
        floor = found.floors["wasserstein-x"]
        assert floor is not None
        beyond += found["few"]["wasserstein-x"] > floor.interval.high
    # Against halves of the reference, 100 dialogs each, nearly all would lie beyond.
    assert beyond <= 5


# -- figures


def test_figures_of_all_evaluators_are_written(tmp_path: Path) -> None:
    comparator = Comparator([MeanEvaluator(Length("a/b")), StatsEvaluator(MeanTurnLengthScore())])
    comparator({"a": lengths(*SHORT), "b": lengths(*LONG)}, output="dict")
    figures = comparator.plot(show=False, save_folder_path=tmp_path / "figures")
    assert list(figures) == ["mean-a/b", "stats-mean-turn-length"]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "mean-a-b.png",
        "stats-mean-turn-length.png",
    ]


# -- invariants

FEW_WORDS = st.lists(st.integers(0, 12), min_size=0, max_size=14)


@settings(max_examples=40)
@given(FEW_WORDS, FEW_WORDS, st.randoms(use_true_random=False))
def test_order_says_nothing_and_swapping_the_sets_turns_the_sign(a: list[int], b: list[int], draw: Any) -> None:
    first, second = lengths(*a), lengths(*b, start=1)
    mixed = draw.sample(first, len(first)), draw.sample(second, len(second))
    one = compare({"a": first, "b": second}, Length("x"), test="none").differences[0]
    other = compare({"b": mixed[1], "a": mixed[0]}, Length("x"), test="none").differences[0]
    if one.difference is None or other.difference is None:
        assert one.difference is other.difference is None
        return
    assert other.difference == pytest.approx(-one.difference)
    if one.interval is None or other.interval is None:
        assert one.interval is other.interval is None
        return
    assert one.interval[:2] == pytest.approx((-other.interval.high, -other.interval.low))
    assert one.interval.low - 1e-9 <= one.difference <= one.interval.high + 1e-9
