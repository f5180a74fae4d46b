"""Activation patching: putting what one run computed into another, to see where the difference between them is."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.anatomy.site_axes import site_axes
from sdialog.interpretability.figures.labelled_arrays import Axis, LabelledArray
from sdialog.interpretability.figures.results import Shown, averaged, told_missing
from sdialog.interpretability.metrics import Metric
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.running.pairs import (
    CONTROLS,
    GIVEN,
    NORMALISE,
    TOKENS,
    Missing,
    Normalise,
    Pair,
    Progress,
    Spans,
    Strangers,
    cells_of,
    conversations_axis,
    metric_name,
    pairs_of,
    resolution,
    strangers_of,
    ways_of,
)
from sdialog.interpretability.sites import Site
from sdialog.interpretability.tokens.alignment import Align

Direction = Literal["denoise", "noise"]
BATCH = 32
EFFECTS = {
    ("denoise", True): "share of the difference restored", ("denoise", False): "rise of the metric",
    ("noise", True): "share of the difference lost", ("noise", False): "fall of the metric",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Patching(Shown):
    """What patching did, by site and tokens, in each pair and on average.

    Attributes:
        each: the effects, with the axis ``pair`` first: 0 where patching changes nothing and 1 where it gives what the
            other run gives; it can be outside. Nan where something is missing. Its control, such as ``base of
            another pair``, is what the same cells do when they come from a conversation that is not of the pair.
        ends: the metric of the runs, with the axes ``pair`` and ``run`` (clean, corrupt).
        direction: ``denoise`` or ``noise``.
        metric: what was measured.
        normalise: on what scale.
        sites: where.
        missing: what could not be measured, and why.
        words: texts of the tokens of the run that was changed, of the first pair.
    """

    each: LabelledArray
    ends: LabelledArray = field(repr=False)
    direction: Direction
    metric: str
    normalise: Normalise
    sites: tuple[str, ...]
    missing: tuple[Missing, ...] = ()
    words: tuple[str, ...] = ()

    @cached_property
    def effects(self) -> LabelledArray:
        """The mean over pairs, with 95 % intervals over dialogs; other statistics: ``each.over("pair", ...)``."""
        return averaged(self.each)

    @property
    def clean(self) -> float:
        """Mean metric of the clean runs."""
        return float(self.ends.mean("pair").values[0])

    @property
    def corrupt(self) -> float:
        """Mean metric of the corrupt runs."""
        return float(self.ends.mean("pair").values[1])

    def above_control(self) -> LabelledArray:
        """Return by how much effects are above those of the control, pair by pair, on average.

        Raises:
            UserError: if there is no control.
        """
        if not self.each.controls:
            raise UserError("there is no control; give several pairs, or control= conversations to draw donors from")
        (control,) = self.each.controls.values()
        values = self.each.values - control.values
        return averaged(replace(self.each, values=values, name=f"{self.each.name}, above the control", controls={}))

    def json(self) -> dict[str, Any]:
        """Return a plain dict; see ``docs/interpretability/results.md``."""
        return {
            "kind": "patching",
            "model": self.each.model,
            "metric": self.metric,
            "direction": self.direction,
            "normalise": self.normalise,
            "clean": self.clean,
            "corrupt": self.corrupt,
            "pairs": self.each.shape[0],
            "sites": list(self.sites),
            "words": list(self.words),
            "missing": [one._asdict() for one in self.missing],
            "effects": self.effects.json(),
            "each": self.each.json(),
            "ends": self.ends.json(),
        }

    def table(self) -> str:
        """Return the effects as a Markdown table, with the strongest of the control and what is missing."""
        parts = [self.effects.table()]
        for name, control in self.effects.controls.items():
            best = control.top(1)
            if best:
                parts.append(f"control, {name}: at most {best[0].value:.3f}, at {', '.join(best[0].labels)}")
        return "\n\n".join(filter(None, [*parts, told_missing(self.missing, self.each)]))

    def plot(self) -> Any:
        """Return a matplotlib figure: a heat map of the effects.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.effects.plot()


