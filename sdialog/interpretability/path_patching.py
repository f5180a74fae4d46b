"""Path patching: how much of a difference goes from one part of a model straight to another."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.figures.labelled_arrays import LabelledArray
from sdialog.interpretability.figures.results import Shown, averaged, told_missing
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.patching import BATCH, EFFECTS, check_options, control_name, pair_axis
from sdialog.interpretability.running.pairs import (
    Missing,
    Normalise,
    Pair,
    Progress,
    Strangers,
    alike,
    metric_name,
    pairs_of,
    resolution,
    strangers_of,
    ways_of,
)
from sdialog.interpretability.sites import Site
from sdialog.interpretability.tokens.alignment import Align

if TYPE_CHECKING:
    from sdialog.interpretability.anatomy.places import Anatomy, Place
    from sdialog.interpretability.running._causal_runs import Change
    from sdialog.llm.interventions import Network

LOGITS = "logits"


@dataclass(frozen=True, eq=False)
class Paths(Shown):
    """What goes along paths, in each pair and on average.

    Attributes:
        each: axes ``pair``, ``sender`` and ``receiver``: 0 where nothing goes along a path and 1 where it alone brings
            back what the clean run gives. Its control, such as ``base of another pair``, is what goes along it from
            a conversation that is not of the pair.
        clean, corrupt: metric of the runs, the mean over pairs.
        metric: what was measured.
        mlps_frozen: whether MLPs between them were held, too.
        missing: what could not be measured, and why.
    """

    each: LabelledArray = field(repr=False)
    clean: float
    corrupt: float
    metric: str
    mlps_frozen: bool
    missing: tuple[Missing, ...] = ()

    @cached_property
    def effects(self) -> LabelledArray:
        """The mean over pairs, with 95 % intervals over dialogs."""
        return averaged(self.each)

    def json(self) -> dict[str, Any]:
        """Return a plain dict; see ``docs/interpretability/results.md``."""
        return {
            "kind": "paths",
            "model": self.each.model,
            "metric": self.metric,
            "clean": self.clean,
            "corrupt": self.corrupt,
            "pairs": self.each.shape[0],
            "mlps_frozen": self.mlps_frozen,
            "missing": [one._asdict() for one in self.missing],
            "effects": self.effects.json(),
            "each": self.each.json(),
        }

    def table(self) -> str:
        """Return the effects as a Markdown table."""
        lost = told_missing(self.missing, self.each)
        return "\n\n".join(filter(None, [self.effects.table(), lost]))

    def plot(self) -> Any:
        """Return a matplotlib figure: a heat map of senders and receivers.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.effects.plot()


def patch_paths(
    source: Any,
    clean: Any,
    corrupt: Any,
    senders: str | Site | Iterable[str | Site] = "layers.*.head.*.z",
    receivers: str | Site | Iterable[str | Site] = LOGITS,
    *,
    metric: Metric | Sequence[Metric],
    freeze_mlps: bool = False,
    align: Align = "exact",
    normalise: Normalise = "pair",
    control: Any = "base",
    groups: Sequence[Hashable] | None = None,
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
    seed: int = 0,
    progress: Progress | None = None,
) -> Paths:
    """Measure what goes from senders to receivers without passing other heads (Wang et al., 2023).

    The corrupt conversation is run with a sender's output from the clean one, while all other heads keep what they
    gave in the corrupt run. What a receiver has there is put into another corrupt run, whose metric m gives
    ``(m - m_corrupt) / (m_clean - m_corrupt)``.

    Args:
        source: an agent, a model, its name, or a network.
        clean: the conversation in which the model behaves as studied, in any form that
            :func:`~sdialog.interpretability.patching.patch` takes; or a list.
        corrupt: the one that differs in what matters; or as many.
        senders: heads (``layers.N.head.H.z``) or MLPs (``layers.N.mlp_out``).
        receivers: ``logits`` for all that goes to the output, or inputs of parts, such as ``layers.N.head.H.q``,
            ``k``, ``v``, or ``layers.N.mlp_act`` for what an MLP reads.
        metric: what is measured; or one a pair.
        freeze_mlps: hold MLPs, too, so that only what a receiver reads directly counts; else they are computed anew
            and what they pass on counts.
        align: which tokens stand for each other; see :func:`~sdialog.interpretability.tokens.alignment.partners`.
        normalise: on what scale effects are; as for patching.
        control: donors that are not of the pair; as for patching.
        groups: of several pairs, the dialog of each; as for patching.
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        batch: how many runs go through the model together.
        seed: of the donors of controls.
        progress: called with how many pairs are done, of how many.

    Raises:
        UserError: if a sender is neither, conversations cannot be aligned, or both runs measure the same.

    Example:
        >>> from sdialog.interpretability.metrics import LogitDifference
        >>> found = patch_paths("embedded:mini", [7, 8, 9], [7, 12, 9], "layers.*.mlp_out",
        ...                     ["logits", "layers.3.mlp_act"], metric=LogitDifference(20, 21))
        >>> found.effects.shape
        (4, 2)
    """
    from sdialog.interpretability.anatomy.places import Anatomy
    from sdialog.interpretability.running._causal_runs import places_of

    check_options("denoise", normalise, control)
    network = network_of(source)
    anatomy = Anatomy(network)
    options: dict[str, Any] = {"speaker": speaker, "system": system}
    pairs, missing = pairs_of(network, clean, corrupt, metric, align=align, **options)
    sending, receiving = places_of(anatomy, senders), places_of(anatomy, receivers)
    for place in sending:
        if not (place.site.kind == "z" and place.site.head is not None) and place.site.kind != "mlp_out":
            raise ConfigError(f"{place.site} is no sender; those are layers.N.head.H.z and layers.N.mlp_out")
    runs = _Runs(network, anatomy, sending, receiving, freeze_mlps, batch)
    draw = Strangers(strangers_of(network, pairs, control, options), (), align, seed)
    least, found, total = resolution(network), [], len(pairs) + len(missing)
    for pair in pairs:
        found.append(runs.of(pair, draw.of(pair), least if normalise == "pair" else None))
        if progress is not None:
            progress(len(found), len(pairs))
    reasons = [one.refusal for one in found]
    missing += [Missing(pair.label, None, why) for pair, why in zip(pairs, reasons, strict=True) if why is not None]
    if all(why is not None for why in reasons):
        raise UserError(str(reasons[0]) if len(pairs) == 1 else f"nothing could be measured; {missing[-1]}")
    bases, donors = [one.base for one in found], [one.donor for one in found]
    ways = ways_of(bases, donors, normalise, "denoise", least)
    numpy = need("numpy", extra="local", why="patch paths")
    axes = {"sender": [str(place.site) for place in sending], "receiver": [str(place.site) for place in receiving]}
    first = pair_axis(pairs, total, groups)
    name = EFFECTS["denoise", normalise != "none"]
    low, way = (numpy.array(one)[:, None, None] for one in (bases, ways))
    each, other = (
        LabelledArray.of((numpy.array(values) - low) / way, name, pair=first, **axes)
        for values in ([one.changed for one in found], [one.control for one in found])
    )
    facts: dict[str, Any] = {"metric": metric_name(metric), "model": network.name}
    controls = {control_name(control): replace(other, **facts)} if draw.conversations else {}
    each = replace(each, controls=controls, **facts)
    high, start = (sum(values) / len(found) for values in (donors, bases))
    return Paths(each, high, start, facts["metric"], freeze_mlps, tuple(missing))


