"""Activation patching: putting what one run computed into another, to see where the difference between them is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.anatomy.site_axes import site_axes
from sdialog.interpretability.figures.labelled_arrays import LabelledArray
from sdialog.interpretability.metrics import Metric, known
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.running._inputs import Tokens, all_tokens
from sdialog.interpretability.sites import Site
from sdialog.interpretability.spans import Span
from sdialog.interpretability.tokens.alignment import Align, partners

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.llm.interventions import Network

Direction = Literal["denoise", "noise"]
Spans = str | Span | Sequence["str | Span"] | Mapping[str, "str | Span"]
TOKENS = "tokens"
BATCH = 32
_NAMES = {"denoise": "share of the difference restored", "noise": "share of the difference lost"}


@dataclass(frozen=True, eq=False)
class Patching:
    """What patching did, by site and tokens; the mean over pairs where there are several.

    Attributes:
        effects: 0 where patching changes nothing and 1 where it gives what the other run gives; it can be outside.
        clean, corrupt: metric of the runs.
        direction: ``denoise`` or ``noise``.
        metric: what was measured.
        sites: where.
        each: the effects of each pair, of shape (pairs, *shape of effects).
        words: texts of the tokens of the run that was changed, of the first pair.
    """

    effects: LabelledArray
    clean: float
    corrupt: float
    direction: Direction
    metric: str
    sites: tuple[str, ...]
    each: NDArray[Any] = field(repr=False)
    words: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "kind": "patching",
            "effects": self.effects.json(),
            "clean": self.clean,
            "corrupt": self.corrupt,
            "direction": self.direction,
            "metric": self.metric,
            "sites": list(self.sites),
            "pairs": len(self.each),
            "words": list(self.words),
        }

    def table(self) -> str:
        """Return the effects as a Markdown table."""
        return self.effects.table()

    def plot(self) -> Any:
        """Return a matplotlib figure: a heat map of the effects.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.effects.plot()


