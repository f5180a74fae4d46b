"""``sdialog compare``, reports of ``sdialog evaluate``, and ``sdialog judge`` as users meet them."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from cli.test_cli import sdialog

from sdialog import Dialog, Turn
from sdialog.core.export import export

WORDS = ["the", "lamp", "is", "late", "and", "red", "but", "fine"]


def _corpus(path: Path, words: int, seed: int, size: int = 40) -> None:
    draw = random.Random(seed)
    dialogs = []
    for number in range(size):
        said = [
            " ".join(draw.choices(["the", "lamp", "is", "late", "and", "red", "but", "fine"], k=words))
            for _ in range(4)
        ]
        turns = [Turn(speaker="Ann" if place % 2 else "Bob", text=text) for place, text in enumerate(said)]
        mood = draw.choice(["calm", "angry"])
        dialogs.append(Dialog(id=f"d{number}", turns=turns, personas={"Ann": {"name": "Ann", "mood": mood}}))
    export(dialogs, path, "jsonl")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    for name, words, seed in (("old", 6, 1), ("new", 8, 2), ("same", 6, 3)):
        _corpus(folder / f"{name}.jsonl", words, seed)
    return folder


SETS = ("old.jsonl", "new.jsonl", "same.jsonl")
LENGTH = ("-m", "mean-turn-length,distinct-2")


def test_differences_have_intervals_and_corrected_p_values(corpora: Path) -> None:
    done = sdialog("compare", *SETS, *LENGTH, "--json", cwd=corpora)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    found = {(one["column"], one["b"]): one for one in told["differences"]}
    longer, equal = found["mean-turn-length", "new.jsonl"], found["mean-turn-length", "same.jsonl"]
    assert longer["difference"] == 2 and longer["pAdjusted"] < 0.01 and longer["pairs"] == 40
    assert equal["difference"] == 0 and equal["pAdjusted"] == 1
    assert all(one["p"] <= one["pAdjusted"] for one in told["differences"])
    shown = sdialog("compare", *SETS, *LENGTH, cwd=corpora).stdout
    assert (
        "new.jsonl - old.jsonl:\nmetric\tdifference" in shown
        and "mean-turn-length\t2.000\t[" in shown
        and "Holm's correction over 4 tests" in shown
    )
    pairs = json.loads(sdialog("compare", *SETS, *LENGTH, "--baseline", "all", "--json", cwd=corpora).stdout)
    assert len(pairs["differences"]) == 6


def test_slices_stand_side_by_side(corpora: Path) -> None:
    shown = sdialog("compare", *SETS[:2], *LENGTH, "--by", "mood", cwd=corpora).stdout
    assert "by mood:\nscore\tset\tangry\tcalm\nmean-turn-length\told.jsonl\t6.00" in shown
    assert "differences within slices significant:" in shown and "mood = calm" in shown


@pytest.mark.parametrize("suffix", [".html", ".md", ".csv", ".json", ".tex"])
def test_a_report_is_of_the_kind_that_its_ending_says(corpora: Path, suffix: str) -> None:
    target = corpora / "reports" / f"found{suffix}"
    options = ("--by", "mood", "--title", "Old & new", "--out", str(target))
    done = sdialog("compare", *SETS[:2], *LENGTH, *options, cwd=corpora)
    assert done.returncode == 0 and f"written to {target}" in done.stdout, done.stderr
    text = target.read_text(encoding="utf-8")
    starts = {
        ".html": "<!DOCTYPE html>",
        ".md": "# Old & new",
        ".csv": "kind,by,value",
        ".json": "{",
        ".tex": "\\begin",
    }
    assert text.startswith(starts[suffix])
    if suffix == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
        (row,) = (r for r in rows if (r["kind"], r["by"], r["metric"]) == ("difference", "", "mean-turn-length"))
        assert (row["set"], row["than"], float(row["number"]), row["n"]) == ("new.jsonl", "old.jsonl", 2.0, "40")
        assert {r["value"] for r in rows} == {"", "calm", "angry"}
    if suffix == ".html":
        assert "Old &amp; new" in text and "<svg" in text and "d7" in text


def test_claims_decide_the_exit_code(corpora: Path) -> None:
    def claimed(*claims: str) -> tuple[int, str]:
        options = [part for claim in claims for part in ("--claim", claim)]
        done = sdialog("compare", *SETS[:2], *LENGTH, *options, cwd=corpora)
        return done.returncode, done.stdout + done.stderr

    code, said = claimed("mean-turn-length: new.jsonl > old.jsonl + 1.5", "mean-turn-length: old.jsonl <= 6")
    assert code == 0 and "2 claims hold" in said
    code, said = claimed("mean-turn-length: new.jsonl > old.jsonl", "mean-turn-length: new.jsonl < old.jsonl")
    assert code == 1 and "difference 2, of which the 95 % bound is 2" in said and "claims hold" not in said
    code, said = claimed("mean-turn-length: old.jsonl >= 7", "mean-turn-length: new.jsonl <= 7")
    assert code == 1 and "2 claims are not shown" in said
    assert claimed("mean-turn-length: new.jsonl < old.jsonl + 3")[0] == 0
    assert claimed("mean-turn-length: old.jsonl > new.jsonl - 2.5")[0] == 0
    assert claimed("mean-turn-length: old.jsonl > new.jsonl - 1.5")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("old.jsonl",), "two sets or more"),
        (("old.jsonl", "old.jsonl"), "old.jsonl is named twice"),
        (("old.jsonl", "new.jsonl", "--out", "report.pdf"), "ends in .html, .md, .csv, .json, .tex"),
        (("old.jsonl", "new.jsonl", "--claim", "mattr is better"), "METRIC: SET > OTHER"),
        (("old.jsonl", "new.jsonl", "--claim", "mattr: new.jsnl > old.jsonl"), "did you mean 'new.jsonl'"),
        (("old.jsonl", "new.jsonl", "--claim", "mattr: new.jsonl >= old.jsonl"), ">= is for a number"),
        (("old.jsonl", "new.jsonl", "-m", "mattr", "--claim", "matr: new.jsonl > 1"), "did you mean 'mattr'"),
        (("old.jsonl", "new.jsonl", "--by", "moood"), "mood"),
        (("old.jsonl", "new.jsonl", "--correction", "bonferoni"), "holm"),
        (("old.jsonl", "new.jsonl", "--baseline", "third"), "'third'"),
    ],
)
def test_mistakes_are_told_in_a_line(corpora: Path, arguments: tuple[str, ...], message: str) -> None:
    done = sdialog("compare", *arguments, cwd=corpora)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_an_evaluation_against_a_reference(corpora: Path) -> None:
    options = ("--reference", "old.jsonl", "--out", "against.html", "--json", *LENGTH)
    done = sdialog("evaluate", "new.jsonl", "same.jsonl", *options, cwd=corpora)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["new.jsonl"]["scores"]["mean-turn-length"]["mean"] == 8
    compared = {(one["column"], one["a"], one["b"]) for one in told["comparison"]["differences"]}
    assert ("distinct-2", "old.jsonl", "new.jsonl") in compared and (
        "distinct-2",
        "new.jsonl",
        "same.jsonl",
    ) not in compared
    floors = told["comparison"]["floors"]
    assert any("mmd" in name for name in floors) and any("centroid" in name for name in floors)
    assert "noise floor" in (corpora / "against.html").read_text(encoding="utf-8").lower()


def test_one_set_by_what_its_dialogs_are(corpora: Path) -> None:
    done = sdialog("evaluate", "new.jsonl", *LENGTH, "--by", "mood", cwd=corpora)
    assert done.returncode == 0 and "score\tset\tangry\tcalm\nmean-turn-length\tnew.jsonl\t8.00" in done.stdout


# -- judges beside people


@pytest.fixture(scope="module")
def judged(corpora: Path) -> Path:
    verdicts = '{"positive": true}\n{"positive": false}\n'
    (corpora / "verdicts.txt").write_text(verdicts)
    (corpora / "judge.yaml").write_text(
        "- {type: LLMJudgeYesNo, name: polite, prompt: 'Is it polite?', model: 'scripted:verdicts.txt'}\n"
    )
    return corpora


def _labels(path: Path, cells: dict[str, str], head: str = "id,label") -> None:
    path.write_text(head + "\n" + "".join(f"{name},{label}\n" for name, label in cells.items()), encoding="utf-8-sig")


def test_a_sample_for_people_is_drawn_once(corpora: Path) -> None:
    drawn = [
        sdialog("judge", "sample", "old.jsonl", "-n", "10", "--seed", seed, "--out", name, cwd=corpora)
        for seed, name in (("0", "s0.csv"), ("0", "s0b.csv"), ("1", "s1.csv"))
    ]
    assert all(done.returncode == 0 for done in drawn)
    first, again, other = (list(csv.DictReader((corpora / name).open())) for name in ("s0.csv", "s0b.csv", "s1.csv"))
    assert first == again and [row["id"] for row in first] != [row["id"] for row in other]
    assert len({row["id"] for row in first}) == 10 and first[0]["dialog_text"].startswith("Bob: ")
    refused = sdialog("judge", "sample", "old.jsonl", "--out", "s0.csv", cwd=corpora)
    assert refused.returncode == 2 and "already" in refused.stderr
    empty = sdialog("judge", "calibrate", "old.jsonl", "--judge", "judge.yaml", "--labels", "s0.csv", cwd=corpora)
    assert empty.returncode == 2


def test_a_judge_is_measured_against_people(judged: Path) -> None:
    truth = {f"d{number}": "yes" if number % 2 == 0 or number > 15 else "no" for number in range(20)}
    _labels(judged / "labels.csv", truth)
    options = ("--judge", "judge.yaml", "--labels", "labels.csv", "--concurrency", "1")
    done = sdialog("judge", "calibrate", "old.jsonl", *options, "--json", cwd=judged)
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert told["nJudged"] == 40 and told["nLabelled"] == 20
    assert 0 <= told["sensitivity"]["value"] <= 1 and told["sensitivity"]["n"] == 12
    shown = sdialog("judge", "calibrate", "old.jsonl", *options, cwd=judged).stdout
    assert "Cohen's kappa" in shown and "specificity" in shown


def test_labels_are_read_as_people_keep_them(judged: Path) -> None:
    truth = {f"d{number}": ("pass", "fail")[number % 2] for number in range(20)}
    forms = {
        "semicolons.csv": "id;note;polite\n" + "".join(f"{name};x;{label}\n" for name, label in truth.items()),
        "tabs.tsv": "dialog_id\tlabel\n" + "".join(f"{name}\t{label}\n" for name, label in truth.items()),
        "lines.jsonl": "".join(json.dumps({"id": n, "polite": label}) + "\n" for n, label in truth.items()),
    }
    found = []
    for name, text in forms.items():
        (judged / name).write_text(text)
        options = ("--judge", "judge.yaml", "--labels", name, "--concurrency", "1", "--json")
        done = sdialog("judge", "calibrate", "old.jsonl", *options, cwd=judged)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] == found[2] and found[0][0]["nLabelled"] == 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\nd1,yes\n", "no column says which dialog"),
        ("id,label\nd1,yes\nd1,no\n", "line 3: the dialog d1 has a row already"),
        ("id,label\nd1,yes,no\n", "line 2: 3 cells, but 2 columns"),
        ("id,a,b\nd1,yes,no\n", "unknown column"),
        ("id,label\nother,yes\n", "no id of labels-bad.csv is one of the dialogs'"),
        ("id,label\nd1,\n", "the column label is empty"),
    ],
)
def test_bad_labels_are_told_in_a_line(judged: Path, text: str, message: str) -> None:
    (judged / "labels-bad.csv").write_text(text)
    options = ("--judge", "judge.yaml", "--labels", "labels-bad.csv")
    done = sdialog("judge", "calibrate", "old.jsonl", *options, cwd=judged)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr
