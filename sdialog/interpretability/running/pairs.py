"""Pairs of conversations that are compared, the cells in which they are, and on what scale effects are told."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sdialog.core.dialog import Dialog
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.seeds import rng
from sdialog.interpretability.figures.labelled_arrays import Axis
from sdialog.interpretability.metrics import Metric, known
from sdialog.interpretability.running._inputs import Tokens, all_tokens, is_several
from sdialog.interpretability.spans import Span
from sdialog.interpretability.tokens.alignment import Align, partners

if TYPE_CHECKING:
    from sdialog.llm.interventions import Network

Normalise = Literal["pair", "mean", "none"]
Spans = str | Span | Sequence["str | Span"] | Mapping[str, "str | Span"]
Progress = Callable[[int, int], None]
NORMALISE = ("pair", "mean", "none")
TOKENS = "tokens"
CONTROLS = {"base": "base of another pair", "donor": "donor of another pair"}
GIVEN = "unrelated donor"


class Missing(NamedTuple):
    """Something that was not measured.

    Attributes:
        what: which conversation or pair, by its label.
        cell: which cell of it; None for all.
        why: the reason.
    """

    what: str
    cell: str | None
    why: str

    def __str__(self) -> str:
        return f"{self.what}{'' if self.cell is None else f', {self.cell}'}: {self.why}"


@dataclass(frozen=True, eq=False)
class Pair:
    """Two runs that are compared, and which tokens of theirs stand for each other.

    Attributes:
        number: its place among those that were given.
        label: what to call it.
        base: the conversation that is run with changes.
        donor: the one whose activations are put into it.
        partner: from positions in the base to those in the donor.
        metric: what is measured.
    """

    number: int
    label: str
    base: Tokens
    donor: Tokens
    partner: Mapping[int, int]
    metric: Metric


def pairs_of(
    network: Network,
    clean: Any,
    corrupt: Any,
    metric: Metric | Sequence[Metric],
    *,
    direction: str = "denoise",
    align: Align = "exact",
    speaker: str | None = None,
    system: str | None = None,
) -> tuple[list[Pair], list[Missing]]:
    """Return the pairs of runs, and those of several that cannot be aligned.

    Raises:
        UserError: if there are not equally many of both, or none can be aligned.
    """
    cleans, _ = all_tokens(network, clean, speaker=speaker, system=system)
    corrupts, _ = all_tokens(network, corrupt, speaker=speaker, system=system)
    if len(cleans) != len(corrupts):
        raise UserError(f"there are {len(cleans)} clean and {len(corrupts)} corrupt conversations; give one for one")
    metrics = metrics_for(metric, len(cleans), network)
    labels = labels_of(clean)
    found: list[Pair] = []
    missing: list[Missing] = []
    for number, (one, other) in enumerate(zip(cleans, corrupts, strict=True)):
        base, donor = (other, one) if direction == "denoise" else (one, other)
        try:
            found.append(Pair(number, labels[number], base, donor, partners(base, donor, align), metrics[number]))
        except UnknownNameError:
            raise
        except UserError as error:
            if len(cleans) == 1:
                raise
            missing.append(Missing(labels[number], None, str(error)))
    if not found:
        raise UserError(f"none of the {len(cleans)} pairs can be compared; {missing[0]}")
    return found, missing


def labels_of(given: Any) -> list[str]:
    """Return what to call conversations: dialogs by their id, all others by number."""
    each = list(given) if is_several(given) else [given]
    return [_name(one) or str(number) for number, one in enumerate(each)]


def _name(given: Any) -> str:
    if isinstance(given, Dialog):
        return str(given.id or "")
    return given.name if isinstance(given, Tokens) else ""


def conversations_axis(name: str, labels: Mapping[int, str], groups: Sequence[Hashable] | None, total: int) -> Axis:
    """Return the axis of what is averaged; conversations of one dialog belong together.

    Args:
        name: ``pair`` or ``conversation``.
        labels: of those that were measured, by their place among those that were given.
        groups: the dialog of each that was given, as the user told; None for those with one label.
        total: how many were given.

    Raises:
        UserError: if there is not one group for each that was given.
    """
    if groups is not None and len(groups) != total:
        raise UserError(f"there are {len(groups)} groups for {total} conversations; give one for each")
    texts = tuple(labels.values())
    if groups is None:
        return Axis(name, texts, texts if len(set(texts)) < len(texts) else ())
    return Axis(name, texts, tuple(str(groups[number]) for number in labels))


def metrics_for(metric: Metric | Sequence[Metric], count: int, network: Network) -> list[Metric]:
    """Return one metric for each conversation.

    Raises:
        UserError: if there are not as many as conversations.
    """
    if not isinstance(metric, Sequence):
        return [known(metric, network.tokenizer)] * count
    if len(metric) != count:
        raise UserError(f"there are {len(metric)} metrics for {count} conversations; give one for all, or one for each")
    return [known(one, network.tokenizer) for one in metric]


def metric_name(metric: Metric | Sequence[Metric]) -> str:
    """Return what to call a metric, with its tokens as the user named them."""
    given = list(metric) if isinstance(metric, Sequence) else [metric]
    names = list(dict.fromkeys(str(one) for one in given))
    return names[0] if len(names) == 1 else f"{names[0]}, and its like in each of {len(given)}"


def resolution(network: Network) -> float:
    """Return the share of a metric that the model's number format can tell from nothing."""
    from sdialog.core.optional import need

    dtype = network.model.dtype
    return max(1e-6, float(need("torch", extra="local", why="compare runs").finfo(dtype).eps))


