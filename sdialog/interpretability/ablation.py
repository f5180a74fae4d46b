"""Ablation: taking away what a part of a model computes, and measuring what is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.core.seeds import rng
from sdialog.interpretability.anatomy.site_axes import site_axes
from sdialog.interpretability.figures.labelled_arrays import LabelledArray
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.patching import BATCH, metrics_for
from sdialog.interpretability.running._inputs import Tokens, all_tokens
from sdialog.interpretability.sites import Site
from sdialog.interpretability.spans import Span
from sdialog.interpretability.tokens.alignment import Align, partners

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from sdialog.interpretability.anatomy.places import Place
    from sdialog.interpretability.running._causal_runs import Change
    from sdialog.llm.interventions import Network

How = Literal["zero", "mean", "resample"]
WAYS = ("zero", "mean", "resample")


@dataclass(frozen=True, eq=False)
class Ablation:
    """What the metric is without each site; the mean over conversations where there are several.

    Attributes:
        values: the metric without the site.
        whole: the metric with all of them.
        how: ``zero``, ``mean`` or ``resample``.
        metric: what was measured.
        sites: what was taken away.
        each: the metric of each conversation, of shape (conversations, *shape of values).
    """

    values: LabelledArray
    whole: float
    how: How
    metric: str
    sites: tuple[str, ...]
    each: NDArray[Any] = field(repr=False)

    @property
    def change(self) -> LabelledArray:
        """By how much the metric changes."""
        return LabelledArray(self.values.values - self.whole, self.values.axes, "change", self.values.notes)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "kind": "ablation",
            "values": self.values.json(),
            "whole": self.whole,
            "how": self.how,
            "metric": self.metric,
            "sites": list(self.sites),
            "conversations": len(self.each),
        }

    def table(self) -> str:
        """Return the metric without each site as a Markdown table."""
        return f"{self.values.table()}\n\nwith all: {self.whole:.3f}"

    def plot(self) -> Any:
        """Return a matplotlib figure of the changes.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.change.plot()


def ablate(
    source: Any,
    given: Any,
    sites: str | Site | Iterable[str | Site] = "layers.*.head.*.z",
    *,
    metric: Metric | Sequence[Metric],
    how: How = "zero",
    reference: Any = None,
    span: str | Span = "everything",
    align: Align = "exact",
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
    seed: int = 0,
) -> Ablation:
    """Take away what is at a site, one site at a time, and measure what is left.

    Args:
        source: an agent, a model, its name, or a network.
        given: a conversation (dialog, messages, rendering, text or token ids), or a list of them.
        sites: what is taken away, each by itself; ``*`` stands for every layer or head.
        metric: what is measured, such as :class:`~sdialog.interpretability.metrics.IsChosen`; or one a conversation.
        how: what is put in its place. ``zero``: nothing, which the model may never have met, so that the loss is an
            upper bound. ``mean``: the mean over the span's tokens in the reference conversations, which keeps what
            all of these share. ``resample``: what another conversation has at the same tokens (Chan et al., 2022).
        reference: of ``mean`` and ``resample``: one or several conversations; default those that are given.
        span: of which tokens.
        align: of ``resample``: which tokens stand for each other; see
            :func:`~sdialog.interpretability.tokens.alignment.partners`.
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        batch: how many changed runs go through the model together.
        seed: of ``resample``: which conversation is drawn for which.

    Raises:
        UserError: if a span means no token, or there is no other conversation to take from.

    Example:
        >>> from sdialog.interpretability.metrics import LogProbability
        >>> from sdialog.llm.types import Message
        >>> found = ablate("embedded:mini", [Message("user", "Hello!")], metric=LogProbability("Hello"))
        >>> found.values.shape, found.values.axes[1].name
        ((4, 6), 'head')
    """
    from sdialog.interpretability.anatomy.places import Anatomy
    from sdialog.interpretability.running._causal_runs import held, measured, one_each, places_of

    if how not in WAYS:
        raise UnknownNameError("way to ablate", str(how), WAYS)
    network = network_of(source)
    conversations, _ = all_tokens(network, given, speaker=speaker, system=system)
    others = conversations
    if reference is not None:
        others, _ = all_tokens(network, reference, speaker=speaker, system=system)
    metrics = metrics_for(metric, len(conversations), network)
    places = places_of(Anatomy(network), sites)
    filler = _filler(network, how, places, others, Span.parse(span), align, seed)
    wholes, numbers = [], []
    for number, tokens in enumerate(conversations):
        rows = [[change] for change in filler(number, tokens)]
        wholes.append(float(one_each(metrics[number], held(network, tokens, [])[1])[0]))
        numbers.append(measured(network, tokens, rows, metrics[number], batch))
    axes = site_axes([place.site for place in places])
    shape = tuple(len(labels) for labels in axes.values())
    each = need("numpy", extra="local", why="ablate").array(numbers).reshape(len(numbers), *shape)
    names = tuple(str(place.site) for place in places)
    values = LabelledArray.of(each.mean(0), str(metrics[0]), **axes)
    return Ablation(values, sum(wholes) / len(wholes), how, str(metrics[0]), names, each)


