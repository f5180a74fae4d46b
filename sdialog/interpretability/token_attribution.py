"""Integrated gradients: what each token of a conversation adds to a metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.figures.labelled_arrays import Axis, LabelledArray
from sdialog.interpretability.figures.results import Shown
from sdialog.interpretability.metrics import Metric, known
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.patching import BATCH
from sdialog.interpretability.running._inputs import tokens_of

BASELINES = ("mean", "zero")
STEPS = 64


@dataclass(frozen=True, eq=False)
class TokenAttribution(Shown):
    """What each token adds to a metric.

    Attributes:
        values: by token; they sum to what the metric has above the baseline, up to ``gap``.
        value: the metric.
        baseline: the metric of the baseline.
        metric: what was measured.
        turns: what each token belongs to, such as ``1 Ann``.
        steps: at how many points gradients were taken.
    """

    values: LabelledArray
    value: float
    baseline: float
    metric: str
    turns: tuple[str, ...]
    steps: int

    @property
    def gap(self) -> float:
        """By how much the sum misses; more steps make it smaller."""
        return float(self.values.values.sum()) - (self.value - self.baseline)

    def by_turn(self) -> LabelledArray:
        """Return the sum over the tokens of each turn."""
        names = list(dict.fromkeys(self.turns))
        values = self.values.values.tolist()
        sums = [sum(value for value, turn in zip(values, self.turns, strict=True) if turn == name) for name in names]
        return LabelledArray.of(sums, self.values.name, turn=names)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "kind": "integrated gradients",
            "values": self.values.json(),
            "value": self.value,
            "baseline": self.baseline,
            "gap": self.gap,
            "metric": self.metric,
            "turns": list(self.turns),
            "steps": self.steps,
        }

    def table(self) -> str:
        """Return the strongest tokens as a Markdown table."""
        told = f"{self.metric}: {self.value:.3f}, baseline {self.baseline:.3f}, gap {self.gap:.2g}"
        return f"{self.values.table()}\n\n{told}"

    def plot(self) -> Any:
        """Return a matplotlib figure: a bar for each token.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.values.plot()


def integrated_gradients(
    source: Any,
    given: Any,
    metric: Metric,
    *,
    baseline: Literal["mean", "zero"] | Any = "mean",
    steps: int = STEPS,
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
) -> TokenAttribution:
    """Attribute a metric to tokens: their embeddings, less a baseline's, times the mean gradient between both.

    The sum over tokens is the difference of the metric to that of the baseline (Sundararajan et al., 2017); ``gap``
    tells how nearly.

    Args:
        source: an agent, a model, its name, or a network.
        given: a dialog, messages, a rendering, a text or token ids.
        metric: what is attributed, such as :class:`~sdialog.interpretability.metrics.LogitDifference`.
        baseline: what stands for no information: the ``mean`` embedding of the vocabulary, ``zero``, or a
            conversation of as many tokens. What tokens are found to add hangs on it. Norms undo the length of an
            embedding, so that from ``zero`` most models jump at the very start of the way, where no number of steps
            sees it; the gap tells.
        steps: at how many points the gradient is taken.
        speaker: of a dialog: who the model plays.
        system: of a dialog: the system prompt of the speaker.
        batch: how many of them go through the model together.

    Raises:
        UserError: if the baseline does not fit, or the metric has no gradient.

    Example:
        >>> from sdialog.interpretability.metrics import LogitDifference
        >>> found = integrated_gradients("embedded:mini", [7, 8, 9], LogitDifference(20, 21))
        >>> found.values.shape, abs(found.gap) < 0.05
        ((3,), True)
    """
    from sdialog.interpretability.anatomy.places import Anatomy
    from sdialog.interpretability.running._causal_runs import Change, held, measured, one_each
    from sdialog.interpretability.running._gradients import along

    if steps < 1:
        raise UserError(f"steps is at least 1, not {steps}")
    network = network_of(source)
    tokens = tokens_of(network, given, speaker=speaker, system=system)
    told, metric = str(metric), known(metric, network.tokenizer)
    place = Anatomy(network).place("embed")
    found, logits = held(network, tokens, [place])
    end = found["embed"]
    if isinstance(baseline, str) and baseline not in BASELINES:
        raise UnknownNameError("baseline", baseline, BASELINES, "Or give a conversation of as many tokens.")
    if isinstance(baseline, str):
        # The embeddings as the model has them, which may scale them.
        every = network.call(lambda: place.module.weight.detach().mean(0))
        start = end * 0 if baseline == "zero" else every.expand_as(end) * _scale(place.module)
    else:
        other = tokens_of(network, baseline, speaker=speaker, system=system)
        if len(other) != len(tokens):
            raise UserError(f"the baseline has {len(other)} tokens and the conversation {len(tokens)}")
        start = held(network, other, [place])[0]["embed"]
    gradient = along(network, tokens, place, metric, start, end, steps=steps, batch=batch)
    values = ((end - start).double() * gradient.double()).sum(-1)
    turns = tuple(tokens.turn(position) for position in range(len(tokens)))
    return TokenAttribution(
        replace(
            LabelledArray.of(values, f"part of the {told}", token=Axis("token", tokens.strings, turns)),
            metric=told,
            model=network.name,
        ),
        float(one_each(metric, logits)[0]),
        measured(network, tokens, [[Change(place, None, start)]], metric, batch)[0],
        told,
        turns,
        steps,
    )


def _scale(module: Any) -> Any:
    """Return by what an embedding module multiplies its weights."""
    return getattr(module, "embed_scale", 1.0)
