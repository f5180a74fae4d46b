"""Judges that give numbers."""

from __future__ import annotations

import math
from typing import Any

from sdialog.core.errors import ConfigError, UnsupportedFeatureError
from sdialog.evaluation.judges.asking import Answer
from sdialog.evaluation.judges.base import built_in
from sdialog.evaluation.judges.outputs import LLMJudgeScoreOutput
from sdialog.evaluation.judges.transcripts import TranscriptJudge
from sdialog.evaluation.judges.votes import Vote
from sdialog.evaluation.judges.weighting import distribution

_TOP_TOKENS = 20
_TYPES = {"int": int, "float": float}


class LLMJudgeScore(TranscriptJudge):
    """Gives a dialog a number within bounds; a number out of bounds is asked for again, then an error.

    Args:
        prompt_template: what to score, as a Jinja2 template; ``min_score``, ``max_score`` and ``score_type`` are
            variables too.
        min_score, max_score: the bounds, both possible.
        score_type: ``int`` or ``float``, or their names.
        reason: whether to ask for reasons.
        model: what to ask; None for the model of the settings.
        weighted: give the mean of all scores, weighted with the probabilities the model gives them (G-Eval, Liu et al.,
            2023). For whole numbers of one digit, and models that tell probabilities of tokens.
        options: as for :class:`.LLMJudgeYesNo`; several samples usually ``combine`` to their mean.

    Raises:
        ConfigError: if the bounds are none, or do not go with ``weighted``.
        UnsupportedFeatureError: if the model does not tell probabilities of tokens.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> polite = LLMJudgeScore("How polite is Ann?", model=ScriptedModel(['{"score": 4}']))
        >>> polite.score(Dialog(turns=[Turn(speaker="Ann", text="Good morning!")]))
        4
    """

    field = "score"
    output = LLMJudgeScoreOutput
    answer_template = "judge/answer_score"
    usual_combine = "mean"

    def __init__(
        self,
        prompt_template: str,
        min_score: float = 1,
        max_score: float = 5,
        score_type: type | str = int,
        reason: bool = False,
        model: Any = None,
        *,
        weighted: bool = False,
        **options: Any,
    ) -> None:
        self.score_type = _type(score_type)
        self.min_score, self.max_score = _bounds(min_score, max_score, self.score_type)
        self.weighted = bool(weighted)
        super().__init__(prompt_template, reason, model, **options)
        if self.weighted:
            self.one_by_one = True
            if self.score_type is not int or self.min_score < 0 or self.max_score > 9:
                raise ConfigError("weighted=True is for whole scores of one digit, such as 1 to 5")
            if "logprobs" not in self._model.features:
                raise UnsupportedFeatureError(
                    f"{self._model.name} does not tell probabilities of tokens, which weighted=True needs; choose "
                    "another model, or use samples=... instead"
                )

    def _variables(self) -> dict[str, Any]:
        return {"min_score": self.min_score, "max_score": self.max_score, "score_type": self.score_type.__name__}

    def _value_schema(self) -> dict[str, Any]:
        kind = "integer" if self.score_type is int else "number"
        return {"type": kind, "minimum": self.min_score, "maximum": self.max_score}

    def _value(self, given: Any) -> float:
        return self.score_type(given)

    def _logprobs(self) -> int | None:
        return _TOP_TOKENS if self.weighted else None

    def _vote(self, given: Any, reason: str | None, answer: Answer) -> Vote:
        vote = super()._vote(given, reason, answer)
        if not self.weighted or vote.value is None:
            return vote
        if answer.logprobs is None:
            raise UnsupportedFeatureError(
                f"{self._model.name} gave no probabilities of tokens, which weighted=True needs; use samples=... "
                "instead"
            )
        shares = distribution(
            answer.raw, answer.logprobs, self.field, range(int(self.min_score), int(self.max_score) + 1)
        )
        value = math.fsum(score * share for score, share in shares.items())
        told = {str(score): share for score, share in shares.items()}
        return Vote(value, reason, raw=answer.raw, details={"distribution": told, "given": given})


class LLMJudgeRealDialogLikertScore(LLMJudgeScore):
    """How much does the dialog read like one between people, from 1 (surely made up) to 5 (surely real)?

    Args:
        reason, model, options: as for :class:`LLMJudgeScore`.
    """

    def __init__(self, reason: bool = False, model: Any = None, **options: Any) -> None:
        super().__init__(built_in("judge/real_dialog_likert"), 1, 5, int, reason, model, **options)


class LLMJudgeRealDialogScore(LLMJudgeScore):
    """How much does the dialog read like one between people, as a whole number within bounds?

    Args:
        min_score, max_score: the bounds; the lower one is for surely made up, the upper one for surely real.
        reason, model, options: as for :class:`LLMJudgeScore`.
    """

    def __init__(
        self, min_score: int = 0, max_score: int = 10, reason: bool = False, model: Any = None, **options: Any
    ) -> None:
        super().__init__(built_in("judge/real_dialog_score"), min_score, max_score, int, reason, model, **options)


def _type(given: object) -> type[int] | type[float]:
    found = _TYPES.get(given) if isinstance(given, str) else given
    if found is int:
        return int
    if found is float:
        return float
    raise ConfigError(f"score_type is int or float, not {given!r}")


def _bounds(low: Any, high: Any, kind: type[int] | type[float]) -> tuple[float, float]:
    for value in (low, high):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ConfigError(f"the bounds of a score are numbers, not {value!r}")
        if kind is int and value != int(value):
            raise ConfigError(f"the bounds of a whole score are whole numbers, not {value}; or set score_type=float")
    if low >= high:
        raise ConfigError(f"min_score must be below max_score, and {low} is not below {high}")
    return (int(low), int(high)) if kind is int else (low, high)
