"""Path patching: how much of a difference goes from one part of a model straight to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.optional import need
from sdialog.interpretability.figures.labelled_arrays import LabelledArray
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.patching import BATCH, Pair, metrics_for, pairs_of, share
from sdialog.interpretability.sites import Site
from sdialog.interpretability.tokens.alignment import Align

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.interpretability.anatomy.places import Anatomy, Place
    from sdialog.interpretability.running._causal_runs import Change
    from sdialog.llm.interventions import Network

LOGITS = "logits"


@dataclass(frozen=True, eq=False)
class Paths:
    """What goes along paths; the mean over pairs where there are several.

    Attributes:
        effects: axes ``sender`` and ``receiver``: 0 where nothing goes along a path and 1 where it alone brings back
            what the clean run gives.
        clean, corrupt: metric of the runs.
        metric: what was measured.
        mlps_frozen: whether MLPs between them were held, too.
        each: the effects of each pair, of shape (pairs, senders, receivers).
    """

    effects: LabelledArray
    clean: float
    corrupt: float
    metric: str
    mlps_frozen: bool
    each: NDArray[Any] = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "kind": "paths",
            "effects": self.effects.json(),
            "clean": self.clean,
            "corrupt": self.corrupt,
            "metric": self.metric,
            "mlps_frozen": self.mlps_frozen,
            "pairs": len(self.each),
        }

    def table(self) -> str:
        """Return the effects as a Markdown table."""
        return self.effects.table()

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
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
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
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        batch: how many runs go through the model together.

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

    network = network_of(source)
    anatomy = Anatomy(network)
    pairs = pairs_of(network, clean, corrupt, "denoise", align, speaker, system)
    metrics = metrics_for(metric, len(pairs), network)
    sending, receiving = places_of(anatomy, senders), places_of(anatomy, receivers)
    for place in sending:
        if not (place.site.kind == "z" and place.site.head is not None) and place.site.kind != "mlp_out":
            raise ConfigError(f"{place.site} is no sender; those are layers.N.head.H.z and layers.N.mlp_out")
    runs = _Runs(network, anatomy, sending, receiving, freeze_mlps, batch)
    found = [runs.effects(pair, one) for pair, one in zip(pairs, metrics, strict=True)]
    each = need("numpy", extra="local", why="patch paths").array([effects for effects, _, _ in found])
    names = [[str(place.site) for place in places] for places in (sending, receiving)]
    effects = LabelledArray.of(each.mean(0), "share of the difference restored", sender=names[0], receiver=names[1])
    high, low = (sum(values) / len(found) for values in ([one for _, one, _ in found], [one for _, _, one in found]))
    return Paths(effects, high, low, str(metrics[0]), freeze_mlps, each)


@dataclass(frozen=True, eq=False)
class _Runs:
    """The runs of path patching."""

    network: Network
    anatomy: Anatomy
    senders: Sequence[Place]
    receivers: Sequence[Place]
    freeze_mlps: bool
    batch: int

    def effects(self, pair: Pair, metric: Metric) -> tuple[list[list[float]], float, float]:
        """Return the effect by sender and receiver, and the metric of the clean and the corrupt run."""
        from sdialog.interpretability.running._causal_runs import Change, changed_rows, held, measured, one_each

        base, logits = held(self.network, pair.base, self._frozen())
        donor, clean_logits = held(self.network, pair.donor, self.senders)
        low, high = (float(one_each(metric, one)[0]) for one in (logits, clean_logits))
        share(low, low, high)
        rows = [self._sent(pair, place, base, donor) for place in self.senders]
        reads = [place for place in self.receivers if str(place.site) != LOGITS]
        values: list[list[float]] = [[] for _ in rows]
        number = 0
        for found_logits, found in changed_rows(self.network, pair.base, rows, batch=self.batch, reads=reads):
            direct = one_each(metric, found_logits).tolist()
            for row, whole in enumerate(direct):
                second = [[Change(place, None, found[str(place.site)][row])] for place in reads]
                onward = iter(measured(self.network, pair.base, second, metric, self.batch))
                for place in self.receivers:
                    value = whole if str(place.site) == LOGITS else next(onward)
                    values[number].append(share(value, low, high))
                number += 1
        return values, high, low

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
