"""What a newcomer wants to know of a run: many scores by name, computed in one pass over the dialogs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.catalogue import entries, get_score
from sdialog.evaluation.evaluators.base import columns
from sdialog.evaluation.metrics.everything import DialogFeatures
from sdialog.evaluation.results import EvalResult
from sdialog.evaluation.runner import Running, score_dialogs

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

USUAL = (
    "mean-turn-length",
    "turn-taking-ratio",
    "question-rate",
    "questions-unanswered",
    "mattr",
    "distinct-2",
    "repetition",
    "flesch-reading-ease",
    "hesitation-rate",
    "sentiment",
    "sentiment-change",
    "politeness",
    "RoleIntegrity",
)
"""Scores that are computed when none are named: length, turn taking, variety, reading ease, mood, manners, faults."""


def named_scores(names: Sequence[str] = (), speaker: str | None = None) -> list[BaseDialogScore]:
    """Return scores by name, all features among them as one score that reads each dialog once.

    Args:
        names: names of the catalogue, or ``module:Class``; ``all`` for every feature; none for the usual ones.
        speaker: whose turns count.

    Raises:
        UnknownNameError: if nothing is called so.
        ConfigError: if one needs to be told more than its name, or cannot be of one speaker.

    Example:
        >>> [type(score).__name__ for score in named_scores(["mattr", "question-rate"])]
        ['DialogFeatures']
    """
    known = entries()
    asked = [name for one in names or USUAL for name in (DialogFeatures.features if one == "all" else [one])]
    features = [name for name in dict.fromkeys(asked) if name in known and known[name].kind == "feature"]
    others = [get_score(name, speaker) for name in dict.fromkeys(asked) if name not in features]
    return [*([DialogFeatures(features, speaker=speaker)] if features else []), *others]


def overview(
    dialogs: Iterable[Dialog], scores: Sequence[BaseDialogScore], running: Running | None = None
) -> dict[str, EvalResult]:
    """Score dialogs and return one result a number: each feature on its own, each part of a score of several.

    Args:
        dialogs: dialogs, also from an iterator of any length.
        scores: what to compute, such as :func:`named_scores`.
        running: how.

    Returns:
        Results by name, in the order of the scores; the second of two of one name gets ``-2`` at its end.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> found = overview([Dialog(turns=[Turn(text="Where is it?")])], named_scores(["question-rate"]))
        >>> found["question-rate"].values
        [100.0]
    """
    found: list[tuple[str, EvalResult]] = []
    for score, result in zip(scores, score_dialogs(scores, dialogs, running), strict=True):
        parts = result.parts
        if isinstance(score, DialogFeatures):
            named = {key: name for name, (key, _) in score.features.items()}
            wanted = [score.feature] if isinstance(score.feature, str) else score.feature
            pairs = {named[key]: part for key, part in _by_key(result, parts).items()} if parts else {}
            found += [(name, _called(name, pairs.get(name, result))) for name in wanted]
        else:
            found += parts.items() if parts else [(result.name, result)]
    return dict(zip(columns(name for name, _ in found), (result for _, result in found), strict=True))


def _by_key(result: EvalResult, parts: dict[str, EvalResult]) -> dict[str, EvalResult]:
    return {name.removeprefix(f"{result.name}-"): part for name, part in parts.items()}


def _called(name: str, result: EvalResult) -> EvalResult:
    return EvalResult(name, result.items)
