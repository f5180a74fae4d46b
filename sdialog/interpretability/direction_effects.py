"""What a direction does to an agent: its replies at several strengths, beside a random direction, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.fitting.labelled import generator
from sdialog.interpretability.fitting.outcomes import Score
from sdialog.interpretability.plan import Edit, Plan

if TYPE_CHECKING:
    from sdialog.interpretability.running.dialog_sampling import Said
    from sdialog.interpretability.spans import Span

DIRECTION, RANDOM = "direction", "random"
OPERATIONS = ("add", "project_out", "clamp")
_NOTHING_AT_ZERO = ("add", "project_out")


class EffectPoint(NamedTuple):
    """What came of one strength.

    Attributes:
        vector: ``direction``, or ``random`` for the control.
        strength: how often the vector was added.
        metric: mean of the metric, with its interval.
        change: mean change against strength 0 for the same prompt and random numbers, with its interval.
        loss: mean negative log-likelihood of the replies under the model without steering, in nats a token: what
            fluency costs. Its value is None where nothing was said.
        accepted: share of the replies that the parser accepts, where one was given.
        values: the metric of each reply or dialog.
    """

    vector: str
    strength: float
    metric: Score
    change: Score
    loss: Score
    accepted: Score | None
    values: tuple[float, ...]

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        scores = {name: getattr(self, name).json() for name in ("metric", "change", "loss")}
        accepted = None if self.accepted is None else self.accepted.json()
        return {
            "vector": self.vector,
            "strength": self.strength,
            **scores,
            "accepted": accepted,
            "values": list(self.values),
        }


@dataclass(frozen=True, eq=False)
class Effect:
    """How a metric hangs on the strength of a direction.

    Attributes:
        points: by vector and strength.
        direction: the direction.
        site, span: where and on which tokens it was added.
        metric: name of the metric.
        seed: seed of replies and of the random direction.
        said: what was said, in the order of the points' values: replies, or dialogs.
    """

    points: tuple[EffectPoint, ...]
    direction: Direction
    site: str
    span: str
    metric: str
    seed: int
    said: tuple[tuple[Any, ...], ...]

    def at(self, strength: float, vector: str = DIRECTION) -> EffectPoint:
        """Return the point of a strength.

        Raises:
            UserError: if there is none.
        """
        for point in self.points:
            if point.vector == vector and point.strength == strength:
                return point
        there = sorted({point.strength for point in self.points if point.vector == vector})
        raise UserError(f"there is no strength {strength} of the {vector} vector; there are {there}")

    def of(self, vector: str = DIRECTION) -> tuple[EffectPoint, ...]:
        """Return the points of one vector by rising strength."""
        return tuple(sorted((one for one in self.points if one.vector == vector), key=lambda one: one.strength))

    def json(self) -> dict[str, Any]:
        """Return a plain dict, without what was said."""
        facts = {"site": self.site, "span": self.span, "metric": self.metric, "seed": self.seed}
        return {**facts, "direction": self.direction.json(), "points": [point.json() for point in self.points]}

    def table(self) -> str:
        """Return the points as a Markdown table."""
        from sdialog.interpretability.figures.effect_figures import effect_table

        return effect_table(self)

    def plot(self) -> Any:
        """Return a matplotlib figure: metric and loss by strength, with intervals, beside the random direction.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.interpretability.figures.effect_figures import draw_effect

        return draw_effect(self)