def _filler(
    network: Network, how: How, places: Sequence[Place], others: Sequence[Tokens], span: Span, align: Align, seed: int
) -> Any:
    """Return what tells, of the number of a conversation and its tokens, the change for each place."""
    if how == "resample":
        return _Resampling(network, places, others, span, align, seed)
    means = _means(network, places, others, span) if how == "mean" else None

    def fill(_number: int, tokens: Tokens) -> list[Change]:
        from sdialog.interpretability.running._causal_runs import Change, held

        positions = tokens.positions(span)
        if means is not None:
            fillings = [means[str(place.site)] for place in places]
        else:
            here, _ = held(network, tokens, places)
            fillings = [here[str(place.site)][0] * 0 for place in places]
        return [
            Change(place, positions, filling.expand(len(positions), *filling.shape))
            for place, filling in zip(places, fillings, strict=True)
        ]

    return fill


def _means(network: Network, places: Sequence[Place], others: Sequence[Tokens], span: Span) -> dict[str, Tensor]:
    """Return the mean of what is at each place over all tokens of a span."""
    from sdialog.interpretability.running._causal_runs import held

    if any(place.site.kind == "pattern" for place in places):
        raise UserError("a mean of attention over different columns says nothing; ablate z or v, or use how='zero'")
    sums: dict[str, Any] = {}
    count = 0
    for tokens in others:
        positions = tokens.positions(span)
        found, _ = held(network, tokens, places)
        count += len(positions)
        for name, values in found.items():
            sums[name] = sums.get(name, 0.0) + values[positions].double().sum(0)
    return {name: total / count for name, total in sums.items()}


@dataclass(frozen=True, eq=False)
class _Resampling:
    """Takes from another conversation what it has at the same tokens."""

    network: Network
    places: Sequence[Place]
    others: Sequence[Tokens]
    span: Span
    align: Align
    seed: int

    def __call__(self, number: int, tokens: Tokens) -> list[Change]:
        from sdialog.interpretability.running._causal_runs import Change, held

        different = [one for one in self.others if one.ids != tokens.ids]
        if not different:
            raise UserError("resampling takes from other conversations: give reference=, one that differs")
        other = different[rng(self.seed, "resample", number).randrange(len(different))]
        partner = partners(tokens, other, self.align)
        here = [position for position in tokens.positions(self.span) if position in partner]
        if not here:
            raise UserError(f"no token of {self.span!s} has a partner in the other conversation")
        there = [partner[position] for position in here]
        found, _ = held(self.network, other, self.places)
        if len(other) != len(tokens) and any(place.site.kind == "pattern" for place in self.places):
            raise UserError(f"attention over {len(other)} tokens does not fit {len(tokens)} tokens")
        return [Change(place, here, found[str(place.site)][there]) for place in self.places]