def patch(
    source: Any,
    clean: Any,
    corrupt: Any,
    sites: str | Site | Iterable[str | Site] = "layers.*.resid_pre",
    spans: Spans = TOKENS,
    *,
    metric: Metric | Sequence[Metric],
    direction: Direction = "denoise",
    align: Align = "exact",
    normalise: Normalise = "pair",
    control: Any = "base",
    groups: Sequence[Hashable] | None = None,
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
    seed: int = 0,
    progress: Progress | None = None,
) -> Patching:
    """Put activations of one run into another, a site and a span at a time, and measure what it does.

    With m the metric, ``denoise`` puts what the clean run computed into the corrupt one and gives
    ``(m - m_corrupt) / (m_clean - m_corrupt)``: what is enough to bring the clean behaviour back. ``noise`` does the
    reverse and gives ``(m_clean - m) / (m_clean - m_corrupt)``: what cannot be missing (Vig et al., 2020; Meng et
    al., 2022). Both are needed: what is enough need not be necessary (Heimersheim and Nanda, 2024). Prefer corrupt
    conversations that differ in a few words over noise, and differences of logits over probabilities (Zhang and
    Nanda, 2024); the page ``docs/interpretability/results.md`` tells which metric to choose.

    Args:
        source: an agent, a model, its name, or a network.
        clean: the conversation in which the model behaves as studied: a dialog, messages, a rendering, a text or
            token ids; or a list of such.
        corrupt: the one that differs in what matters; or as many.
        sites: where; ``*`` stands for every layer or head.
        spans: of which tokens: ``tokens`` for each token by itself, a span, a list, or a mapping from names to spans.
            They are looked up in the run that is changed.
        metric: what is measured, such as :class:`~sdialog.interpretability.metrics.LogitDifference`; or one a pair.
        direction: ``denoise`` or ``noise``.
        align: which tokens stand for each other (:func:`~sdialog.interpretability.tokens.alignment.partners`). Tokens
            of a span that have no partner stay as they are.
        normalise: ``pair`` divides by each pair's own difference, so that all count alike, and leaves out those that
            have none; ``mean`` by the mean difference, so that a pair with a small one cannot outweigh all others;
            ``none`` tells the change of the metric itself.
        control: of several pairs, ``base`` puts into each what the base of another one, drawn by chance, has at the
            same cells: what any other conversation does that has not what is studied. ``donor`` takes the donor of
            another pair; where all pairs differ in the same way, that tells whether effects carry over to other
            conversations. Conversations to draw from instead; or None. A control costs as many runs again.
        groups: of several pairs, the dialog of each: those of one belong together in intervals. Default: pairs whose
            clean dialogs have the same id.
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        batch: how many changed runs go through the model together, of one pair or several.
        seed: of the donors of controls.
        progress: called with how many pairs are done, of how many.

    Returns:
        Effects with the axes of the sites (``layer``, ``layer`` and ``head``, or ``site``), then ``token`` or
        ``span``. Of several pairs, one that cannot be measured is told in ``missing``.

    Raises:
        UserError: if no pair can be aligned, a span means no token in any, or both runs measure the same.

    Example:
        >>> from sdialog.interpretability.metrics import LogitDifference
        >>> from sdialog.llm.types import Message
        >>> clean, corrupt = [Message("user", "Hello!")], [Message("user", "Thanks!")]
        >>> found = patch(
        ...     "embedded:mini", clean, corrupt, "layers.*.resid_pre", ["turn(0)", "last_prompt"],
        ...     metric=LogitDifference("Hello", "You"), align="last",
        ... )
        >>> found.effects.shape, [axis.name for axis in found.effects.axes]
        ((4, 2), ['layer', 'span'])
    """
    from sdialog.interpretability.anatomy.places import Anatomy
    from sdialog.interpretability.running._causal_runs import places_of
    from sdialog.interpretability.running._pair_runs import PairRuns

    check_options(direction, normalise, control)
    network = network_of(source)
    options: dict[str, Any] = {"speaker": speaker, "system": system}
    pairs, missing = pairs_of(network, clean, corrupt, metric, direction=direction, align=align, **options)
    places = places_of(Anatomy(network), sites)
    cells, words, columns = cells_of([pair.base for pair in pairs], spans)
    strangers = strangers_of(network, pairs, control, options)
    drawn = Strangers(strangers, places, align, seed)
    runs = PairRuns(network, places, cells, drawn, normalise, batch)
    values = runs.of(pairs, progress)
    ways = ways_of(values.base, values.donor, normalise, direction, resolution(network))
    first = pair_axis(pairs, len(pairs) + len(missing), groups)
    name = EFFECTS[direction, normalise != "none"]
    facts: dict[str, Any] = {"metric": metric_name(metric), "model": network.name}
    each, *controls = (
        pair_array(_scaled(changed, values.base, ways), name, first, places, columns, facts)
        for changed in ([values.changed, values.control] if strangers else [values.changed])
    )
    if controls:
        each = replace(each, controls={control_name(control): controls[0]})
    ends = [values.donor, values.base] if direction == "denoise" else [values.base, values.donor]
    wrong = sum(high < low for high, low in zip(*ends, strict=True))
    if wrong and len(pairs) > 1:
        note = f"In {wrong} of {len(pairs)} pairs the clean run measures less than the corrupt one."
        each = replace(each, notes=(note,))
    return Patching(
        each,
        LabelledArray.of(list(zip(*ends, strict=True)), facts["metric"], pair=first, run=["clean", "corrupt"]),
        direction,
        facts["metric"],
        normalise,
        tuple(str(place.site) for place in places),
        (*missing, *values.missing),
        words,
    )


def check_options(direction: str, normalise: str, control: Any) -> None:
    """Refuse what is not known.

    Raises:
        UnknownNameError: if one of them is not.
    """
    if direction not in ("denoise", "noise"):
        raise UnknownNameError("direction", str(direction), ("denoise", "noise"))
    if normalise not in NORMALISE:
        raise UnknownNameError("scale", str(normalise), NORMALISE)
    if isinstance(control, str) and control not in CONTROLS:
        raise UnknownNameError("control", control, CONTROLS, "Or give conversations to draw donors from, or None.")


def control_name(control: Any) -> str:
    """Return what to call a control."""
    return CONTROLS[control] if isinstance(control, str) else GIVEN


def pair_axis(pairs: Sequence[Pair], total: int, groups: Sequence[Hashable] | None) -> Axis:
    """Return the axis of pairs that were measured, of how many that were given."""
    return conversations_axis("pair", {pair.number: pair.label for pair in pairs}, groups, total)


def _scaled(changed: Sequence[Sequence[float]], base: Sequence[float], ways: Sequence[float]) -> list[list[float]]:
    return [[(value - start) / way for value in row] for row, start, way in zip(changed, base, ways, strict=True)]


def pair_array(
    effects: Any, name: str, first: Axis, places: Sequence[Any], columns: Axis, facts: dict[str, Any]
) -> LabelledArray:
    """Return values of each pair, place and cell, row by row, as an array."""
    from sdialog.core.optional import need

    axes = site_axes([place.site for place in places])
    shape = (len(first), *(len(labels) for labels in axes.values()), len(columns))
    values = need("numpy", extra="local", why="patch").array(effects).reshape(shape)
    named: dict[str, Any] = {"pair": first, **axes, columns.name: columns}
    return replace(LabelledArray.of(values, name, **named), **facts)
