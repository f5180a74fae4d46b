"""What every judge is: a score that asks a language model."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel

from sdialog.core import settings
from sdialog.core.errors import OutputParseError
from sdialog.core.offload import in_thread
from sdialog.core.secrets import without_secrets
from sdialog.core.sync import run
from sdialog.evaluation.base import BaseDialogScore, Measured, Scoring
from sdialog.evaluation.evaluators.base import dash_case
from sdialog.evaluation.identity import plain
from sdialog.evaluation.judges.asking import ask_judge
from sdialog.llm.canonical import fingerprint, identity
from sdialog.llm.get import resolve
from sdialog.llm.prompts import source
from sdialog.llm.structured import schema_of
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


class BaseLLMJudge(BaseDialogScore):
    """Base of judges: a model, a prompt and the form of the answer.

    Subclasses write :meth:`judge`. The temperature and the seed are 0 unless they are set, here or in the settings.

    Args:
        model: what :func:`sdialog.llm.get.resolve` takes: a name, a model object, an object with ``.invoke``, a
            function; None for the model of the settings.
        prompt_template: the prompt, or a Jinja2 template of it.
        output_format: pydantic class of the answer; None for plain text.
        name: what it is called in tables; default its class in small letters, such as ``llm-judge-yes-no``.
        llm_kwargs: options for the model.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.evaluation.judges.outputs import LLMJudgeYesNoOutput
        >>> class Polite(BaseLLMJudge):
        ...     def judge(self, dialogs):
        ...         return self(f"Is this polite? {dialogs.prompt()}")
        >>> polite = Polite(ScriptedModel(['{"reason": null, "positive": true}']), output_format=LLMJudgeYesNoOutput)
        >>> polite.score(Dialog(turns=[Turn(text="Good morning!")]))
        1
    """

    awaits = True

    def __init__(
        self,
        model: Any = None,
        prompt_template: str = "",
        output_format: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        **llm_kwargs: Any,
    ) -> None:
        super().__init__(name or dash_case(type(self).__name__))
        found = resolve(model, **llm_kwargs)
        self._model, self._think = found.model, found.think
        self._config = self._default_config().merge(found.config)
        self.prompt_template, self.output_format = prompt_template, output_format
        self._system = built_in("judge/base")
        self._last = prompt_template

    def _default_config(self) -> GenerateConfig:
        return GenerateConfig(temperature=0.0, seed=0)

    def __call__(self, dialog: Dialog | str, **options: Any) -> Any:
        """Return the score of a dialog, or the model's answer to a prompt in the judge's form."""
        if isinstance(dialog, str):
            return run(self.acall(dialog))
        return self.score(dialog, **options)

    async def acall(self, prompt: str, scoring: Scoring | None = None) -> Any:
        """Ask the model.

        Args:
            prompt: the user message.
            scoring: how to reach models; by default on its own.

        Returns:
            An instance of ``output_format``, or text if there is none.

        Raises:
            OutputParseError: if the answer does not fit, also after a repair round, or is a refusal.
            LLMError: if a call fails.
        """
        client = (scoring or own_scoring()).client(self._model)
        request = self.request(prompt, key=f"judge/{self.name}")
        if self.output_format is None:
            return (await client.complete(request)).text
        answer = await ask_judge(client, request, schema_of(self.output_format))
        if answer.refusal is not None:
            raise OutputParseError(f"refused: {answer.refusal}", raw=answer.raw, backend=client.name)
        return self.output_format.model_validate(answer.data)

    def request(self, prompt: str, key: str = "") -> GenerateRequest:
        """Return the call of the model that a prompt makes."""
        self._last = prompt
        messages = (Message("system", self._system), Message("user", prompt))
        return GenerateRequest(messages, self._config, think=self._think, key=key)

    def prompt(self, system: bool = False) -> str:
        """Return the prompt that was sent last (before that the template), or the system message."""
        return self._system if system else self._last

    @abstractmethod
    def judge(self, dialogs: Any, /) -> Any:
        """Return the verdict on a dialog or several."""

    def score(self, dialog: Dialog, **options: Any) -> Any:
        """Return the verdict on a dialog as a number (1 for yes, 0 for no) or label, None where there is none."""
        return _value(self.judge(dialog, **options))

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the verdict with its reason."""
        verdict = await in_thread(lambda: self.judge(dialog))
        return Measured(_value(verdict), getattr(verdict, "reason", None))

    def with_seed(self, seed: int) -> Self:
        """Return the same judge with another seed for its model."""
        twin = copy.copy(self)
        twin._config = self._config.merge(GenerateConfig(seed=seed))
        return twin

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self._model.name

    def identity(self) -> dict[str, Any] | None:
        """Return all that decides its verdicts: prompts, form, model and its options; None if that cannot be told."""
        kind, known = type(self), identity(self._model)
        if known is None or "<locals>" in kind.__qualname__ or kind.__module__ == "__main__":
            return None
        decides = {
            "model": known,
            "fingerprint": fingerprint(self._model),
            "config": without_secrets(self._config.given()),
            "think": self._think,
            "system": self._system,
            **self._own_identity(),
        }
        try:
            return {"score": f"{kind.__module__}.{kind.__qualname__}", "version": kind.version, **plain(decides)}
        except TypeError:
            return None

    def _own_identity(self) -> dict[str, Any]:
        """Return what a class adds to the identity: its public attributes, and its form."""
        own = {name: value for name, value in vars(self).items() if not name.startswith("_") and name != "name"}
        form = own.pop("output_format", None)
        return {**own, "form": None if form is None else schema_of(form)}


def own_scoring() -> Scoring:
    """Return how a judge reaches models when it is not part of an evaluation."""
    from sdialog.llm.wrapping import PatientScheduler

    return Scoring(PatientScheduler())


def built_in(name: str) -> str:
    """Return the text of a built-in template, or of the one that the settings use instead."""
    return source(settings.current().prompts.get(name) or name).strip()


def _value(verdict: Any) -> Any:
    """Return the value in a verdict of whatever form."""
    data: Mapping[str, Any] = verdict.model_dump() if isinstance(verdict, BaseModel) else {}
    if isinstance(verdict, Mapping):
        data = verdict
    for name in ("positive", "score", "category", "scores"):
        if name in data:
            return int(data[name]) if isinstance(data[name], bool) else data[name]
    return int(verdict) if isinstance(verdict, bool) else verdict
