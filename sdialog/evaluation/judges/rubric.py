"""Judges that score by several criteria and say on which words each score rests."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from sdialog.core.dialog import Dialog
from sdialog.core.errors import ConfigError
from sdialog.evaluation.base import Measured
from sdialog.evaluation.judges.asking import Answer, Check
from sdialog.evaluation.judges.base import built_in
from sdialog.evaluation.judges.category import named
from sdialog.evaluation.judges.outputs import LLMJudgeRubricOutput
from sdialog.evaluation.judges.transcripts import TranscriptJudge
from sdialog.evaluation.judges.votes import Vote
from sdialog.llm.json_schema import closed

_MOST_QUOTES = 5
_MARKS = str.maketrans(dict.fromkeys("‘’‚‛ʼ`", "'") | dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‐‑‒–—―−", "-"))


class LLMJudgeRubric(TranscriptJudge):
    """Scores a dialog by each criterion, with quotes from turns as evidence.

    Quotes are compared with the dialog. One that is not in its turn is shown to the model in the repair round; if it
    comes back, the score counts, and the quote is marked as not verified.

    Args:
        criteria: names, or what each means by its name.
        min_score, max_score: bounds of the scores, whole numbers.
        reason: has no use here: the evidence is the reason.
        model: what to ask; None for the model of the settings.
        prompt_template: what to judge, in place of the built-in prompt.
        options: as for :class:`.LLMJudgeYesNo`; several samples usually ``combine`` to their means.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> reply = '{"greets": {"evidence": [{"turn": 1, "quote": "Good morning"}], "score": 5}}'
        >>> rubric = LLMJudgeRubric({"greets": "Somebody says hello."}, model=ScriptedModel([reply]))
        >>> verdict = rubric.judge(Dialog(turns=[Turn(speaker="Ann", text="Good morning!")]))
        >>> verdict.scores, verdict.evidence["greets"][0].verified
        ({'greets': 5}, True)
    """

    field = "scores"
    output = LLMJudgeRubricOutput
    answer_template = "judge/answer_rubric"
    usual_combine = "mean"
    one_by_one = True

    def __init__(
        self,
        criteria: Sequence[str] | Mapping[str, str],
        min_score: int = 1,
        max_score: int = 5,
        reason: bool = False,
        model: Any = None,
        *,
        prompt_template: str | None = None,
        **options: Any,
    ) -> None:
        self.criteria = named(criteria, "criteria")
        if not isinstance(min_score, int) or not isinstance(max_score, int) or min_score >= max_score:
            raise ConfigError(f"the bounds are two whole numbers, the lower one first, not {min_score} and {max_score}")
        self.min_score, self.max_score = min_score, max_score
        super().__init__(prompt_template or built_in("judge/rubric"), reason, model, **options)

    def _variables(self) -> dict[str, Any]:
        return {"criteria": self.criteria, "min_score": self.min_score, "max_score": self.max_score}

    def _value_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.min_score, "maximum": self.max_score}

    def _schema(self, count: int, reason: bool) -> dict[str, Any]:
        quote = {"type": "object", "properties": {"turn": {"type": "integer"}, "quote": {"type": "string"}}}
        score = self._value_schema()
        fields = {
            "evidence": {"type": "array", "items": quote, "maxItems": _MOST_QUOTES},
            "score": {"anyOf": [score, {"type": "null"}]} if self.abstain else score,
        }
        one = {"type": "object", "properties": fields}
        return closed({"type": "object", "properties": dict.fromkeys(self.criteria, one)})

    def _check(self, dialogs: Sequence[Dialog]) -> Check:
        (dialog,) = dialogs

        def missing_quotes(data: Any) -> list[str]:
            return [
                f"{name}: turn {entry['turn']} does not say {entry['quote']!r:.80}"
                for name, part in data.items()
                for entry in part["evidence"]
                if not quoted(dialog, entry["turn"], entry["quote"])
            ]

        return missing_quotes

    def _votes(self, answer: Answer, dialogs: Sequence[Dialog]) -> list[Vote]:
        (dialog,) = dialogs
        scores = {name: _whole(answer.data[name]["score"]) for name in self.criteria}
        evidence = {
            name: [
                {"turn": int(turn), "quote": quote, "verified": quoted(dialog, turn, quote)}
                for turn, quote in ((entry["turn"], entry["quote"]) for entry in answer.data[name]["evidence"])
            ]
            for name in self.criteria
        }
        wrong = sum(not entry["verified"] for entries in evidence.values() for entry in entries)
        details = {"evidence": evidence, "unverified": wrong}
        if all(score is None for score in scores.values()):
            return [Vote(None, "cannot tell", raw=answer.raw, details=details, usage=answer.usage)]
        return [Vote(scores, None, raw=answer.raw, details=details, usage=answer.usage)]

    def _output(self, found: Sequence[Measured], several: bool) -> Any:
        verdicts = [
            LLMJudgeRubricOutput(reason=one.reason, scores=one.value, evidence=_evidence(one.details)) for one in found
        ]
        return verdicts if several else verdicts[0]


def quoted(dialog: Dialog, turn: float, quote: str) -> bool:
    """Whether a turn, counted from 1, holds these words.

    Letter case, white space and the shape of quotation marks and dashes play no part; models do not keep to them.

    Example:
        >>> from sdialog import Turn
        >>> dialog = Dialog(turns=[Turn(text="Good  morning, Ann!")])
        >>> quoted(dialog, 1, "good morning"), quoted(dialog, 1, ""), quoted(dialog, 2, "good")
        (True, False, False)
    """
    turns = dialog.turns or []
    if not 1 <= turn <= len(turns):
        return False
    words = _plain(quote)
    return bool(words) and words in _plain(turns[int(turn) - 1].text)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_MARKS).casefold().split())


def _whole(score: float | None) -> int | None:
    return None if score is None else int(score)


def _evidence(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence of one vote, or of all votes by criterion."""
    if "evidence" in details:
        return dict(details["evidence"])
    found: dict[str, list[Any]] = {}
    for vote in details.get("votes", ()):
        for name, entries in vote.get("evidence", {}).items():
            found.setdefault(name, []).extend(entries)
    return found
