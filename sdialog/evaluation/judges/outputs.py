"""What judges say, as typed values."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel


class LLMJudgeYesNoOutput(BaseModel):
    """A verdict of yes or no; of several dialogs, one a dialog.

    Args:
        reason: why, if that was asked for; also why there is no verdict.
        positive: whether the answer is yes; None where there is no verdict.
    """

    reason: str | list[str | None] | None = None
    positive: bool | list[bool | None] | None


class LLMJudgeScoreOutput(BaseModel):
    """A score; of several dialogs, one a dialog.

    Args:
        reason: why, if that was asked for; also why there is no score.
        score: the number; None where there is none.
    """

    reason: str | list[str | None] | None = None
    score: int | float | list[int | float | None] | None = None


class LLMJudgeCategoryOutput(BaseModel):
    """A category; of several dialogs, one a dialog.

    Args:
        reason: why, if that was asked for; also why there is no category.
        category: its name; None where there is none.
    """

    reason: str | list[str | None] | None = None
    category: str | list[str | None] | None = None


class Evidence(BaseModel):
    """Words of a dialog that a score rests on.

    Args:
        turn: number of the turn, from 1.
        quote: what was said there.
        verified: whether that turn does say so.
    """

    turn: int
    quote: str
    verified: bool = False


class LLMJudgeRubricOutput(BaseModel):
    """Scores by criterion, with the evidence for each.

    Args:
        reason: why there are no scores, if there are none.
        scores: the number by criterion; None where there is none.
        evidence: quotes by criterion.
    """

    reason: str | None = None
    scores: dict[str, int | float | None] | None = None
    evidence: dict[str, list[Evidence]] = {}


class LLMJudgePairwiseOutput(BaseModel):
    """Which of two dialogs is better.

    Args:
        reason: why, if that was asked for; also why there is no verdict.
        winner: ``a``, ``b`` or ``tie``; None where there is no verdict.
        consistent: whether both orders of showing them gave the same verdict; None where one gave none.
        details: the verdict of each order.
    """

    reason: str | None = None
    winner: Literal["a", "b", "tie"] | None = None
    consistent: bool | None = None
    details: dict[str, Any] = {}
