"""Judges of how well an agent does: goal reached, knowledge kept, persona kept, topics kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.evaluation.judges.base import built_in
from sdialog.evaluation.judges.framing import data_lines
from sdialog.evaluation.judges.scores import LLMJudgeScore
from sdialog.evaluation.judges.yes_no import LLMJudgeYesNo

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


class LLMJudgeGoalCompletion(LLMJudgeYesNo):
    """Was a goal reached by the end of the dialog (1)?

    Args:
        goal: what was to be reached: text, plain data, or a function from the dialog to either. A dialog for which
            the function gives None has no verdict.
        reason, model, options: as for :class:`.LLMJudgeYesNo`.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> judge = LLMJudgeGoalCompletion("The refund is booked.", model=ScriptedModel(['{"positive": true}']))
        >>> judge(Dialog(turns=[Turn(speaker="Ava", text="Done: 20 euros are on their way.")]))
        1
    """

    def __init__(
        self,
        goal: str | Mapping[str, Any] | Callable[[Dialog], Any],
        reason: bool = False,
        model: Any = None,
        **options: Any,
    ) -> None:
        if not goal:
            raise ConfigError("a goal is needed: say what was to be reached")
        options["about"] = {**(options.get("about") or {}), "goal": goal}
        super().__init__(built_in("judge/goal_completion"), reason, model, **options)


class LLMJudgeKnowledgeRetention(LLMJudgeYesNo):
    """Do speakers keep what they were told earlier in the dialog (1)?

    Args:
        speaker: whom it is about; None for everybody. Without a turn of theirs there is no verdict.
        reason, model, options: as for :class:`.LLMJudgeYesNo`.
    """

    def __init__(self, speaker: str | None = None, reason: bool = False, model: Any = None, **options: Any) -> None:
        self.speaker = speaker
        name = _of_speaker("judge/knowledge_retention", speaker, options)
        super().__init__(built_in(name), reason, model, **options)


class LLMJudgePersonaConsistency(LLMJudgeScore):
    """How consistently does a speaker stay the person that a persona describes, from 1 to 5?

    Args:
        persona: the persona: an attribute model, a mapping, or text.
        speaker: whose persona it is; without a turn of theirs there is no verdict.
        reason, model, options: as for :class:`.LLMJudgeScore`.
    """

    def __init__(self, persona: Any, speaker: str, reason: bool = False, model: Any = None, **options: Any) -> None:
        data_lines(persona)  # what cannot be shown is refused now
        self.speaker = speaker
        options["about"] = {**(options.get("about") or {}), "persona": persona, "speaker": speaker}
        super().__init__(built_in("judge/persona_consistency"), 1, 5, int, reason, model, **options)


class LLMJudgeTopicAdherence(LLMJudgeYesNo):
    """Does the dialog, or one speaker, stay with the allowed topics (1)?

    Args:
        topics: what it may be about.
        speaker: whom it is about; None for everybody. Without a turn of theirs there is no verdict.
        reason, model, options: as for :class:`.LLMJudgeYesNo`.
    """

    def __init__(
        self,
        topics: str | Sequence[str],
        speaker: str | None = None,
        reason: bool = False,
        model: Any = None,
        **options: Any,
    ) -> None:
        listed = [topics] if isinstance(topics, str) else list(topics)
        if not listed or not all(isinstance(topic, str) and topic.strip() for topic in listed):
            raise ConfigError("topics are needed: say what the dialog may be about")
        self.speaker = speaker
        options["about"] = {**(options.get("about") or {}), "topics": listed}
        name = _of_speaker("judge/topic_adherence", speaker, options)
        super().__init__(built_in(name), reason, model, **options)


def _of_speaker(template: str, speaker: str | None, options: dict[str, Any]) -> str:
    """Return the name of the template for everybody or for one speaker, who is added to what is shown."""
    if speaker is None:
        return template
    options["about"] = {**(options.get("about") or {}), "speaker": speaker}
    return f"{template}_of"
