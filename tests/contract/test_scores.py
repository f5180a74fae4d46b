"""Every score that can be asked for by name keeps the rules that evaluations rely on."""

from __future__ import annotations

from typing import Any

import pytest

from sdialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.evaluation import BaseDialogScore
from sdialog.evaluation.catalogue import entries, get_score
from sdialog.testing import ScriptedModel, check_score
from sdialog.testing.backend import NotConformingError

OFFLINE = [name for name, entry in entries().items() if entry.kind not in ("judge", "flow")]


@pytest.mark.parametrize("name", OFFLINE)
def test_scores_keep_the_rules(name: str) -> None:
    check_score(get_score(name))


@pytest.mark.parametrize("name", [name for name in OFFLINE if entries()[name].kind == "feature"])
def test_features_can_be_asked_of_one_speaker(name: str) -> None:
    check_score(get_score(name, speaker="Ava"))


def test_every_entry_says_what_it_is() -> None:
    for entry in entries().values():
        assert len(entry.summary) > 20, entry.name


class Counting(BaseDialogScore):
    """Breaks every rule there is."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.calls = "", 0

    def score(self, dialog: Dialog) -> Any:
        self.calls += 1
        dialog.turns.append(Turn(text="more"))
        if dialog.id == "empty":
            raise ZeroDivisionError("no turns")
        return self.calls


def test_breaches_are_named() -> None:
    with pytest.raises(NotConformingError) as caught:
        check_score(Counting())
    text = str(caught.value)
    assert "its name is ''" in text and "dialog 'empty' raises ZeroDivisionError" in text
    assert "it changes dialog 'ordinary'" in text and "its identity changes when it is used" in text


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("mean-turn-lenght", UnknownNameError, "mean-turn-length"),
        ("ToolSequenceValidator", ConfigError, "needs to be told tool_names"),
        ("no.such.module:Score", ConfigError, "cannot be loaded"),
    ],
)
def test_names_that_give_no_score_say_why(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        get_score(name)


def test_a_score_anywhere_can_be_named() -> None:
    assert get_score("sdialog.evaluation:MeanTurnLengthScore", speaker="Ann").speaker == "Ann"  # type: ignore[attr-defined]


def test_the_model_of_tests_is_here_too() -> None:
    assert ScriptedModel(["Hi"]).name
