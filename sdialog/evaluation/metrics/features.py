"""Scores made of several features: what is chosen, what it is called, and whether one number comes back or a dict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from sdialog.core.errors import UnknownNameError
from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.metrics.transcript import Transcript

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

S = TypeVar("S")
Feature = Callable[[S], float | None]


def described(what: str, compute: Feature[S]) -> Feature[S]:
    """Return a feature with a line that says what it is, for lists of features.

    Example:
        >>> described("Number of turns.", len).__doc__
        'Number of turns.'
    """

    def feature(source: S) -> float | None:
        return compute(source)

    feature.__doc__ = what
    return feature


class FeatureScore(BaseDialogScore, Generic[S]):
    """A score of one feature (a number) or of several (a dict by name, None where a feature has no value).

    Subclasses say which features there are and what they are computed from.

    Args:
        feature: one feature, several, or None for all.
        name: what the score is called; default the feature's name when it is one, else the class's own.
        speaker: count only what this speaker says; letter case does not matter.

    Raises:
        UnknownNameError: if there is no such feature.
    """

    features: ClassVar[Mapping[str, tuple[str, Feature[S]]]]
    """Name of each feature -> its key in dicts, and its definition."""

    own_name: ClassVar[str]

    def __init__(
        self, feature: str | Iterable[str] | None = None, name: str | None = None, speaker: str | None = None
    ) -> None:
        asked = [feature] if isinstance(feature, str) else list(feature or ())
        chosen = asked or list(self.features)
        for one in chosen:
            if one not in self.features:
                raise UnknownNameError("feature", one, self.features)
        super().__init__(name or (chosen[0] if len(asked) == 1 else self.own_name))
        self.feature = chosen[0] if len(asked) == 1 else tuple(chosen)
        self.speaker = speaker

    def score(self, dialog: Dialog) -> float | dict[str, float | None] | None:
        """Return the feature's number, or a dict of all those chosen."""
        source = self.read(dialog)
        if isinstance(self.feature, str):
            return self.features[self.feature][1](source)
        # In the order of the table, whatever the order they were asked for in.
        return {key: compute(source) for name, (key, compute) in self.features.items() if name in self.feature}

    def read(self, dialog: Dialog) -> S:
        """Return what the features of a dialog are computed from."""
        return self.of(Transcript.of(dialog, self.speaker))

    @classmethod
    def of(cls, transcript: Transcript) -> S:
        """Return what the features are computed from; several scores may share one transcript."""
        raise NotImplementedError(f"{cls.__name__} does not implement of()")
