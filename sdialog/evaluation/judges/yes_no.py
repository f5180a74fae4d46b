"""Judges that answer yes or no."""

from __future__ import annotations

from typing import Any

from sdialog.evaluation.judges.base import built_in
from sdialog.evaluation.judges.framing import data_lines
from sdialog.evaluation.judges.outputs import LLMJudgeYesNoOutput
from sdialog.evaluation.judges.transcripts import TranscriptJudge


class LLMJudgeYesNo(TranscriptJudge):
    """Answers a question about a dialog with yes (1) or no (0).

    Args:
        prompt_template: the question, as a Jinja2 template.
        reason: whether to ask for reasons.
        model: what to ask; None for the model of the settings.
        options: ``reference``, ``about``, ``samples``, ``combine`` (usually ``majority``), ``abstain`` and ``name``, as
            for :class:`.TranscriptJudge`, and options for the model.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> model = ScriptedModel(['{"reason": "Turn 1 greets.", "positive": true}'])
        >>> greets = LLMJudgeYesNo("Does anybody greet?", reason=True, model=model)
        >>> greets.judge(Dialog(turns=[Turn(speaker="Ann", text="Good morning!")]))
        LLMJudgeYesNoOutput(reason='Turn 1 greets.', positive=True)
    """

    field = "positive"
    output = LLMJudgeYesNoOutput
    answer_template = "judge/answer_yes_no"

    def __init__(self, prompt_template: str, reason: bool = False, model: Any = None, **options: Any) -> None:
        super().__init__(prompt_template, reason, model, **options)

    def _value_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def _value(self, given: Any) -> int:
        return int(given)

    def _shown_value(self, value: Any) -> bool | None:
        # The mean of several samples is a share of yes.
        return None if value is None or value == 0.5 else value > 0.5


class LLMJudgeRealDialog(LLMJudgeYesNo):
    """Does the dialog read like one between people (1), or like one made up by a machine (0)?

    A judge's impression, not a fact: check it against dialogs whose origin is known before it is relied on.

    Args:
        reason, model, options: as for :class:`.LLMJudgeYesNo`.
    """

    def __init__(self, reason: bool = False, model: Any = None, **options: Any) -> None:
        super().__init__(built_in("judge/real_dialog"), reason, model, **options)


class LLMJudgeRefusal(LLMJudgeYesNo):
    """Does a speaker refuse what another one asks for (1)?

    Args:
        reason, model, options: as for :class:`.LLMJudgeYesNo`.
    """

    def __init__(self, reason: bool = False, model: Any = None, **options: Any) -> None:
        super().__init__(built_in("judge/refusal"), reason, model, **options)


class LLMJudgePersonaAttributes(LLMJudgeYesNo):
    """Does a speaker talk and act as the attributes of a persona say (1)?

    Args:
        persona: the persona: an attribute model, a mapping, or text.
        speaker: whose persona it is; without a turn of theirs there is no verdict.
        reason, model, options: as for :class:`.LLMJudgeYesNo`.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> model = ScriptedModel(['{"positive": false}'])
        >>> judge = LLMJudgePersonaAttributes({"politeness": "high"}, "Ava", model=model)
        >>> judge(Dialog(turns=[Turn(speaker="Ava", text="What?")]))
        0
    """

    def __init__(self, persona: Any, speaker: str, reason: bool = False, model: Any = None, **options: Any) -> None:
        data_lines(persona)  # what cannot be shown is refused now
        self.persona, self.speaker = persona, speaker
        options["about"] = {**(options.get("about") or {}), "persona": persona, "speaker": speaker}
        super().__init__(built_in("judge/persona_attributes"), reason, model, **options)