@dataclass(frozen=True, eq=False)
class Pair:
    """Two runs that are compared, and which tokens of theirs stand for each other.

    Attributes:
        base: the conversation that is run with changes.
        donor: the one whose activations are put into it.
        partner: from positions in the base to those in the donor.
    """

    base: Tokens
    donor: Tokens
    partner: Mapping[int, int]


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
    speaker: str | None = None,
    system: str | None = None,
    batch: int = BATCH,
) -> Patching:
    """Put activations of one run into another, a site and a span at a time, and measure what it does.

    With m the metric, ``denoise`` puts what the clean run computed into the corrupt one and gives
    ``(m - m_corrupt) / (m_clean - m_corrupt)``: what is enough to bring the clean behaviour back. ``noise`` does the
    reverse and gives ``(m_clean - m) / (m_clean - m_corrupt)``: what cannot be missing (Vig et al., 2020; Meng et
    al., 2022; on the choice of both, Zhang and Nanda, 2024).

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
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        batch: how many changed runs go through the model together.

    Returns:
        Effects with the axes of the sites (``layer``, ``layer`` and ``head``, or ``site``), then ``token`` or
        ``span``.

    Raises:
        UserError: if conversations cannot be aligned, a span means no token, or both runs measure the same.

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

    if direction not in _NAMES:
        raise UnknownNameError("direction", str(direction), _NAMES)
    network = network_of(source)
    pairs = pairs_of(network, clean, corrupt, direction, align, speaker, system)
    metrics = metrics_for(metric, len(pairs), network)
    places = places_of(Anatomy(network), sites)
    cells, words = cells_of(pairs, spans)
    found = [
        _effects(network, pair, places, [cell[number] for _, cell in cells], metrics[number], direction, batch)
        for number, pair in enumerate(pairs)
    ]
    axes = site_axes([place.site for place in places])
    shape = tuple(len(labels) for labels in axes.values())
    axes["token" if spans == TOKENS else "span"] = [label for label, _ in cells]
    names = tuple(str(place.site) for place in places)
    numbers = [effects for effects, _, _ in found]
    from sdialog.core.optional import need

    each = need("numpy", extra="local", why="patch").array(numbers).reshape(len(pairs), *shape, len(cells))
    return Patching(
        LabelledArray.of(each.mean(0), _NAMES[direction], **axes),
        sum(one for _, one, _ in found) / len(found),
        sum(one for _, _, one in found) / len(found),
        direction,
        str(metrics[0]),
        names,
        each,
        words,
    )


def pairs_of(
    network: Network,
    clean: Any,
    corrupt: Any,
    direction: str,
    align: Align,
    speaker: str | None,
    system: str | None,
) -> list[Pair]:
    """Return the pairs of runs.

    Raises:
        UserError: if there are not equally many of both, or they cannot be aligned.
    """
    cleans, _ = all_tokens(network, clean, speaker=speaker, system=system)
    corrupts, _ = all_tokens(network, corrupt, speaker=speaker, system=system)
    if len(cleans) != len(corrupts):
        raise UserError(f"there are {len(cleans)} clean and {len(corrupts)} corrupt conversations; give one for one")
    found = []
    for one, other in zip(cleans, corrupts, strict=True):
        base, donor = (other, one) if direction == "denoise" else (one, other)
        found.append(Pair(base, donor, partners(base, donor, align)))
    return found


def metrics_for(metric: Metric | Sequence[Metric], count: int, network: Network) -> list[Metric]:
    """Return one metric for each conversation.

    Raises:
        UserError: if there are not as many as conversations.
    """
    given = list(metric) if isinstance(metric, Sequence) else [metric] * count
    if len(given) != count:
        raise UserError(f"there are {len(given)} metrics for {count} conversations; give one for all, or one for each")
    return [known(one, network.tokenizer) for one in given]


def share(value: float, start: float, end: float) -> float:
    """Return how far a value is on the way from a start to an end.

    Raises:
        UserError: if there is no way between them.
    """
    if abs(end - start) < 1e-6 * max(1.0, abs(end), abs(start)):
        raise UserError(
            f"both runs measure the same, {start:.6g} and {end:.6g}, so that no share of a difference can be told; "
            "choose conversations or a metric in which they differ"
        )
    return (value - start) / (end - start)


def cells_of(pairs: Sequence[Pair], spans: Spans) -> tuple[list[tuple[str, list[list[int]]]], tuple[str, ...]]:
    """Return for each cell its label and the positions in each pair's base, and the words of the first base."""
    words = pairs[0].base.strings
    if spans == TOKENS:
        lengths = {len(pair.base) for pair in pairs}
        if len(lengths) > 1:
            raise UserError(
                f"the conversations have {sorted(lengths)} tokens; name spans, so that they can be compared"
            )
        same = all(pair.base.ids == pairs[0].base.ids for pair in pairs)
        return [
            (words[place] if same else _common(pairs, place), [[place]] * len(pairs)) for place in range(len(words))
        ], words
    if isinstance(spans, Mapping):
        named = {name: Span.parse(span) for name, span in spans.items()}
    else:
        several = [spans] if isinstance(spans, (str, Span)) else list(spans)
        named = {str(span): Span.parse(span) for span in several}
    if not named:
        raise UserError("name at least one span, or spans='tokens' for each token")
    return [(name, [pair.base.positions(span) for pair in pairs]) for name, span in named.items()], words


def _common(pairs: Sequence[Pair], place: int) -> str:
    """Return the token that all have at a place, or its number where they differ."""
    texts = {pair.base.strings[place] for pair in pairs}
    return texts.pop() if len(texts) == 1 else f"[{place}]"


def _effects(
    network: Network,
    pair: Pair,
    places: Sequence[Any],
    cells: Sequence[Sequence[int]],
    metric: Metric,
    direction: Direction,
    batch: int,
) -> tuple[list[float], float, float]:
    """Return the effect of each site and cell, row by row, and the metric of the clean and the corrupt run."""
    from sdialog.interpretability.running._causal_runs import Change, held, measured, one_each

    refuse_patterns(places, pair)
    given, logits = held(network, pair.donor, places)
    donor = float(one_each(metric, logits)[0])
    base = float(one_each(metric, held(network, pair.base, [])[1])[0])
    share(base, base, donor)  # fails before the many runs if there is nothing to explain
    rows = []
    for place in places:
        for cell in cells:
            here = [position for position in cell if position in pair.partner]
            if not here:
                raise UserError(f"no token of {list(cell)[:5]} has a partner in the other conversation")
            there = [pair.partner[position] for position in here]
            rows.append([Change(place, here, given[str(place.site)][there])])
    values = measured(network, pair.base, rows, metric, batch)
    # In both directions the base is 0 and the donor 1.
    effects = [share(value, base, donor) for value in values]
    return (effects, donor, base) if direction == "denoise" else (effects, base, donor)


def refuse_patterns(places: Sequence[Any], pair: Pair) -> None:
    """Refuse attention of a run whose columns do not fit those of the other."""
    patterns = [str(place.site) for place in places if place.site.kind == "pattern"]
    if patterns and len(pair.base) != len(pair.donor):
        raise UserError(f"{patterns[0]}: attention over {len(pair.donor)} tokens does not fit {len(pair.base)} tokens")
