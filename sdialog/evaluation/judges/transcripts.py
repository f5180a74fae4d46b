"""What judges of transcripts share: showing dialogs, asking once or several times, and making one verdict of it."""

from __future__ import annotations

import asyncio
import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from sdialog.core.dialog import Dialog
from sdialog.core.errors import ConfigError, EvaluationError, LLMError
from sdialog.core.seeds import derive_seed
from sdialog.core.sync import run
from sdialog.evaluation.base import Measured, Scoring
from sdialog.evaluation.identity import dialog_hash
from sdialog.evaluation.judges.asking import Answer, Check, ask_judge
from sdialog.evaluation.judges.base import BaseLLMJudge, built_in, own_scoring
from sdialog.evaluation.judges.framing import AllShown, Shown, data_lines, dialog_lines, fenced
from sdialog.evaluation.judges.votes import Vote, check_combine, combined
from sdialog.llm.json_schema import closed
from sdialog.llm.prompts import render_text
from sdialog.llm.scheduler import Client
from sdialog.llm.types import GenerateConfig


class TranscriptJudge(BaseLLMJudge):
    """Base of judges that read dialogs and give one verdict each.

    Subclasses say what a verdict looks like. Their arguments are all keywords from ``reference`` on.

    Args:
        prompt_template: what to judge, as a Jinja2 template. Its variables are ``dialog``, ``dialogs``, ``reason`` and
            whatever is given to :meth:`judge`. Where it does not show the dialogs itself, they follow it.
        reason: whether to ask for reasons.
        model: as for :class:`.BaseLLMJudge`.
        reference: what to judge against: text, a dialog, or a function from the judged dialog to either.
        about: further data to show by label, such as a persona; functions are called with the judged dialog. A dialog
            for which one gives None has no verdict, and the reason says what it lacks.
        samples: how often to ask; with several, the temperature is 1 unless it is set.
        combine: how samples make a verdict: ``majority``, ``mean``, ``median``; None for the usual way of the class.
        abstain: whether the model may say that it cannot tell; there is no value then.
        name: what it is called in tables.
        llm_kwargs: options for the model.

    Raises:
        ConfigError: if an argument is impossible.
    """

    field: ClassVar[str]
    """Name of the verdict in the model's answer."""

    output: ClassVar[type[BaseModel]]
    """Class of what :meth:`judge` returns."""

    answer_template: ClassVar[str]
    """Name of the template that says how to answer."""

    usual_combine: ClassVar[str] = "majority"
    speaker: str | None = None
    """Whom the verdict is about; there is none of a dialog in which they say nothing."""

    one_by_one: bool = False
    """Whether several dialogs are judged in calls of their own."""

    def __init__(
        self,
        prompt_template: str,
        reason: bool = False,
        model: Any = None,
        *,
        reference: str | Dialog | Callable[[Dialog], Any] | None = None,
        about: Mapping[str, Any] | None = None,
        samples: int = 1,
        combine: str | None = None,
        abstain: bool = False,
        name: str | None = None,
        **llm_kwargs: Any,
    ) -> None:
        if not isinstance(prompt_template, str) or not prompt_template.strip():
            raise ConfigError(f"a judge's prompt is text that says what to judge, not {prompt_template!r:.60}")
        if not isinstance(samples, int) or isinstance(samples, bool) or samples < 1:
            raise ConfigError(f"samples is a whole number from 1 up, not {samples!r}")
        self.samples = samples
        super().__init__(model, prompt_template, self.output, name=name, **llm_kwargs)
        self.reason, self.abstain = bool(reason), bool(abstain)
        self.reference, self.about = reference, dict(about or {})
        self.combine = check_combine(combine or self.usual_combine)
        self._answer_text = built_in(self.answer_template)

    def _default_config(self) -> GenerateConfig:
        return GenerateConfig(temperature=1.0 if self.samples > 1 else 0.0, seed=0)

    def judge(self, dialogs: Any, reason: bool | None = None, **template_kwargs: Any) -> Any:
        """Judge a dialog or several.

        Args:
            dialogs: one dialog, or a list of them, which are shown to the model together.
            reason: whether to ask for reasons; None for what the judge was made with.
            template_kwargs: variables of the prompt template; ``reference`` counts for this call only.

        Returns:
            The verdict; of a list, with a list of values as long.

        Raises:
            ConfigError: if there is nothing to judge, or the template lacks a variable.
            LLMError: if the model cannot be asked, or does not answer in the asked form.
        """
        return run(self.ajudge(dialogs, reason, **template_kwargs))

    async def ajudge(self, dialogs: Any, reason: bool | None = None, **template_kwargs: Any) -> Any:
        """Judge a dialog or several, see :meth:`judge`."""
        several = not isinstance(dialogs, Dialog)
        given = _checked(dialogs)
        found = await self._verdicts(given, own_scoring(), reason, template_kwargs)
        return self._output(found, several)

    def score(self, dialog: Dialog, **template_kwargs: Any) -> Any:
        """Return the verdict on a dialog as a number (1 for yes, 0 for no) or label, None where there is none."""
        return run(self._verdicts(_checked(dialog), own_scoring(), False, template_kwargs))[0].value

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the verdict with its reason, the votes behind it and what it cost."""
        return (await self._verdicts([dialog], scoring, None, {}))[0]

    # -- what subclasses say

    @abstractmethod
    def _value_schema(self) -> dict[str, Any]:
        """Return the JSON schema of one verdict, its type without null."""

    def _value(self, given: Any) -> Any:
        """Return the value of one verdict as the model gave it."""
        return given

    def _shown_value(self, value: Any) -> Any:
        """Return a value as :meth:`judge` gives it."""
        return value

    def _variables(self) -> dict[str, Any]:
        """Return further variables of the templates."""
        return {}

    # -- asking

    async def _verdicts(
        self, dialogs: Sequence[Dialog], scoring: Scoring, reason: bool | None, given: Mapping[str, Any]
    ) -> list[Measured]:
        if len(dialogs) > 1 and self.one_by_one:
            rows = await asyncio.gather(*(self._verdicts([dialog], scoring, reason, given) for dialog in dialogs))
            return [row[0] for row in rows]
        told = [self._beside(dialog, given) for dialog in dialogs]
        lacking = [self._lacking(dialog, beside) for dialog, beside in zip(dialogs, told, strict=True)]
        asked = iter(
            await self._asked(
                [d for d, why in zip(dialogs, lacking, strict=True) if why is None],
                [b for b, why in zip(told, lacking, strict=True) if why is None],
                scoring,
                self.reason if reason is None else reason,
                given,
            )
        )
        return [next(asked) if why is None else Measured(None, why, {"model": self._model.name}) for why in lacking]

    async def _asked(
        self,
        dialogs: Sequence[Dialog],
        told: Sequence[Mapping[str, Any]],
        scoring: Scoring,
        reason: bool,
        given: Mapping[str, Any],
    ) -> list[Measured]:
        if not dialogs:
            return []
        prompt, client = self._prompt_for(dialogs, told, reason, given), scoring.client(self._model)
        with scoring.scheduler.live():
            asked = (self._sample(client, prompt, dialogs, reason, number) for number in range(self.samples))
            samples = await asyncio.gather(*asked)
        details = {"model": self._model.name}
        return [combined(votes, self.combine, details) for votes in zip(*samples, strict=True)]

    def _beside(self, dialog: Dialog, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is shown beside a dialog, by label; None for what a function does not have of it."""
        return {name: data(dialog) if callable(data) else data for name, data in self._shown_beside(given).items()}

    def _shown_beside(self, given: Mapping[str, Any]) -> dict[str, Any]:
        reference = given.get("reference", self.reference)
        return {**self.about, **({} if reference is None else {"reference": reference})}

    def _lacking(self, dialog: Dialog, beside: Mapping[str, Any]) -> str | None:
        """Return why a dialog cannot be judged; None if it can."""
        missing = next((name for name, data in beside.items() if data is None), None)
        if missing is not None:
            return f"there is no {missing} of this dialog"
        if self.speaker is None or any(_same_name(turn.speaker, self.speaker) for turn in dialog.turns or ()):
            return None
        return f"{self.speaker} says nothing in this dialog"

    async def _sample(
        self, client: Client, prompt: str, dialogs: Sequence[Dialog], reason: bool, number: int
    ) -> list[Vote]:
        request = self.request(prompt, key=f"judge/{self.name}/{dialogs[0].id}")
        if number and request.config.seed is not None:
            seed = derive_seed(request.config.seed, "sample", number)
            request = dataclasses.replace(request, config=dataclasses.replace(request.config, seed=seed))
        request = dataclasses.replace(request, logprobs=self._logprobs())
        try:
            answer = await ask_judge(client, request, self._schema(len(dialogs), reason), self._check(dialogs))
        except LLMError as error:
            return [Vote(failure=error) for _ in dialogs]
        if answer.refusal is not None:
            blank = Vote(None, f"refused: {answer.refusal}", True, answer.raw)
            return [dataclasses.replace(blank, usage=answer.usage), *[blank] * (len(dialogs) - 1)]
        try:
            return self._votes(answer, dialogs)
        except EvaluationError as error:
            failed = Vote(raw=answer.raw, failure=error)
            return [dataclasses.replace(failed, usage=answer.usage), *[failed] * (len(dialogs) - 1)]

    def _logprobs(self) -> int | None:
        return None

    def _check(self, dialogs: Sequence[Dialog]) -> Check | None:
        return None

    def _votes(self, answer: Answer, dialogs: Sequence[Dialog]) -> list[Vote]:
        """Return the vote on each dialog; the cost of the call is noted at the first."""
        values, reasons = answer.data[self.field], answer.data.get("reason")
        if len(dialogs) == 1:
            values, reasons = [values], [reasons]
        votes = [
            self._vote(value, reason or None, answer)
            for value, reason in zip(values, reasons or [None] * len(values), strict=True)
        ]
        return [dataclasses.replace(votes[0], usage=answer.usage), *votes[1:]]

    def _vote(self, given: Any, reason: str | None, answer: Answer) -> Vote:
        if given is None:
            reason = f"cannot tell: {reason}" if reason else "cannot tell"
            return Vote(None, reason, raw=answer.raw)
        return Vote(self._value(given), reason, raw=answer.raw)

    def _schema(self, count: int, reason: bool) -> dict[str, Any]:
        value = self._value_schema()
        if self.abstain:
            value = {"anyOf": [value, {"type": "null"}]}
        fields: dict[str, Any] = {"reason": {"type": "string"}} if reason else {}
        fields[self.field] = value
        if count > 1:
            size = {"minItems": count, "maxItems": count}
            fields = {name: {"type": "array", "items": entry, **size} for name, entry in fields.items()}
        return closed({"type": "object", "properties": fields})

    def _prompt_for(
        self, dialogs: Sequence[Dialog], told: Sequence[Mapping[str, Any]], reason: bool, given: Mapping[str, Any]
    ) -> str:
        beside = self._shown_beside(given)
        given = {name: value for name, value in given.items() if name != "reference"}
        shown = AllShown(Shown(d, fenced(f"dialog {n}", dialog_lines(d))) for n, d in enumerate(dialogs, start=1))
        variables = {**self._variables(), "dialogs": shown, "dialog": shown[0], "reason": reason, **given}
        instruction = render_text(self.prompt_template, label=f"prompt of {self.name}", **variables)
        parts = [instruction]
        for label, data in beside.items():
            entries = [one[label] for one in told] if callable(data) else [data]
            for number, entry in enumerate(entries, start=1):
                parts.append(fenced(f"{label} {number}" if len(entries) > 1 else label, data_lines(entry)))
        parts += [str(one) for one in shown if str(one) not in instruction]
        return "\n\n".join([*parts, self._how_to_answer(len(dialogs), reason, "reference" in beside)])

    def _how_to_answer(self, count: int, reason: bool, reference: bool = False) -> str:
        values = {"count": count, "reason": reason, "abstain": self.abstain, "reference": reference}
        return render_text(self._answer_text, label=self.answer_template, **values, **self._variables())

    def _output(self, found: Sequence[Measured], several: bool) -> Any:
        values, reasons = [self._shown_value(one.value) for one in found], [one.reason for one in found]
        if not several:
            return self.output(**{self.field: values[0]}, reason=reasons[0])
        return self.output(**{self.field: values}, reason=reasons if any(reasons) else None)

    def _own_identity(self) -> dict[str, Any]:
        reference = self.reference
        return {
            "instruction": self.prompt_template,
            "answer": self._how_to_answer(1, self.reason, reference is not None),
            "schema": self._schema(1, self.reason),
            "about": {name: data if callable(data) else data_lines(data) for name, data in self.about.items()},
            "reference": dialog_hash(reference) if isinstance(reference, Dialog) else reference,
            "samples": self.samples,
            "combine": self.combine,
            "logprobs": self._logprobs(),
        }


def _same_name(one: str | None, other: str) -> bool:
    return one is not None and one.strip().casefold() == other.strip().casefold()


def _checked(dialogs: Any) -> list[Dialog]:
    """Return dialogs as a list.

    Raises:
        ConfigError: if there are none, or something else is among them.
    """
    given = [dialogs] if isinstance(dialogs, Dialog) else list(dialogs)
    if not given:
        raise ConfigError("there are no dialogs to judge; give at least one")
    wrong = next((one for one in given if not isinstance(one, Dialog)), None)
    if wrong is not None:
        raise ConfigError(f"a judge judges dialogs, not {type(wrong).__name__}")
    return given