class _Found(NamedTuple):
    """What was measured of a pair: the metric of its runs, and along each path; why not, if it could not be."""

    base: float
    donor: float
    changed: list[list[float]]
    control: list[list[float]]
    refusal: str | None


@dataclass(frozen=True, eq=False)
class _Runs:
    """The runs of path patching."""

    network: Network
    anatomy: Anatomy
    senders: Sequence[Place]
    receivers: Sequence[Place]
    freeze_mlps: bool
    batch: int

    def of(self, pair: Pair, stranger: Pair | None, least: float | None) -> _Found:
        """Return the metric along each path, of a pair's donor and of one that is not of it."""
        from sdialog.interpretability.running._causal_runs import held, one_each

        base, logits = held(self.network, pair.base, self._frozen())
        donor, clean_logits = held(self.network, pair.donor, self.senders)
        low, high = (float(one_each(pair.metric, one)[0]) for one in (logits, clean_logits))
        blank = [[math.nan] * len(self.receivers) for _ in self.senders]
        if least is not None and (why := alike(low, high, least)) is not None:
            return _Found(low, high, blank, blank, why)
        changed = self._values(pair, base, donor)
        if stranger is not None:
            other, _ = held(self.network, stranger.donor, self.senders)
            return _Found(low, high, changed, self._values(stranger, base, other), None)
        return _Found(low, high, changed, blank, None)

    def _values(self, pair: Pair, base: dict[str, Any], donor: dict[str, Any]) -> list[list[float]]:
        """Return the metric by sender and receiver."""
        from sdialog.interpretability.running._causal_runs import Change, changed_rows, measured, one_each

        rows = [self._sent(pair, place, base, donor) for place in self.senders]
        reads = [place for place in self.receivers if str(place.site) != LOGITS]
        values: list[list[float]] = []
        for found_logits, found in changed_rows(self.network, pair.base, rows, batch=self.batch, reads=reads):
            direct = one_each(pair.metric, found_logits).tolist()
            second = [
                [Change(place, None, found[str(place.site)][row])] for row in range(len(direct)) for place in reads
            ]
            onward = iter(measured(self.network, pair.base, second, pair.metric, self.batch))
            values += [
                [whole if str(place.site) == LOGITS else next(onward) for place in self.receivers] for whole in direct
            ]
        return values

    def _frozen(self) -> list[Place]:
        kinds = ("z", "mlp_out") if self.freeze_mlps else ("z",)
        return [self.anatomy.place(f"layers.{layer}.{kind}") for layer in range(self.anatomy.layers) for kind in kinds]

    def _sent(self, pair: Pair, sender: Place, base: dict[str, Any], donor: dict[str, Any]) -> list[Change]:
        """Return what is put into the run that carries a sender's output: its own, and all others as they were."""
        from sdialog.interpretability.running._causal_runs import Change

        here = [position for position in range(len(pair.base)) if position in pair.partner]
        there = [pair.partner[position] for position in here]
        given = donor[str(sender.site)][there]
        changes = []
        for place in self._frozen():
            values = base[str(place.site)]
            if place.site.layer == sender.site.layer and place.site.kind == sender.site.kind:
                values = values.clone()
                if sender.site.head is None:
                    values[here] = given
                else:
                    values[here, sender.site.head] = given
            changes.append(Change(place, None, values))
        if sender.site.kind == "mlp_out" and not self.freeze_mlps:
            changes.append(Change(sender, here, given))
        return changes
