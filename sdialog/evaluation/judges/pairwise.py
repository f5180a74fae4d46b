"""Judges that say which of two dialogs is better, asked in both orders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sdialog.core.dialog import Dialog
from sdialog.core.errors import ConfigError
from sdialog.core.sync import run
from sdialog.evaluation.base import Measured, Scoring
from sdialog.evaluation.identity import dialog_hash
from sdialog.evaluation.judges.asking import Answer, ask_judge
from sdialog.evaluation.judges.base import BaseLLMJudge, built_in, own_scoring
from sdialog.evaluation.judges.framing import AllShown, Shown, dialog_lines, fenced
from sdialog.evaluation.judges.outputs import LLMJudgePairwiseOutput
from sdialog.llm.json_schema import closed
from sdialog.llm.prompts import render_text
from sdialog.llm.types import Usage

Winner = Literal["a", "b", "tie"]
_POINTS = {"a": 1.0, "tie": 0.5, "b": 0.0}


class LLMJudgePairwise(BaseLLMJudge):
    """Says which of two dialogs is better; as a score, whether a dialog is better than the one it is held against.

    The model is asked twice, with each dialog in first place once, and sees only numbers, no names of files or systems.
    Where the two verdicts differ it is a tie (Zheng et al., 2023, "Judging LLM-as-a-Judge").

    Args:
        prompt_template: what makes a dialog better, as a Jinja2 template.
        reason: whether to ask for reasons.
        model: what to ask; None for the model of the settings.
        against: for use as a score: the dialog to compare with, dialogs by id of the judged one, or a function from
            the judged one to it. The score is 1 for better, 0.5 for a tie, 0 for worse.
        name: what it is called in tables.
        llm_kwargs: options for the model.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> first_is_best = LLMJudgePairwise("Which is kinder?", model=ScriptedModel(['{"better": 1}']))
        >>> verdict = first_is_best.judge(Dialog(turns=[Turn(text="Hi!")]), Dialog(turns=[Turn(text="What?")]))
        >>> verdict.winner, verdict.consistent
        ('tie', False)
    """

    def __init__(
        self,
        prompt_template: str,
        reason: bool = False,
        model: Any = None,
        *,
        against: Dialog | Mapping[Any, Dialog] | Callable[[Dialog], Dialog] | None = None,
        name: str | None = None,
        **llm_kwargs: Any,
    ) -> None:
        if not isinstance(prompt_template, str) or not prompt_template.strip():
            raise ConfigError(f"a judge's prompt is text that says what to judge, not {prompt_template!r:.60}")
        super().__init__(model, prompt_template, LLMJudgePairwiseOutput, name=name, **llm_kwargs)
        self.reason, self.against = bool(reason), against
        self._answer_text = built_in("judge/answer_pairwise")

    def judge(self, a: Any, b: Any = None, reason: bool | None = None, **template_kwargs: Any) -> Any:
        """Compare two dialogs.

        Args:
            a, b: the dialogs; without ``b``, ``a`` is compared with the one it is held against.
            reason: whether to ask for reasons; None for what the judge was made with.
            template_kwargs: variables of the prompt template.

        Returns:
            The verdict.

        Raises:
            ConfigError: if there is nothing to compare with, or the template lacks a variable.
            LLMError: if the model cannot be asked, or does not answer in the asked form.
        """
        return run(self.ajudge(a, b, reason, **template_kwargs))

    async def ajudge(self, a: Any, b: Any = None, reason: bool | None = None, **template_kwargs: Any) -> Any:
        """Compare two dialogs, see :meth:`judge`."""
        found = await self.compare(a, b, own_scoring(), reason=reason, **template_kwargs)
        return LLMJudgePairwiseOutput(
            reason=found.reason,
            winner=found.value,
            consistent=found.details.get("consistent"),
            details=dict(found.details),
        )

    def score(self, dialog: Dialog, **template_kwargs: Any) -> float | None:
        """Return 1 if a dialog is better than the one it is held against, 0.5 for a tie, 0 if it is worse."""
        winner = self.judge(dialog, reason=False, **template_kwargs).winner
        return None if winner is None else _POINTS[winner]

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the score with its reason and the verdict of each order."""
        found = await self.compare(dialog, None, scoring)
        value = None if found.value is None else _POINTS[found.value]
        return Measured(value, found.reason, found.details, found.usage)

    async def compare(
        self, a: Dialog, b: Dialog | None, scoring: Scoring, *, reason: bool | None = None, **template_kwargs: Any
    ) -> Measured:
        """Return ``a``, ``b`` or ``tie`` (None if the model refused), with the verdict of each order as details."""
        wrong = next((one for one in (a, b) if one is not None and not isinstance(one, Dialog)), None)
        if wrong is not None:
            raise ConfigError(f"a judge compares dialogs, not {type(wrong).__name__}")
        other = self._other(a) if b is None else b
        want = self.reason if reason is None else reason
        orders = {"a first": (a, other), "b first": (other, a)}
        with scoring.scheduler.live():
            answers = await asyncio.gather(
                *(self._ask(pair, want, scoring, name, template_kwargs) for name, pair in orders.items())
            )
        return self._decided(dict(zip(orders, answers, strict=True)))

    async def _ask(
        self, pair: tuple[Dialog, Dialog], reason: bool, scoring: Scoring, order: str, given: Mapping[str, Any]
    ) -> Answer:
        shown = AllShown(Shown(d, fenced(f"dialog {n}", dialog_lines(d))) for n, d in enumerate(pair, start=1))
        variables = {"dialogs": shown, "reason": reason, **given}
        instruction = render_text(self.prompt_template, label=f"prompt of {self.name}", **variables)
        parts = [instruction, *(str(one) for one in shown if str(one) not in instruction)]
        prompt = "\n\n".join([*parts, self._how_to_answer(reason)])
        request = self.request(prompt, key=f"judge/{self.name}/{order}")
        return await ask_judge(scoring.client(self._model), request, _schema(reason))

    def _decided(self, answers: Mapping[str, Answer]) -> Measured:
        usage = sum((answer.usage for answer in answers.values()), Usage())
        winners: dict[str, Winner | None] = {
            order: None if answer.refusal is not None else _winner(int(answer.data["better"]), order)
            for order, answer in answers.items()
        }
        told = {
            order: {"winner": winners[order], "reason": (answer.data or {}).get("reason"), "raw": answer.raw}
            for order, answer in answers.items()
        }
        details: dict[str, Any] = {"model": self._model.name, "orders": told}
        refusal = next((answer.refusal for answer in answers.values() if answer.refusal is not None), None)
        if refusal is not None:
            return Measured(None, f"refused: {refusal}", {"refusal": True, **details}, usage)
        one, other = winners.values()
        reasons = [entry["reason"] for entry in told.values() if entry["reason"]]
        consistent = one == other
        reason = (reasons[0] if reasons else None) if consistent else "the verdict changes with the order"
        return Measured(one if consistent else "tie", reason, {"consistent": consistent, **details}, usage)

    def _other(self, dialog: Dialog) -> Dialog:
        against = self.against
        if isinstance(against, Mapping):
            found = against.get(dialog.id)
        elif against is None or isinstance(against, Dialog):
            found = against
        else:
            found = against(dialog)
        if not isinstance(found, Dialog):
            raise ConfigError(
                f"there is no dialog to compare dialog {dialog.id} with; give two dialogs, or make the judge with "
                "against=..."
            )
        return found

    def _how_to_answer(self, reason: bool) -> str:
        return render_text(self._answer_text, label="judge/answer_pairwise", reason=reason)

    def _own_identity(self) -> dict[str, Any]:
        against: Any = self.against
        if isinstance(against, Dialog):
            against = dialog_hash(against)
        elif isinstance(against, Mapping):
            # A dialog's id is no part of what its result is kept under.
            against = object()
        return {
            "instruction": self.prompt_template,
            "answer": self._how_to_answer(self.reason),
            "schema": _schema(self.reason),
            "against": against,
        }


def _schema(reason: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"reason": {"type": "string"}} if reason else {}
    return closed({"type": "object", "properties": {**fields, "better": {"type": "integer", "enum": [0, 1, 2]}}})


def _winner(better: int, order: str) -> Winner:
    """Return who won, where 1 is the dialog shown first."""
    if better == 0:
        return "tie"
    return "a" if (better == 1) == (order == "a first") else "b"
