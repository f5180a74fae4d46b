"""Ablation: taking away what a part of a model computes, and measuring what is lost."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.anatomy.site_axes import site_axes
from sdialog.interpretability.figures.labelled_arrays import LabelledArray
from sdialog.interpretability.figures.results import Shown, averaged, told_missing
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.patching import BATCH
from sdialog.interpretability.running._inputs import all_tokens
from sdialog.interpretability.running.pairs import (
    Missing,
    Progress,
    conversations_axis,
    labels_of,
    metric_name,
    metrics_for,
)
from sdialog.interpretability.sites import Site
from sdialog.interpretability.spans import Span
from sdialog.interpretability.tokens.alignment import Align

if TYPE_CHECKING:
    from sdialog.interpretability.anatomy.places import Anatomy, Place

How = Literal["zero", "mean", "resample"]
Control = Literal["direction", "site"]
WAYS = ("zero", "mean", "resample")
_CONTROLS = {"direction": "random direction", "site": "other site"}


@dataclass(frozen=True, eq=False)
class Ablation(Shown):
    """What the metric is without each site, in each conversation and on average.

    Attributes:
        each: the metric without the site, with the axis ``conversation`` first; nan where it is missing. Its control
            ``random direction`` is the metric where what was there is moved as far in a direction drawn by chance;
            ``other site`` where another site of the kind, drawn by chance, is taken away instead.
        wholes: the metric of each conversation with all of them.
        how: ``zero``, ``mean`` or ``resample``.
        metric: what was measured.
        sites: what was taken away.
        missing: what could not be measured, and why.
    """

    each: LabelledArray = field(repr=False)
    wholes: LabelledArray = field(repr=False)
    how: How
    metric: str
    sites: tuple[str, ...]
    missing: tuple[Missing, ...] = ()

    @property
    def whole(self) -> float:
        """Mean metric with all sites."""
        return float(self.wholes.values.mean())

    @property
    def values(self) -> LabelledArray:
        """Mean metric without each site, over conversations."""
        found = self.each.mean("conversation")
        return replace(found, name=self.each.name)

    @cached_property
    def change(self) -> LabelledArray:
        """By how much the metric changes, the mean over conversations with 95 % intervals over dialogs."""
        return averaged(self.changes)

    @property
    def changes(self) -> LabelledArray:
        """By how much the metric changes in each conversation."""
        whole = self.wholes.values.reshape(-1, *[1] * (self.each.values.ndim - 1))
        controls = {
            name: replace(one, values=one.values - whole, name="change") for name, one in self.each.controls.items()
        }
        return replace(self.each, values=self.each.values - whole, name="change", controls=controls)

    def beyond_control(self) -> LabelledArray:
        """Return by how much more the metric changes than with the control, in each conversation, on average.

        Raises:
            UserError: if there is no control.
        """
        if not self.each.controls:
            raise UserError("there is no control; give control='direction' or 'site'")
        (control,) = self.each.controls.values()
        values = self.each.values - control.values
        return averaged(replace(self.each, values=values, name="change beyond the control", controls={}))

    def json(self) -> dict[str, Any]:
        """Return a plain dict; see ``docs/interpretability/results.md``."""
        return {
            "kind": "ablation",
            "model": self.each.model,
            "metric": self.metric,
            "how": self.how,
            "whole": self.whole,
            "conversations": self.each.shape[0],
            "sites": list(self.sites),
            "missing": [one._asdict() for one in self.missing],
            "change": self.change.json(),
            "values": self.values.json(),
            "each": self.each.json(),
            "wholes": self.wholes.json(),
        }

    def table(self) -> str:
        """Return by how much the metric changes without each site as a Markdown table."""
        parts = [self.change.table(), f"{self.metric} with all: {self.whole:.3f}"]
        for name, control in self.change.controls.items():
            if best := control.top(1):
                parts.append(f"control, {name}: at most {best[0].value:.3f}, at {', '.join(best[0].labels)}")
        return "\n\n".join(filter(None, [*parts, told_missing(self.missing, self.each)]))

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
    control: Control | None = "direction",
    groups: Sequence[Hashable] | None = None,
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
    seed: int = 0,
    progress: Progress | None = None,
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
        control: ``direction`` moves what is at the site as far at each token as the ablation does, in a direction
            drawn by chance: what any change of that size does. ``site`` takes away another site of the kind, drawn
            by chance among those that are not asked for. Either costs as many runs again; None for none.
        groups: of several conversations, the dialog of each: those of one belong together in intervals. Default:
            dialogs with the same id.
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        batch: how many changed runs go through the model together, of one conversation or several.
        seed: of what is drawn by chance.
        progress: called with how many conversations are done, of how many.

    Returns:
        The metric without each site; of several conversations, one that cannot be measured is told in ``missing``.

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
    from sdialog.interpretability.running._ablations import AblationRuns, Asked, Fillings
    from sdialog.interpretability.running._causal_runs import places_of

    if how not in WAYS:
        raise UnknownNameError("way to ablate", str(how), WAYS)
    if control is not None and control not in _CONTROLS:
        raise UnknownNameError("control", str(control), _CONTROLS)
    network = network_of(source)
    conversations, _ = all_tokens(network, given, speaker=speaker, system=system)
    others = conversations
    if reference is not None:
        others, _ = all_tokens(network, reference, speaker=speaker, system=system)
    metrics = metrics_for(metric, len(conversations), network)
    labels = labels_of(given)
    anatomy = Anatomy(network)
    places = places_of(anatomy, sites)
    fillings = Fillings(network, how, others, Span.parse(span), align, seed, batch)
    runs = AblationRuns(fillings, places, control, _candidates(anatomy, places) if control == "site" else ())
    asked = [Asked(number, labels[number], tokens, metrics[number]) for number, tokens in enumerate(conversations)]
    found = runs.of(asked, progress)
    axes = site_axes([place.site for place in places])
    first = conversations_axis("conversation", dict(enumerate(labels)), groups, len(asked))
    shape = (len(asked), *(len(names) for names in axes.values()))
    facts: dict[str, Any] = {"metric": metric_name(metric), "model": network.name}
    numpy = need("numpy", extra="local", why="ablate")
    each, other = (
        replace(LabelledArray.of(numpy.reshape(rows, shape), facts["metric"], conversation=first, **axes), **facts)
        for rows in (found.without, found.control)
    )
    if control is not None:
        each = replace(each, controls={_CONTROLS[control]: other})
    wholes = replace(LabelledArray.of(found.whole, facts["metric"], conversation=first), **facts)
    names = tuple(str(place.site) for place in places)
    return Ablation(each, wholes, how, facts["metric"], names, tuple(found.missing))


def _candidates(anatomy: Anatomy, places: Sequence[Place]) -> list[list[Place]]:
    """Return for each place the others of its kind that are not asked for.

    Raises:
        UserError: if there are none.
    """
    asked = {str(place.site) for place in places}
    found = []
    for place in places:
        site = place.site
        unit = "" if site.unit is None else f".{site.unit}"
        kind = f"head.*.{site.kind}" if site.head is not None else f"{site.kind}{unit}"
        if site.layer is None or site.kind is None:
            raise UserError(f"{site} has no others of its kind; use control='direction'")
        some = [anatomy.place(one) for one in anatomy.expand(f"layers.*.{kind}")]
        found.append([one for one in some if str(one.site) not in asked])
        if not found[-1]:
            raise UserError(
                f"all sites of the kind of {site} are asked for, so that none is left for a control; "
                "compare them with each other, or use control='direction'"
            )
    return found
