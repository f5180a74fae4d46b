"""``sdialog evaluate`` and ``sdialog metrics`` as users meet them."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from cli.test_cli import ROOT, sdialog


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    script = ROOT / "scenarios" / "refund-desk-script.yaml"
    for name, options in (
        ("plain", ("scripted", "-n", "6")),
        ("desk", ("refund-desk", "-n", "16", "--model", f"scripted:{script}")),
    ):
        done = sdialog("generate", *options, "--out", name, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_a_bare_evaluate_gives_the_usual_scores_with_intervals(runs: Path) -> None:
    done = sdialog("evaluate", "desk", cwd=runs)
    assert done.returncode == 0, done.stderr
    rows = {row[0]: row[1:] for row in csv.reader(done.stdout.splitlines(), delimiter="\t")}
    mean, interval, n, missing = rows["mean-turn-length"]
    low, high = map(float, interval.split(" to "))
    assert low <= float(mean) <= high and (n, missing) == ("16", "0")
    assert {"mattr", "question-rate", "politeness"} <= set(rows)


def test_several_runs_side_by_side_as_json(runs: Path) -> None:
    done = sdialog("evaluate", "desk", "plain", "-m", "mattr,question-rate", "--json", cwd=runs)
    told = json.loads(done.stdout)
    assert list(told) == ["desk", "plain"]
    assert list(told["plain"]["scores"]) == ["mattr", "question-rate"]
    assert told["plain"]["scores"]["question-rate"]["n"] == 6
    assert told["plain"]["scores"]["question-rate"]["ci"]["method"] == "t"
    assert "items" not in told["plain"]["scores"]["question-rate"]
    whole = json.loads(sdialog("evaluate", "plain", "-m", "mattr", "--json", "--items", cwd=runs).stdout)
    assert len(whole["plain"]["scores"]["mattr"]["items"]) == 6


def test_final_states_are_scored_with_pass_k(runs: Path) -> None:
    options = ("--environment", f"{ROOT / 'scenarios' / 'refund_desk.py'}:Orders", "--trials", "4")
    told = json.loads(sdialog("evaluate", "desk", "-m", "mattr", *options, "--json", cwd=runs).stdout)["desk"]
    assert told["scores"]["state-validator"]["mean"] == 0.625
    assert [row["hat"] for row in told["trials"]["passK"]] == [0.625, 0.375, 0.25, 0.25]
    shown = sdialog("evaluate", "desk", "-m", "mattr", *options, cwd=runs).stdout
    assert "pass^4 0.250" in shown and "4 tasks, 0 trials missing" in shown


def test_corpora_that_nobody_wrote_a_reader_for(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "Here you are."}]
    shared = [{"from": "human", "value": "Where is it?"}, {"from": "gpt", "value": "Here you are."}]
    (tmp_path / "odd.csv").write_text('speaker,text\nAnn,"Where\nis ""it""?"\nBob," Here, you are."\n')
    (tmp_path / "openai.jsonl").write_text(json.dumps({"messages": messages}) + "\n")
    (tmp_path / "share.json").write_text(json.dumps([{"id": "a", "conversations": shared}]))
    with gzip.open(tmp_path / "many.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"messages": messages}) + "\n" for _ in range(500))
    places = ("odd.csv", "openai.jsonl", "share.json", "many.jsonl.gz")
    done = sdialog("evaluate", *places, "-m", "mean-turn-length", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert {name: (told[name]["scores"]["mean-turn-length"]["mean"]) for name in places} == dict.fromkeys(places, 3.0)
    assert told["many.jsonl.gz"]["scores"]["mean-turn-length"]["n"] == 500


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"messages": [{"role": "user", "content": "Hi"}]}\n{"messages": [\n')
    done = sdialog("evaluate", "bad.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and "bad.jsonl, line 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "no file or folder nowhere"),
        (("plain", "-m", "mean-turn-lenght"), "did you mean 'mean-turn-length'"),
        (("plain", "-m", "ToolSequenceValidator"), "needs to be told tool_names"),
        (("plain", "--environment", "no.py:Orders"), "no.py"),
    ],
)
def test_mistakes_are_told_in_a_line(runs: Path, arguments: tuple[str, ...], message: str) -> None:
    done = sdialog("evaluate", *arguments, cwd=runs)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_an_empty_corpus_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    done = sdialog("evaluate", "none.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and "no dialogs in none.jsonl" in done.stderr


def test_metrics_are_listed_and_shown(tmp_path: Path) -> None:
    listed = json.loads(sdialog("metrics", "list", "--json", cwd=tmp_path).stdout)
    assert {"mattr", "mean-turn-length"} <= {entry["name"] for entry in listed}
    assert "mattr" in sdialog("metrics", "list", "--kind", "feature", cwd=tmp_path).stdout
    assert "McCarthy" in sdialog("metrics", "show", "mtld", cwd=tmp_path).stdout
    assert "did you mean" in sdialog("metrics", "show", "mttr", cwd=tmp_path).stderr


def test_judges_come_from_a_file_and_are_asked_once(runs: Path) -> None:
    replies = '{"positive": true}\n'
    (runs / "replies.txt").write_text(replies)
    (runs / "judge.yaml").write_text(
        "- {type: LLMJudgeYesNo, name: polite, prompt: 'Is everybody polite?', model: 'scripted:replies.txt'}\n"
    )
    told = json.loads(sdialog("evaluate", "plain", "--judge", "judge.yaml", "--json", cwd=runs).stdout)
    polite = told["plain"]["scores"]["polite"]
    assert list(told["plain"]["scores"]) == ["polite"]
    assert polite["n"] == 6 and polite["mean"] == 1 and polite["ci"]["method"] == "wilson"
    assert polite["usage"]["calls"] == 6
    again = json.loads(sdialog("evaluate", "plain", "--judge", "judge.yaml", "--json", cwd=runs).stdout)
    assert again["plain"]["scores"]["polite"]["mean"] == polite["mean"]
    assert again["plain"]["scores"]["polite"]["usage"]["calls"] == 0


def test_a_wrong_judge_is_named(runs: Path) -> None:
    (runs / "wrong.yaml").write_text("{type: LLMJudgeYesNo, promt: 'Polite?', model: 'scripted:replies.txt'}\n")
    done = sdialog("evaluate", "plain", "--judge", "wrong.yaml", cwd=runs)
    assert done.returncode == 2 and "wrong.yaml" in done.stderr and "did you mean 'prompt'" in done.stderr
