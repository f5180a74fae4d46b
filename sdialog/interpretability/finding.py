"""From a contrast set to a direction: what a model computes on both sides, and what lies between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.core.seeds import derive_seed
from sdialog.interpretability.contrasts import ContrastSet, Example
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.fitting.labelled import Source
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.spans import Span
from sdialog.interpretability.sweeps import Sweep, sweep
from sdialog.interpretability.tokens.rendering import Rendering

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.interpretability.probes import ProbeResult
    from sdialog.llm.interventions import Network

_OWN_WORDS = "content & role(assistant)"


@dataclass(frozen=True, eq=False)
class ContrastRows:
    """What a model computes on both sides of a contrast: one row an example, the mean over its tokens.

    Attributes:
        contrast: the conversations.
        positive, negative: by site, of shape (examples, size).
        sources: by site, where the rows come from.
    """

    contrast: ContrastSet
    positive: Mapping[str, NDArray[Any]]
    negative: Mapping[str, NDArray[Any]]
    sources: Mapping[str, Source]

    @property
    def groups(self) -> list[str]:
        """The group of each row, the positive ones first."""
        return [one.group for one in (*self.contrast.positive, *self.contrast.negative)]

    @property
    def labels(self) -> list[bool]:
        """Whether each row is positive, the positive ones first."""
        return [True] * len(self.contrast.positive) + [False] * len(self.contrast.negative)

    @property
    def fewest(self) -> int:
        """How many groups the side has that has fewer of them: at most so many folds have both sides in each part."""
        return min(len({one.group for one in side}) for side in (self.contrast.positive, self.contrast.negative))

    def rows(self, site: str) -> NDArray[Any]:
        """Return the rows of both sides, the positive ones first.

        Raises:
            UnknownNameError: if the site was not read.
        """
        from sdialog.core.optional import need

        if site not in self.positive:
            raise UnknownNameError("site", site, self.positive)
        numpy = need("numpy", extra="local", why="find directions")
        return numpy.concatenate([self.positive[site], self.negative[site]])  # type: ignore[no-any-return]

    def direction(self, site: str, method: str = "mean_diff", *, folds: int = 5, seed: int = 0) -> Direction:
        """Return the direction at a site, scored on held-out groups where there are enough."""
        contrast = self.contrast
        sides = [one.group for one in contrast.positive], [one.group for one in contrast.negative]
        known: Any = None if self.fewest < 2 else sides[0] if contrast.paired else sides
        return Direction.fit(
            self.positive[site],
            self.negative[site],
            method=method,
            paired=contrast.paired,
            groups=known,
            names=contrast.names,
            source=self.sources[site],
            folds=max(2, min(folds, self.fewest)),
            seed=seed,
        )

    def probe(self, site: str, *, folds: int = 5, seed: int = 0, **options: Any) -> ProbeResult:
        """Return how well a probe tells the two sides apart at a site; see :meth:`.Probe.evaluate`."""
        from sdialog.interpretability.probes import Probe

        return Probe.evaluate(
            self.rows(site), self.labels, self.groups, folds=folds, source=self.sources[site], seed=seed, **options
        )


@dataclass(frozen=True, eq=False)
class DirectionSweep:
    """Directions at several sites, and how well each site tells the two sides apart.

    Attributes:
        directions: by site.
        sweep: scores of a probe at each site, with the choice of the best one inside the folds.
        rows: what they were made of.
    """

    directions: Mapping[str, Direction]
    sweep: Sweep
    rows: ContrastRows

    @property
    def best(self) -> Direction:
        """The direction at the site that reads best; the best to read is not always the best to steer with."""
        return self.directions[self.sweep.best.site]

    def __getitem__(self, site: str) -> Direction:
        if site not in self.directions:
            raise UnknownNameError("site", site, self.directions)
        return self.directions[site]

    def json(self) -> dict[str, Any]:
        """Return a plain dict, without vectors."""
        found = {site: direction.json() for site, direction in self.directions.items()}
        return {"directions": found, "sweep": self.sweep.json()}

    def table(self) -> str:
        """Return the scores as a Markdown table."""
        return self.sweep.table()

    def plot(self) -> Any:
        """Return a matplotlib figure of the scores by site."""
        return self.sweep.plot()


def find_direction(
    source: Any,
    contrast: ContrastSet,
    site: str | Sequence[str] = "layers.*.resid_post",
    *,
    span: str | Span | None = None,
    method: str = "mean_diff",
    max_tokens: int = 0,
    folds: int = 5,
    shuffles: int = 0,
    seed: int = 0,
) -> Direction | DirectionSweep:
    """Find what lies between the two sides of a contrast in a model's activations.

    Args:
        source: an agent, a local model, its name, or a network.
        contrast: the conversations.
        site: where; several, or ``*``, sweep over all of them.
        span: of which tokens the mean is taken. Default: the last token of the prompt, where the model chooses how to
            begin, if it is to speak next in all examples; else what the assistant said; with ``max_tokens`` its reply.
        method: see :meth:`~sdialog.interpretability.directions.Direction.fit`.
        max_tokens: let the model reply in each example, with so many tokens at most, so that the span may mean
            generated tokens; 0 reads what is there. Both of a pair have the same random numbers.
        folds: how many folds held-out scores are measured with; fewer where there are fewer groups of examples.
        shuffles: how often labels are shuffled for the sweep's bands and p-values.
        seed: seed of folds, signs and replies.

    Returns:
        Of one site the direction, else the sweep with all of them.

    Raises:
        UserError: if a span means no token of an example, or the examples are too few.

    Example:
        >>> from sdialog.personas import Customer
        >>> from sdialog.interpretability.contrasts import vary
        >>> people = [Customer(name=name) for name in ("Ann Lee", "Bob Ray", "Eva Kim")]
        >>> pairs = ContrastSet.from_personas(vary(people, "politeness", "rude", "polite"), names=("rude", "polite"))
        >>> direction = find_direction("embedded:mini", pairs, "layers.1.resid_post")
        >>> direction.positive, direction.span, direction.held_out.value
        ('rude', 'last_prompt', 1.0)
    """
    rows = contrast_rows(source, contrast, site, span=span, max_tokens=max_tokens, seed=seed)
    directions = {name: rows.direction(name, method, folds=folds, seed=seed) for name in rows.positive}
    if len(directions) == 1:
        return next(iter(directions.values()))
    if rows.fewest < 3:
        raise UserError(
            f"to choose among {len(directions)} sites and test the choice takes 3 groups of examples on each side, "
            f"such as 3 personas or dialogs; there are {rows.fewest}. Give more, or name one site"
        )
    features = {name: rows.rows(name) for name in directions}
    most = min(folds, rows.fewest)
    found = sweep(features, rows.labels, rows.groups, folds=most, shuffles=shuffles, seed=seed)
    return DirectionSweep(directions, found, rows)


def contrast_rows(
    source: Any,
    contrast: ContrastSet,
    site: str | Sequence[str] = "layers.*.resid_post",
    *,
    span: str | Span | None = None,
    max_tokens: int = 0,
    seed: int = 0,
) -> ContrastRows:
    """Return what a model computes on both sides of a contrast; the arguments are those of :func:`find_direction`."""
    from sdialog.interpretability.running._replaying import Replayer

    usual = "generated" if max_tokens else "last_prompt" if contrast.ask else _OWN_WORDS
    chosen = Span.parse(usual if span is None else span)
    network = network_of(source)
    replayer = Replayer(network, [site] if isinstance(site, str) else list(site))
    listed = [*contrast.positive, *contrast.negative]
    if max_tokens:
        renderings = replies(source, listed, max_tokens, _shared_seeds(contrast, seed))
    else:
        renderings = [rendered(network, one) for one in listed]
    values = replayer.run([_sequenced(one, chosen) for one in renderings])
    cut = len(contrast.positive)
    flat = {name: rows.reshape(len(rows), -1) for name, rows in values.items()}
    return ContrastRows(
        contrast,
        {name: rows[:cut] for name, rows in flat.items()},
        {name: rows[cut:] for name, rows in flat.items()},
        {name: Source(name, str(chosen), network.name, network.fingerprint) for name in flat},
    )


def rendered(network: Network, example: Example) -> Rendering:
    """Return an example as its model is given it."""
    return Rendering.from_messages(network.tokenizer, example.messages, speaker=example.speaker, ask=example.ask)


def replies(source: Any, examples: Sequence[Example], max_tokens: int, seeds: Sequence[int]) -> list[Rendering]:
    """Return examples with the model's replies, all written together.

    Raises:
        UnsupportedFeatureError: if the source cannot write.
    """
    from sdialog.interpretability.running.answering import answer, asking

    wrong = next((one for one in examples if not one.ask), None)
    if wrong is not None:
        raise UserError(f"the model has spoken last in the example of group {wrong.group}; leave max_tokens=0")
    requests = [
        asking(source, one.messages, seed=seed, max_tokens=max_tokens)
        for one, seed in zip(examples, seeds, strict=True)
    ]
    found = answer(source, requests, [one.speaker for one in examples])
    empty = next((place for place, reply in enumerate(found) if not reply.tokens.reply), None)
    if empty is not None:
        raise UnsupportedFeatureError(f"the model said nothing in the example of group {examples[empty].group}")
    return [reply.tokens.rendering for reply in found]


def _shared_seeds(contrast: ContrastSet, seed: int) -> list[int]:
    def seeds(side: str, count: int) -> list[int]:
        return [derive_seed(seed, "pair" if contrast.paired else side, place) for place in range(count)]

    return [*seeds("positive", len(contrast.positive)), *seeds("negative", len(contrast.negative))]


def _sequenced(rendering: Rendering, span: Span) -> Any:
    from sdialog.interpretability.running._replaying import Sequenced

    positions = tuple(place for place, meant in enumerate(span.require(rendering)) if meant)
    return Sequenced(rendering.ids, positions, (0,) * len(positions))
