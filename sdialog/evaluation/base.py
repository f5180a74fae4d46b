"""What metrics, judges and validators are made from."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.evaluation.identity import plain
from sdialog.llm.types import Usage

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.llm.protocol import Model
    from sdialog.llm.scheduler import Client, Scheduler


# Published scripts look for these here; they live with their kind, and are fetched when asked for.
_ELSEWHERE = {
    "BaseDatasetEmbeddingEvaluator": "evaluators.embeddings",
    "BaseDatasetEvaluator": "evaluators.base",
    "BaseDatasetScoreEvaluator": "evaluators.scores",
    "BaseDialogEmbedder": "embeddings.base",
    "BaseDialogFlowScore": "flow.base",
    "BaseLLMJudge": "judges.base",
    "CacheDialogScore": "score_cache",
    "LLMJudgeScoreOutput": "judges.outputs",
    "LLMJudgeYesNoOutput": "judges.outputs",
}


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"sdialog.evaluation.{_ELSEWHERE[name]}"), name)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a score found in one dialog.

    Attributes:
        value: a number, several, named ones, a label; None when there is none.
        reason: why, in words.
        details: data behind it.
        usage: what model calls it cost.
    """

    value: Any
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)


class BaseDialogScore(ABC):
    """A score: from a dialog to a number, several numbers, numbers by name, a label, or None when there is none.

    Subclasses write :meth:`score`. One that has to wait for something, such as a judge for its model, writes
    :meth:`measure` instead and sets ``awaits``.

    Args:
        name: what it is called in tables; default the class's name.
        ai_speaker: the speaker it is about, where it is about one.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> class Turns(BaseDialogScore):
        ...     def score(self, dialog):
        ...         return len(dialog) or None
        >>> turns = Turns("turns")
        >>> turns(Dialog(turns=[Turn(text="Hi!")])), turns(Dialog())
        (1, None)
    """

    version: ClassVar[int] = 1
    """To be raised when the definition changes: results that are kept under another version do not count."""

    awaits: ClassVar[bool] = False
    """Whether it waits for models or other things, so that many dialogs should be scored side by side."""

    costly: ClassVar[bool] = False
    """Whether a result is worth keeping in a cache; those of scores that wait always are."""

    seeded: ClassVar[bool] = False
    """Whether it draws on the seed of the evaluation."""

    def __init__(self, name: str | None = None, ai_speaker: str | None = None) -> None:
        self.name = name or type(self).__name__
        self.ai_speaker = ai_speaker

    def __call__(self, dialog: Dialog, **options: Any) -> Any:
        """Return the score of one dialog."""
        return self.score(dialog, **options)

    @abstractmethod
    def score(self, dialog: Dialog) -> Any:
        """Return the score of one dialog, None when there is none."""

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the score with what is behind it; this is what evaluations call."""
        return Measured(self.score(dialog))

    def identity(self) -> dict[str, Any] | None:
        """Return all that decides its values beside the dialog, as JSON data; None if that cannot be told.

        A score without an identity is never looked up in a cache. Attributes whose names begin with an underscore
        are left out, and so is the name.
        """
        options = {key: value for key, value in vars(self).items() if not key.startswith("_") and key != "name"}
        kind = type(self)
        if "<locals>" in kind.__qualname__ or kind.__module__ == "__main__":
            return None  # its code may change under the same name from one cell of a notebook to the next
        try:
            return {"score": f"{kind.__module__}.{kind.__qualname__}", "version": kind.version, **plain(options)}
        except TypeError:
            return None


class Scoring:
    """What a score is given to reach models with.

    Args:
        scheduler: shares models with other scores and dialogs.
        seed: seed of what is random in it.
    """

    def __init__(self, scheduler: Scheduler, seed: int = 0) -> None:
        self.scheduler, self.seed = scheduler, seed

    def client(self, model: Model) -> Client:
        """Return the client of a model."""
        return self.scheduler.client(model)
