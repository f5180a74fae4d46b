"""Judges that sort dialogs into categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sdialog.core.errors import ConfigError
from sdialog.evaluation.judges.outputs import LLMJudgeCategoryOutput
from sdialog.evaluation.judges.transcripts import TranscriptJudge


class LLMJudgeCategory(TranscriptJudge):
    """Puts a dialog into one of several categories.

    Args:
        prompt_template: what the categories are about, as a Jinja2 template.
        categories: their names, or what each means by its name; at least two.
        reason: whether to ask for reasons.
        model: what to ask; None for the model of the settings.
        options: as for :class:`.LLMJudgeYesNo`.

    Raises:
        ConfigError: if there are fewer than two categories, or samples are to be combined to anything but a majority.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> model = ScriptedModel(['{"category": "complaint"}'])
        >>> judge = LLMJudgeCategory("Why does the customer call?", ["order", "complaint"], model=model)
        >>> judge(Dialog(turns=[Turn(speaker="Riley", text="You charged me twice!")]))
        'complaint'
    """

    field = "category"
    output = LLMJudgeCategoryOutput
    answer_template = "judge/answer_category"

    def __init__(
        self,
        prompt_template: str,
        categories: Sequence[str] | Mapping[str, str],
        reason: bool = False,
        model: Any = None,
        **options: Any,
    ) -> None:
        self.categories = named(categories, "categories", least=2)
        super().__init__(prompt_template, reason, model, **options)
        if self.combine != "majority":
            raise ConfigError(f"the {self.combine} of labels cannot be taken; use combine='majority'")

    def _value_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.categories)}

    def _variables(self) -> dict[str, Any]:
        return {"categories": self.categories}


def named(given: Sequence[str] | Mapping[str, str], what: str, *, least: int = 1) -> dict[str, str]:
    """Return names with their meanings, from a list of names or a mapping.

    Raises:
        ConfigError: if there are too few, or one is no text.
    """
    found = (
        dict(given) if isinstance(given, Mapping) else dict.fromkeys(given if not isinstance(given, str) else (), "")
    )
    wrong = next((name for name in [*found, *found.values()] if not isinstance(name, str)), None)
    if wrong is not None or len(found) < least or "" in found:
        raise ConfigError(
            f"{what} are a list of at least {least} different names, or a mapping from names to meanings, "
            f"not {given!r:.80}"
        )
    return found
