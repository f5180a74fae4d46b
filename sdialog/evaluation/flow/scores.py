"""How well a dialog follows the flow of reference dialogs: one measure, as perplexity and as score."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.evaluation.base import Measured
from sdialog.evaluation.flow.base import BaseDialogFlowScore

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.base import Scoring


class _MeanLogProbability(BaseDialogFlowScore):
    """A score that comes from the mean log probability of the steps, of all or of those the references hold."""

    own_name = ""

    def __init__(
        self,
        reference_dialogues: str | Path | Iterable[Dialog] | None,
        ai_speaker: str | None = None,
        k_neighbors: int = 64,
        use_softmax: bool = True,
        use_only_known_edges: bool = False,
        name: str | None = None,
        verbose: bool = False,
        **d2f_kwargs: Any,
    ) -> None:
        hard, ai = "" if use_softmax else "-hard", "" if ai_speaker is None else "-ai"
        name = name or f"{self.own_name}{hard}{ai}{'-only-known' if use_only_known_edges else ''}"
        super().__init__(
            reference_dialogues, ai_speaker, k_neighbors, use_softmax, name=name, verbose=verbose, **d2f_kwargs
        )
        self.use_only_known_edges = use_only_known_edges

    def _chosen(self, sums: tuple[float, int, float, int]) -> tuple[float, int]:
        return sums[:2] if self.use_only_known_edges else sums[2:]

    def perplexity(self, dialogs: Iterable[Dialog]) -> float | None:
        """Return the perplexity of a corpus: exp of minus the mean log probability of all its steps.

        Long dialogs weigh more than in the mean of dialogs' perplexities, which a single odd dialog can spoil. Dialogs
        without a score are left out; None if that is all of them.
        """
        total, count = 0.0, 0
        for dialog in dialogs:
            if self.unscorable(dialog) is None:
                found, steps = self._chosen(self.sums(self.trace(dialog)))
                total, count = total + found, count + steps
        return math.exp(-total / count) if count else None

    def score(self, dialog: Dialog) -> float | None:
        """Return the score of one dialog, None when there is none."""
        value: float | None = self._measured(dialog).value
        return value

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the score with what is behind it."""
        return self._measured(dialog)

    def _measured(self, dialog: Dialog) -> Measured:
        problem = self.unscorable(dialog)
        if problem is not None:
            return Measured(None, problem)
        steps = self.trace(dialog)
        sums = self.sums(steps)
        total, count = self._chosen(sums)
        if not count:
            return Measured(None, "the references hold none of the dialog's transitions")
        details = {
            "logLikelihood": sums[2],
            "transitions": sums[3],
            "knownTransitions": sums[1],
            "surprise": [round(step.surprise, 4) for step in steps],
        }
        return Measured(self._value(total / count), details=details)

    def _value(self, mean: float) -> float:
        """Return the score that a mean log probability gives."""
        raise NotImplementedError(f"{type(self).__name__} does not implement _value()")


class DialogFlowPPL(_MeanLogProbability):
    """The perplexity of a dialog's flow under reference dialogs, from 1: lower is more like them.

    Args:
        reference_dialogues: dialogs, or a file or folder of them.
        ai_speaker: count only steps to what this speaker says, and to the end.
        k_neighbors: how many nodes an utterance may belong to.
        use_softmax: whether an utterance may belong to several nodes.
        use_only_known_edges: leave out steps that the references do not hold; a dialog of such steps has no score.
        name: default ``dfppl``, and ``-hard`` without softmax, ``-ai`` for one speaker, ``-only-known``.
        verbose: see ``dialog2graph``.
        d2f_kwargs: other arguments of :class:`BaseDialogFlowScore` and ``dialog2graph``.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> def talk(*texts):
        ...     return Dialog(turns=[Turn(speaker=("User", "Bot")[n % 2], text=text) for n, text in enumerate(texts)])
        >>> usual = talk("I lost my card.", "I have blocked it.", "Thank you!", "Goodbye.")
        >>> ppl = DialogFlowPPL([usual] * 20)
        >>> odd = talk("Thank you!", "Goodbye.", "I lost my card.", "I have blocked it.")
        >>> round(ppl(usual), 2), round(ppl(odd), 1), ppl(Dialog())
        (1.03, 11.1, None)
        >>> [(step.node, round(step.surprise, 1)) for step in ppl.trace(usual[:2])][-1]
        ('[end]', 5.4)
    """

    own_name = "dfppl"

    def _value(self, mean: float) -> float:
        return math.exp(-mean)


class DialogFlowScore(_MeanLogProbability):
    """The geometric mean of the probabilities of a dialog's steps, from 0 to 1: higher is more like the references.

    It is 1 over the perplexity of :class:`DialogFlowPPL`, which says more about its arguments: one measure, two scales.

    Args:
        reference_dialogues: dialogs, or a file or folder of them.
        ai_speaker: count only steps to what this speaker says, and to the end.
        k_neighbors: how many nodes an utterance may belong to.
        use_softmax: whether an utterance may belong to several nodes.
        use_only_known_edges: leave out steps that the references do not hold.
        name: default ``dfs``, and ``-hard`` without softmax, ``-ai`` for one speaker, ``-only-known``.
        verbose: see ``dialog2graph``.
        d2f_kwargs: other arguments of :class:`BaseDialogFlowScore` and ``dialog2graph``, such as the ``graph`` and
            ``nodes`` of another score.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> talk = Dialog(turns=[Turn(speaker="User", text="Hello!"), Turn(speaker="Bot", text="Good morning.")])
        >>> ppl = DialogFlowPPL([talk] * 9)
        >>> flow = DialogFlowScore([talk] * 9, graph=ppl.graph, nodes=ppl.nodes)
        >>> round(flow(talk) * ppl(talk), 6)
        1.0
    """

    own_name = "dfs"

    def _value(self, mean: float) -> float:
        return math.exp(mean)
