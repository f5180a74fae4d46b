"""Lenses: what a model would say if it stopped after each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.figures.labelled_arrays import Axis, LabelledArray
from sdialog.interpretability.figures.results import Shown
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.running._inputs import Tokens, all_tokens, shown, token_id, tokens_of
from sdialog.interpretability.spans import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.llm.interventions import Network

_KIND = "tuned lens"


@dataclass(frozen=True, eq=False)
class Lens(Shown):
    """What a lens sees, by depth (the entrance of each layer, and the exit of the last) and token.

    Attributes:
        probability: of the lens's most probable next token.
        tokens: texts of the most probable next tokens, most probable first: ``tokens[depth][place][rank]``.
        probabilities: their probabilities, of shape (depths, places, top).
        kl: divergence KL(model || lens) of next-token predictions in nats; 0 where the lens says what the model says.
        entropy: of the lens's prediction, in nats.
        target: probability of the target.
        rank: how many tokens the lens holds more probable than the target.
        targets: texts of the targets: what the model itself holds most probable, or what was asked for.
        positions: of the places in the tokens.
        turns: what each place belongs to, such as ``1 Ann``.
        tuned: whether it is a tuned lens.
        exact: whether the last depth is the model's own output bit for bit; it always agrees up to rounding.
        model: name of the model.
    """

    probability: LabelledArray
    tokens: tuple[tuple[tuple[str, ...], ...], ...]
    probabilities: NDArray[Any] = field(repr=False)
    kl: LabelledArray = field(repr=False)
    entropy: LabelledArray = field(repr=False)
    target: LabelledArray = field(repr=False)
    rank: LabelledArray = field(repr=False)
    targets: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()
    turns: tuple[str, ...] = ()
    tuned: bool = False
    exact: bool = True
    model: str = ""

    def by_turn(self) -> LabelledArray:
        """Return the mean divergence from the model's prediction, by depth and turn.

        It tells in which layer the model has made up its mind, turn by turn.
        """
        numpy = need("numpy", extra="local", why="use a lens")
        names = list(dict.fromkeys(self.turns))
        members = [[place for place, turn in enumerate(self.turns) if turn == name] for name in names]
        means = numpy.stack([self.kl.values[:, places].mean(1) for places in members], axis=1)
        return LabelledArray.of(means, "mean KL(model || lens) in nats", depth=self.kl.axes[0].labels, turn=names)

    def json(self) -> dict[str, Any]:
        """Return a plain dict: for each depth and token the most probable tokens and the rest as arrays."""
        arrays = ("probability", "kl", "entropy", "target", "rank")
        return {
            "kind": "lens",
            "model": self.model,
            "tuned": self.tuned,
            "exact": self.exact,
            "positions": list(self.positions),
            "turns": list(self.turns),
            "targets": list(self.targets),
            "top": [[list(place) for place in depth] for depth in self.tokens],
            "top_probabilities": self.probabilities.tolist(),
            **{name: getattr(self, name).json() for name in arrays},
        }

    def table(self) -> str:
        """Return a Markdown table: a line for each token, and what the lens sees at each depth."""
        from sdialog.interpretability.figures.heat_maps import markdown

        labels = [label.removeprefix("layers.") for label in self.probability.axes[0].labels]
        words = self.probability.axes[1].labels
        rows = [
            [word, *(f"{depth[place][0]} {float(self.probability.values[number, place]):.2f}"
                     for number, depth in enumerate(self.tokens))]
            for place, word in enumerate(words)
        ]  # fmt: skip
        return markdown(["token", *labels], rows)

    def plot(self) -> Any:
        """Return a matplotlib figure: a heat map of probabilities, in each cell the most probable next token.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.interpretability.figures.heat_maps import draw

        return draw(self.probability, [[place[0] for place in depth] for depth in self.tokens])