def evaluate_direction(
    direction: Direction,
    agent: Any,
    prompts: Sequence[Any] | None = None,
    *,
    partner: Any = None,
    strengths: Sequence[float] = (-1.0, -0.5, 0.0, 0.5, 1.0),
    metric: Callable[[Any], float],
    accept: Callable[[Any], float] | None = None,
    op: str = "add",
    site: str | None = None,
    span: str | Span = "choices",
    controls: bool = True,
    n: int = 20,
    max_turns: int = 10,
    max_tokens: int | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Effect:
    """Steer an agent by a direction with several strengths and measure what it says.

    All strengths run in one batch, each row with its own. Rows of equal place have equal random numbers whatever the
    strength, so that changes are paired.

    Args:
        direction: what is added.
        agent: who is steered; a sequence of agents takes turns with them.
        prompts: what it replies to: texts (empty has it speak first), or lists of messages that stand in for its
            whole memory. Default, without a partner: it speaks first.
        partner: an agent to hold whole dialogs with instead; the steered agent speaks first.
        strengths: how often the vector is added; 0 is always measured, too. For ``clamp`` the readings to clamp to.
        metric: from the text of a reply, or from the dialog where there is a partner, to a number.
        accept: from the same to a share from 0 to 1: how much of it a parser accepts.
        op: what is done with the direction: ``add``, ``project_out`` or ``clamp``; see
            :class:`~sdialog.interpretability.plan.Edit`. Changes are against the agent as it is.
        site: where it is added; default where it was found.
        span: on which tokens; ``choices`` begins with the choice of the first generated token.
        controls: also add a random direction of equal length.
        n: how many replies to each prompt, or how many dialogs, at each strength. Without prompts, of an agent alone,
            how many openings.
        max_turns: of a dialog.
        max_tokens: of a reply; default the agent's.
        level: of the intervals.
        seed: seed of replies and of the random direction.

    Raises:
        UserError: if the direction has no site and none is given, if the operation is another, or if there is nobody
            to steer or nothing to reply to.

    Example:
        >>> from sdialog import Agent
        >>> ava = Agent(name="Ava", model="embedded:mini", max_tokens=4)
        >>> direction = Direction([1.0] + [0.0] * 191, positive="up", negative="down")
        >>> effect = evaluate_direction(
        ...     direction, ava, ["Hello."], site="layers.1.resid_post", strengths=[0, 2], metric=len, n=2
        ... )
        >>> [(point.vector, point.strength, len(point.values)) for point in effect.points]
        [('direction', 0.0, 2), ('direction', 2.0, 2), ('random', 0.0, 2), ('random', 2.0, 2)]
    """
    from sdialog.interpretability.running.dialog_sampling import sample

    place = site or direction.site
    if not place:
        raise UserError("the direction does not say where it was found; give site=")
    if op not in OPERATIONS:
        raise UnknownNameError("operation along a direction", op, OPERATIONS)
    none = {0.0} if op in _NOTHING_AT_ZERO else set()
    levels = sorted(none | {float(one) for one in strengths})
    vectors = {DIRECTION: direction.vector}
    if controls:
        vectors[RANDOM] = random_vector(direction, seed)
    cells = [(name, strength) for name in vectors for strength in levels]
    plans = [_plans(place, op, vectors[name], strength, span) for name, strength in cells]
    if () not in plans:
        plans.append(())
    said = sample(agent, plans, prompts, partner, n=n, max_turns=max_turns, max_tokens=max_tokens, seed=seed)
    base, said = said[plans.index(())], said[: len(cells)]
    losses = _losses(agent, said)
    points = []
    for at, (name, strength) in enumerate(cells):
        points.append(_point(name, strength, said[at], base, losses[at], metric, accept, level))
    title = getattr(metric, "__name__", type(metric).__name__)
    texts = tuple(tuple(one.matter for one in row) for row in said)
    return Effect(tuple(points), direction, place, str(span), title, seed, texts)


def random_vector(direction: Direction, seed: int = 0) -> Any:
    """Return a random vector as long as a direction, of shape (d,)."""
    numpy = need("numpy", extra="local", why="draw a random direction")
    drawn = generator(seed, "random direction").standard_normal(len(direction.vector))
    return drawn / numpy.linalg.norm(drawn) * direction.norm


def _plans(site: str, op: str, vector: Any, strength: float, span: str | Span) -> tuple[Plan, ...]:
    if not strength and op in _NOTHING_AT_ZERO:
        return ()
    return (Plan(edits=[Edit(site, op, vector, strength, span=span)]),)


def _losses(agent: Any, said: Sequence[Sequence[Said]]) -> list[list[float | None]]:
    """Return for each cell the loss of each reply or, of dialogs, the mean over the agent's replies."""
    from sdialog.interpretability.networks import network_of
    from sdialog.interpretability.running._replaying import reply_losses

    flat = [tokens for row in said for one in row for tokens in one.tokens]
    first = agent[0] if isinstance(agent, Sequence) else agent
    losses = iter(reply_losses(network_of(first), flat))
    found = []
    for row in said:
        means: list[float | None] = []
        for one in row:
            known = [loss for loss in (next(losses) for _ in one.tokens) if loss is not None]
            means.append(sum(known) / len(known) if known else None)
        found.append(means)
    return found


def _point(
    name: str,
    strength: float,
    said: Sequence[Said],
    base: Sequence[Said],
    losses: Sequence[float | None],
    metric: Callable[[Any], float],
    accept: Callable[[Any], float] | None,
    level: float,
) -> EffectPoint:
    values = [float(metric(one.matter)) for one in said]
    usual = [float(metric(one.matter)) for one in base]
    groups = [one.group for one in said]
    told = [(loss, group) for loss, group in zip(losses, groups, strict=True) if loss is not None]
    accepted = None
    if accept is not None:
        accepted = _score("accepted", [float(accept(one.matter)) for one in said], groups, level)
    return EffectPoint(
        name,
        strength,
        _score("metric", values, groups, level),
        _score("change", [one - other for one, other in zip(values, usual, strict=True)], groups, level),
        _score("loss", [loss for loss, _ in told], [group for _, group in told], level),
        accepted,
        tuple(values),
    )


def _score(name: str, values: Sequence[float], groups: Sequence[str], level: float) -> Score:
    from sdialog.statistics.intervals import mean_interval

    if not values:
        return Score(name, None)
    return Score(name, sum(values) / len(values), mean_interval(values, _apart(groups), level=level))


def _apart(groups: Sequence[str]) -> Sequence[str] | None:
    """Return the groups; None where each has one member, so that each stands alone."""
    return None if len({*groups}) == len(groups) else groups
