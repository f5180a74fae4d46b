"""A lens over many conversations: in which layer the model has made up its mind, on average and turn by turn."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.figures.labelled_arrays import Axis, LabelledArray
from sdialog.interpretability.figures.results import Shown, averaged, told_missing
from sdialog.interpretability.lens import TunedLens, depth_names
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.running._inputs import Tokens, all_tokens
from sdialog.interpretability.running.pairs import Missing, Progress, conversations_axis, labels_of
from sdialog.interpretability.spans import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHY = "use a lens"
_KL = "mean KL(model || lens)"


@dataclass(frozen=True, eq=False)
class LensProfile(Shown):
    """What a lens sees by depth, the mean over the tokens of each conversation.

    Attributes:
        each: divergence KL(model || lens) of next-token predictions in nats, by conversation and depth.
        each_agreement: share of tokens at which the lens holds most probable what the model does.
        each_turn: the divergence by conversation, depth and turn; nan where a conversation has no such turn.
        span: of which tokens.
        tuned: whether it is a tuned lens.
        missing: conversations in which the span means no token.
    """

    each: LabelledArray = field(repr=False)
    each_agreement: LabelledArray = field(repr=False)
    each_turn: LabelledArray = field(repr=False)
    span: str
    tuned: bool
    missing: tuple[Missing, ...] = ()

    @cached_property
    def kl(self) -> LabelledArray:
        """Mean divergence by depth over conversations, with 95 % intervals over dialogs."""
        return averaged(self.each)

    @cached_property
    def agreement(self) -> LabelledArray:
        """Mean share of tokens at which lens and model agree, by depth."""
        return averaged(self.each_agreement)

    @cached_property
    def by_turn(self) -> LabelledArray:
        """Mean divergence by depth and turn, over conversations that have the turn."""
        return averaged(self.each_turn)

    def json(self) -> dict[str, Any]:
        """Return a plain dict; see ``docs/interpretability/results.md``."""
        return {
            "kind": "lens profile",
            "model": self.each.model,
            "span": self.span,
            "tuned": self.tuned,
            "conversations": self.each.shape[0],
            "missing": [one._asdict() for one in self.missing],
            "kl": self.kl.json(),
            "agreement": self.agreement.json(),
            "by_turn": self.by_turn.json(),
            "each": self.each.json(),
            "each_agreement": self.each_agreement.json(),
            "each_turn": self.each_turn.json(),
        }

    def table(self) -> str:
        """Return divergence and agreement by depth as a Markdown table, with what is missing."""
        from sdialog.interpretability.figures.heat_maps import markdown

        rows = []
        for depth, label in enumerate(self.kl.axes[0].labels):
            cells = [label]
            for array in (self.kl, self.agreement):
                ends = "-"
                if array.spread is not None:
                    ends = f"{array.spread.low[depth]:.3f} to {array.spread.high[depth]:.3f}"
                cells += [f"{array.values[depth]:.3f}", ends]
            rows.append(cells)
        head = ["depth", f"{_KL}, nats", "interval", "agrees with the model", "interval"]
        told = f"{self.each.shape[0]} conversations, 95 % intervals over them"
        lost = told_missing(self.missing, self.each)
        return "\n\n".join(filter(None, [markdown(head, rows), told, lost]))

    def plot(self) -> Any:
        """Return a matplotlib figure: a heat map of the divergence by depth and turn.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.by_turn.plot()


def lens_profile(
    source: Any,
    given: Any,
    span: str | Span = "everything",
    *,
    tuned: TunedLens | None = None,
    groups: Sequence[Hashable] | None = None,
    speaker: str | None = None,
    system: str | None = None,
    progress: Progress | None = None,
) -> LensProfile:
    """Read many conversations with a logit lens (nostalgebraist, 2020) or a tuned one (Belrose et al., 2023).

    Args:
        source: an agent, a model, its name, or a network.
        given: conversations, each in any form that :func:`~sdialog.interpretability.lens.logit_lens` takes.
        span: of which tokens; each shows what comes after it.
        tuned: a tuned lens of the same model.
        groups: the dialog of each conversation: those of one belong together in intervals. Default: dialogs with the
            same id.
        speaker: of dialogs: who the model plays.
        system: of dialogs: the system prompt of the speaker.
        progress: called with how many conversations are done, of how many.

    Raises:
        UserError: if the span means no token in any conversation.

    Example:
        >>> from sdialog.llm.types import Message
        >>> said = [[Message("user", text)] for text in ("Hello!", "Thanks!")]
        >>> found = lens_profile("embedded:mini", said, "last_prompt")
        >>> found.kl.shape, float(found.kl.values[-1])
        ((5,), 0.0)
    """
    network = network_of(source)
    conversations, _ = all_tokens(network, given, speaker=speaker, system=system)
    labels = labels_of(given)
    translate = None if tuned is None else tuned.translate(network)
    missing: list[Missing] = []
    found: dict[int, tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]] = {}
    wanted = Span.parse(span)
    for number, tokens in enumerate(conversations):
        try:
            positions = tokens.positions(wanted)
        except UserError as error:
            if len(conversations) == 1:
                raise
            missing.append(Missing(labels[number], None, str(error)))
        else:
            found[number] = _seen(network, tokens, positions, translate)
        if progress is not None:
            progress(number + 1, len(conversations))
    if not found:
        raise UserError(f"nothing could be read of {len(conversations)} conversations; {missing[0]}")
    numpy = need("numpy", extra="local", why=_WHY)
    first = conversations_axis("conversation", {n: labels[n] for n in found}, groups, len(conversations))
    depths = depth_names(network)
    turns = sorted({turn for _, _, by_turn in found.values() for turn in by_turn}, key=_order)
    blank = numpy.full(len(depths), numpy.nan)
    each = [[by_turn.get(turn, blank) for turn in turns] for _, _, by_turn in found.values()]
    axes: dict[str, Any] = {"conversation": first, "depth": depths}
    kl = LabelledArray.of([one for one, _, _ in found.values()], _KL, **axes)
    agreement = LabelledArray.of([one for _, one, _ in found.values()], "share of tokens", **axes)
    by_turn = LabelledArray.of(numpy.swapaxes(each, 1, 2), _KL, **axes, turn=Axis("turn", tuple(turns)))
    arrays = [
        replace(one, model=network.name, unit=unit) for one, unit in ((kl, "nats"), (agreement, ""), (by_turn, "nats"))
    ]
    return LensProfile(arrays[0], arrays[1], arrays[2], str(wanted), tuned is not None, tuple(missing))


def _seen(
    network: Any, tokens: Tokens, positions: list[int], translate: Any
) -> tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Return by depth the mean divergence, the share of agreement, and the mean divergence of each turn."""
    from sdialog.interpretability._lens import look

    seen = look(network, tokens, positions, 1, None, translate)
    kl = seen.kl.double().numpy()
    agrees = (seen.ids[..., 0] == seen.targets).double().numpy()
    members: dict[str, list[int]] = {}
    for place, position in enumerate(positions):
        label = tokens.rendering.labels[position]
        name = "template" if label.message is None else "system" if label.turn is None else str(label.turn)
        members.setdefault(name, []).append(place)
    return kl.mean(1), agrees.mean(1), {name: kl[:, some].mean(1) for name, some in members.items()}


def _order(turn: str) -> tuple[int, str]:
    return (int(turn), "") if turn.isdigit() else (-1, turn)