def logit_lens(
    source: Any,
    given: Any,
    span: str | Span = "everything",
    top: int = 5,
    *,
    targets: int | str | Sequence[int | str] | None = None,
    tuned: TunedLens | None = None,
    speaker: str | None = None,
    system: str | None = None,
) -> Lens:
    """Read the residual stream between layers as the next token: ``softmax(W_U norm(h))`` (nostalgebraist, 2020).

    Early layers need not speak the language of the last one, so that what is not seen may still be there; a
    :class:`TunedLens` translates.

    Args:
        source: an agent, a model, its name, or a network.
        given: a dialog, messages, a rendering, a text or token ids.
        span: of which tokens; each shows what comes after it.
        top: how many of the most probable tokens to keep.
        targets: tokens, by id or text, whose probability is followed: one for all places or one for each; default
            what the model holds most probable at each.
        tuned: a tuned lens of the same model.
        speaker: of a dialog: who the model plays.
        system: of a dialog: the system prompt of the speaker.

    Raises:
        UserError: if the span means no token, or the targets do not fit.

    Example:
        >>> from sdialog.llm.types import Message
        >>> found = logit_lens("embedded:mini", [Message("user", "Hello!")], "last_prompt", top=2)
        >>> found.kl.shape, found.kl.at(depth="layers.3.resid_post", token=0)
        ((5, 1), 0.0)
    """
    from sdialog.interpretability._lens import look

    network = network_of(source)
    tokens = tokens_of(network, given, speaker=speaker, system=system)
    positions = tokens.positions(span)
    if top < 1:
        raise UserError(f"top is at least 1, not {top}")
    wanted = _targets(network, targets, len(positions))
    seen = look(network, tokens, positions, top, wanted, None if tuned is None else tuned.translate(network))
    turns = tuple(tokens.turn(place) for place in positions)
    words = tuple(tokens.strings[place] for place in positions)
    labels: dict[str, Any] = {"depth": depth_names(network), "token": Axis("token", words, turns)}
    return Lens(
        probability=LabelledArray.of(seen.probabilities[..., 0], "probability", **labels),
        tokens=tuple(
            tuple(tuple(shown(network.tokenizer, one) for one in place) for place in depth)
            for depth in seen.ids.tolist()
        ),
        probabilities=seen.probabilities.double().numpy(),
        kl=LabelledArray.of(seen.kl, "KL(model || lens) in nats", **labels),
        entropy=LabelledArray.of(seen.entropy, "entropy in nats", **labels),
        target=LabelledArray.of(seen.target, "probability of the target", **labels),
        rank=LabelledArray.of(seen.rank, "rank of the target", **labels),
        targets=tuple(shown(network.tokenizer, one) for one in seen.targets.tolist()),
        positions=tuple(positions),
        turns=turns,
        tuned=tuned is not None,
        exact=seen.final_is_exact,
        model=network.name,
    )