def alike(start: float, end: float, least: float = 1e-6) -> str | None:
    """Return why two runs cannot be compared; None where they can."""
    if abs(end - start) >= least * max(1.0, abs(end), abs(start)):
        return None
    return (
        f"both runs measure the same, {start:.6g} and {end:.6g}, so that no share of a difference can be told; "
        "choose conversations or a metric in which they differ"
    )


def ways_of(
    base: Sequence[float], donor: Sequence[float], normalise: Normalise, direction: str, least: float
) -> list[float]:
    """Return what changes of the metric are divided by in each pair; nan where both runs measure the same.

    Raises:
        UserError: if the mean difference is wanted and is none.
    """
    if normalise == "none":
        # A loss is told as a positive number.
        return [1.0 if direction == "denoise" else -1.0] * len(base)
    if normalise == "mean":
        start, end = (math.fsum(each) / len(each) for each in (base, donor))
        if (why := alike(start, end, least)) is not None:
            raise UserError(f"on average over {len(base)} pairs, {why}")
        return [end - start] * len(base)
    return [end - start or math.nan for start, end in zip(base, donor, strict=True)]


class CellSpan(NamedTuple):
    """Which tokens a cell is of.

    Attributes:
        label: what to call it.
        positions: in each pair's base; None where the span means no token, with the reason in ``why``.
        why: reasons by number of the pair.
    """

    label: str
    positions: list[list[int] | None]
    why: dict[int, str]


def cells_of(bases: Sequence[Tokens], spans: Spans) -> tuple[list[CellSpan], tuple[str, ...], Axis]:
    """Return the tokens of each cell in each conversation, the words of the first one, and the axis of cells.

    Raises:
        UserError: if a span means no token in any of them, or each token is asked for and lengths differ.
    """
    words = bases[0].strings
    if isinstance(spans, str) and spans == TOKENS:
        lengths = {len(base) for base in bases}
        if len(lengths) > 1:
            raise UserError(
                f"the conversations have {sorted(lengths)} tokens; name spans, so that they can be compared"
            )
        labels = [_common(bases, place) for place in range(len(words))]
        cells = [CellSpan(label, [[place]] * len(bases), {}) for place, label in enumerate(labels)]
        turns = tuple(bases[0].turn(place) for place in range(len(words)))
        return cells, words, Axis("token", tuple(labels), turns if len(set(turns)) > 1 else ())
    named = _named(spans)
    if not named:
        raise UserError("name at least one span, or spans='tokens' for each token")
    cells = [_cell(name, span, bases) for name, span in named.items()]
    return cells, words, Axis("span", tuple(named))


def _named(spans: Spans) -> dict[str, Span]:
    if isinstance(spans, Mapping):
        return {name: Span.parse(span) for name, span in spans.items()}
    several = [spans] if isinstance(spans, (str, Span)) else list(spans)
    return {str(span): Span.parse(span) for span in several}


def _cell(name: str, span: Span, bases: Sequence[Tokens]) -> CellSpan:
    positions: list[list[int] | None] = []
    why: dict[int, str] = {}
    for number, base in enumerate(bases):
        try:
            positions.append(base.positions(span))
        except UserError as error:
            positions.append(None)
            why[number] = str(error)
    if len(why) == len(bases):
        raise UserError(why[0])
    return CellSpan(name, positions, why)


def _common(bases: Sequence[Tokens], place: int) -> str:
    """Return the token that all have at a place, or its number where they differ."""
    texts = {base.strings[place] for base in bases}
    return texts.pop() if len(texts) == 1 else f"[{place}]"


def refuse_patterns(places: Sequence[Any], one: Tokens, other: Tokens) -> None:
    """Refuse attention of a run whose columns do not fit those of the other.

    Raises:
        UserError: if a place is one of attention and the lengths differ.
    """
    patterns = [str(place.site) for place in places if place.site.kind == "pattern"]
    if patterns and len(one) != len(other):
        raise UserError(f"{patterns[0]}: attention over {len(other)} tokens does not fit {len(one)} tokens")


def strangers_of(network: Network, pairs: Sequence[Pair], control: Any, options: dict[str, Any]) -> list[Tokens]:
    """Return the conversations that donors of controls are drawn from; none for no control.

    Args:
        network: the model.
        pairs: that are compared.
        control: ``base`` or ``donor`` for those of other pairs, conversations, or None.
        options: how dialogs are read.
    """
    if control is None:
        return []
    if isinstance(control, str):
        given = [getattr(pair, control) for pair in pairs]
        return given if len({one.ids for one in given}) > 1 else []
    return all_tokens(network, control, **options)[0]


@dataclass(frozen=True, eq=False)
class Strangers:
    """Draws donors that do not belong to a pair.

    Attributes:
        conversations: that are drawn from.
        places: where they are to be patched.
        align: which of their tokens stand for those of a pair's base.
        seed: of the draw.
    """

    conversations: Sequence[Tokens]
    places: Sequence[Any]
    align: Align
    seed: int

    def of(self, pair: Pair) -> Pair | None:
        """Return a pair with another donor; None where none can be aligned with its base."""
        order = [one for one in self.conversations if one.ids not in (pair.base.ids, pair.donor.ids)]
        rng(self.seed, "unrelated donor", pair.number).shuffle(order)
        for one in order:
            try:
                refuse_patterns(self.places, pair.base, one)
                return replace(pair, donor=one, partner=partners(pair.base, one, self.align))
            except UserError:
                continue  # another one may fit; that none does is told as missing
        return None