@dataclass(frozen=True, eq=False)
class TunedLens:
    """A lens with an affine map for each depth, trained to say what the model says (Belrose et al., 2023).

    Attributes:
        matrices: of shape (depths, d, d): ``h + h @ matrix + bias`` is unembedded.
        biases: of shape (depths, d).
        model: name of the model.
        fingerprint: digest of the model's weights, where known.
        before, after: mean KL(model || lens) in nats by depth on conversations held out, of the plain lens and of
            this one.
        facts: how it was trained.
    """

    matrices: NDArray[Any] = field(repr=False)
    biases: NDArray[Any] = field(repr=False)
    model: str = ""
    fingerprint: str | None = None
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        source: Any,
        conversations: Sequence[Any],
        span: str | Span = "everything",
        *,
        steps: int = 250,
        tokens_a_step: int = 256,
        rate: float = 1e-3,
        decay: float = 1e-3,
        held_out: float = 0.2,
        speaker: str | None = None,
        system: str | None = None,
        seed: int = 0,
    ) -> TunedLens:
        """Train a lens on conversations.

        All their activations are held at once: tokens times depths times d numbers.

        Args:
            source: an agent, a model, its name, or a network.
            conversations: at least two, in any form that :func:`logit_lens` takes.
            span: of which tokens.
            steps: how many steps of AdamW (Loshchilov and Hutter, 2019).
            tokens_a_step: how many tokens each of them sees.
            rate: of learning, at first; it falls to 0 in a straight line.
            decay: of weights, towards the plain lens.
            held_out: share of conversations that are not learnt from but measured.
            speaker: of dialogs: who the model plays.
            system: of dialogs: the system prompt of the speaker.
            seed: of the order of tokens and of what is held out.

        Raises:
            UserError: if there are fewer than two conversations, or a setting is out of range.
        """
        from sdialog.interpretability import _lens

        network = network_of(source)
        if steps < 1 or tokens_a_step < 1 or not 0 < held_out < 1 or rate <= 0:
            raise UserError("steps, tokens_a_step and rate are above 0, and held_out is between 0 and 1")
        given, many = all_tokens(network, conversations, speaker=speaker, system=system)
        if not many or len(given) < 2:
            raise UserError("give at least two conversations: some are held out to measure the lens")
        learnt, out = _lens.split(len(given), held_out, seed)
        corpus = [(given[place], given[place].positions(span)) for place in learnt]
        options = {"steps": steps, "tokens_a_step": tokens_a_step, "rate": rate, "decay": decay, "seed": seed}
        trained = _lens.fit(network, corpus, **options)  # type: ignore[arg-type]
        held = [(given[place], given[place].positions(span)) for place in out]
        facts = {**options, "span": str(span), "conversations": len(learnt), "held_out": len(out)}
        return cls(
            trained.matrices.cpu().numpy(),
            trained.biases.cpu().numpy(),
            network.name,
            network.fingerprint,
            _divergence(network, held, None),
            _divergence(network, held, trained),
            facts,
        )

    def translate(self, network: Network) -> Any:
        """Return what changes the stream of a depth before it is unembedded.

        Raises:
            UserError: if the lens is of another model.
        """
        from sdialog.interpretability._lens import Translators

        config = network.model.config.get_text_config(decoder=True)
        shape = (config.num_hidden_layers, config.hidden_size)
        if tuple(self.biases.shape) != shape:
            raise UserError(f"this lens is for {self.biases.shape} layers and numbers; {network.name} has {shape}")
        if self.fingerprint is not None and network.fingerprint not in (None, self.fingerprint):
            raise UserError(f"this lens was trained on other weights of {self.model}; train it again")
        torch = need("torch", extra="local", why="use a lens")
        made = Translators(*shape, network.model.device)
        made.matrices = torch.from_numpy(self.matrices).to(network.model.device)
        made.biases = torch.from_numpy(self.biases).to(network.model.device)
        return made

    def save(self, path: str | Path) -> Path:
        """Write it as a safetensors and a JSON file; return the path of the former."""
        from sdialog.interpretability.files.saved_arrays import save_arrays

        names = ("model", "fingerprint", "before", "after", "facts")
        facts = {name: getattr(self, name) for name in names}
        return save_arrays(path, _KIND, {"matrices": self.matrices, "biases": self.biases}, facts)

    @classmethod
    def load(cls, path: str | Path) -> TunedLens:
        """Return a lens that was saved.

        Raises:
            UserError: if a file is missing, damaged or holds something else.
        """
        from sdialog.interpretability.files.saved_arrays import load_arrays

        arrays, facts = load_arrays(path, _KIND)
        return cls(
            arrays["matrices"],
            arrays["biases"],
            facts["model"],
            facts["fingerprint"],
            tuple(facts["before"]),
            tuple(facts["after"]),
            facts["facts"],
        )

    def json(self) -> dict[str, Any]:
        """Return a plain dict, without the maps themselves."""
        names = ("model", "fingerprint", "facts")
        return {"kind": _KIND, **{name: getattr(self, name) for name in names}, **self.divergence().json()}

    def divergence(self) -> LabelledArray:
        """Return KL(model || lens) on conversations held out, of the plain and the tuned lens, by depth."""
        names = [f"layers.{layer}.resid_pre" for layer in range(len(self.before))]
        return LabelledArray.of([self.before, self.after], "mean KL in nats", lens=["plain", "tuned"], depth=names)

    def table(self) -> str:
        """Return how far both lenses are from the model as a Markdown table."""
        return self.divergence().table()


def _divergence(network: Network, held: Sequence[tuple[Tokens, list[int]]], translate: Any) -> tuple[float, ...]:
    """Return the mean KL(model || lens) by depth, without the last, which has none."""
    from sdialog.interpretability._lens import look

    total, count = None, 0
    for tokens, positions in held:
        kl = look(network, tokens, positions, 1, None, translate).kl.double().sum(1)
        total, count = kl if total is None else total + kl, count + len(positions)
    return () if total is None else tuple((total / count).tolist()[:-1])


def depth_names(network: Network) -> list[str]:
    """Return the names of the depths at which a lens looks."""
    layers = network.model.config.get_text_config(decoder=True).num_hidden_layers
    return [*(f"layers.{layer}.resid_pre" for layer in range(layers)), f"layers.{layers - 1}.resid_post"]


def _targets(network: Network, targets: Any, count: int) -> list[int] | None:
    if targets is None:
        return None
    given = [targets] * count if isinstance(targets, (int, str)) else list(targets)
    if len(given) != count:
        raise UserError(f"there are {len(given)} targets for {count} tokens; give one for all, or one for each")
    return [token_id(network.tokenizer, one) for one in given]
