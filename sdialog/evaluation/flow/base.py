"""How probable each step of a dialog is, by the flow of reference dialogs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.optional import need
from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.dataset import Dataset
from sdialog.evaluation.flow.build import dialog2graph
from sdialog.evaluation.flow.roles import DEFAULT_SYS_NAME, DEFAULT_TOKEN_END, DEFAULT_TOKEN_START, Utterance
from sdialog.evaluation.flow.trajectories import Trajectories
from sdialog.evaluation.flow.transitions import Transitions
from sdialog.evaluation.identity import plain

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

TEMPERATURE = 0.05
"""Of the softmax that turns cosine similarities into how likely each node is."""

Belief = dict[int, float]


@dataclass(frozen=True, slots=True)
class Step:
    """One transition of a dialog, and how it fits the flow.

    Attributes:
        turn: number of the turn it leads to, from 0; None for the end of the dialog.
        speaker: who speaks there.
        text: what is said.
        previous: id of the node before, ``[start]`` for none.
        node: id of the nearest node, ``[end]`` for the end.
        confidence: how likely that node is, among its neighbours.
        probability: of the transition, by the references.
        known: whether the references hold a transition between these two nodes.
        scored: whether it counts.
    """

    turn: int | None
    speaker: str | None
    text: str | None
    previous: str
    node: str
    confidence: float
    probability: float
    known: bool
    scored: bool

    @property
    def surprise(self) -> float:
        """``-log2`` of the probability: bits."""
        return -math.log2(self.probability)


class BaseDialogFlowScore(BaseDialogScore):
    """What scores of flow share: the graph of the references, and the probability of each step of a dialog.

    Subclasses write :meth:`score`, from :meth:`trace` or :meth:`compute_dialog_log_likelihood`.

    A dialog goes from the start through its utterances to the end. The probability of each step is

    ``log sum_i p_i sum_j q_j P(j | i)``

    where ``q`` says how likely the utterance belongs to each of the ``k`` nearest nodes of its speaker's role (a
    softmax of cosine similarities, temperature .05), ``p`` the same of the utterance before, and ``P`` are smoothed
    counts, see :class:`sdialog.evaluation.flow.transitions.Transitions`. The step to the end counts, so a dialog that
    breaks off is found out.

    Args:
        reference_dialogues: dialogs, or a file or folder of them.
        ai_speaker: who the system is; only steps to what this speaker says, and to the end, count. What the others say
            is the context.
        k_neighbors: how many nodes an utterance may belong to.
        use_softmax: whether an utterance may belong to several nodes; if not, it belongs to the nearest.
        use_only_ai_speaker: leave out what the others say altogether, in the graph and in dialogs.
        use_closest_as_centroid_emb: let the utterance nearest to its centre stand for a node, not the mean.
        graph: with ``nodes``, what :func:`~sdialog.evaluation.flow.build.dialog2graph` returned, or the attributes of
            another score: nothing is built again.
        nodes: see ``graph``.
        name: what it is called in tables.
        verbose: see ``dialog2graph``.
        d2f_kwargs: other arguments of ``dialog2graph``. Pruning changes no score.

    Attributes:
        graph: the graph.
        nodes: its nodes by id.
        encoder: what makes vectors of utterances.
        speakers: role of each speaker, by the name in lower case.
        vocab_size: how many nodes there are.
        outbound_totals: how many transitions leave each node, by id.
        reference_dialogues: as given.

    Raises:
        UserError: if nothing is said in the references.
        UnknownNameError: if ``ai_speaker`` is in none of them.
        ConfigError: if ``nodes`` are not those of ``dialog2graph``, or an option is wrong.
    """

    costly = True

    def __init__(
        self,
        reference_dialogues: str | Path | Iterable[Dialog] | None,
        ai_speaker: str | None = None,
        k_neighbors: int = 64,
        use_softmax: bool = True,
        use_only_ai_speaker: bool = False,
        use_closest_as_centroid_emb: bool = False,
        graph: Any = None,
        nodes: Mapping[str, Any] | None = None,
        name: str | None = None,
        verbose: bool = False,
        **d2f_kwargs: Any,
    ) -> None:
        super().__init__(name, ai_speaker)
        if not isinstance(k_neighbors, int) or k_neighbors < 1:
            raise ConfigError(f"k_neighbors is a whole number from 1 up, not {k_neighbors!r}")
        self.k_neighbors, self.use_softmax = k_neighbors, use_softmax
        self.use_only_ai_speaker = use_only_ai_speaker
        self.use_closest_as_centroid_emb = use_closest_as_centroid_emb
        if reference_dialogues is not None and not isinstance(reference_dialogues, (str, Path)):
            reference_dialogues = list(Dataset(reference_dialogues))
        self.reference_dialogues = reference_dialogues
        if (graph is None) != (nodes is None):
            raise ConfigError("graph and nodes belong together: give both, or neither")
        if nodes is None:
            if reference_dialogues is None:
                raise ConfigError("a score of flow needs reference_dialogues, or the graph and nodes of another score")
            told = {} if d2f_kwargs.get("roles") is not None else {"system_speaker_name": ai_speaker}
            graph, nodes = dialog2graph(
                reference_dialogues,
                **{
                    "use_only_system_speaker": use_only_ai_speaker,
                    "nodes_prune_threshold": 0.001,
                    "edges_prune_threshold": 0.001,
                    "verbose": verbose,
                    **told,
                    **d2f_kwargs,
                },
            )
        self.graph, self.nodes = graph, nodes
        self._take(nodes)

    def _take(self, nodes: Mapping[str, Any]) -> None:
        """Set up what scoring needs from the nodes of a graph."""
        np = need("numpy", extra="metrics", why="score dialogs by their flow")
        metadata = nodes.get("_metadata")
        trajectories = metadata.get("trajectories") if isinstance(metadata, Mapping) else None
        if not isinstance(trajectories, Trajectories):
            raise ConfigError("nodes must be those that dialog2graph returned: they hold no counts of transitions")
        reading = trajectories.reading
        if self.use_only_ai_speaker and reading.only != DEFAULT_SYS_NAME:
            raise ConfigError("use_only_ai_speaker needs a graph built with use_only_system_speaker=True")
        if self.ai_speaker is not None and self._role_of(reading.roles.by_name) is None:
            raise ConfigError(
                f"the graph was not built with {self.ai_speaker!r} as a speaker; give it as system_speaker_name there"
            )
        self.encoder, self.speakers = trajectories.encoder, dict(reading.roles.by_name)
        self._reading, self._transitions = reading, Transitions.of(trajectories)
        self._ids = [*(node.id for node in trajectories.nodes), DEFAULT_TOKEN_START, DEFAULT_TOKEN_END]
        self.vocab_size = len(trajectories.nodes)
        self.outbound_totals = {self._ids[place]: count for place, count in self._transitions.leaving.items()}
        vectors = trajectories.closest if self.use_closest_as_centroid_emb else trajectories.centroids
        places: dict[str, list[int]] = {}
        for place, node in enumerate(trajectories.nodes):
            places.setdefault(node.role, []).append(place)
        self._neighbours = {role: (np.array(found), vectors[found]) for role, found in places.items()}

    def _role_of(self, by_name: Mapping[str, str]) -> str | None:
        return by_name.get((self.ai_speaker or "").strip().casefold())

    def trace(self, dialog: Dialog) -> list[Step]:
        """Return every step of a dialog, the one to the end last; an empty list if nothing is said in it.

        Raises:
            UserError: if a role speaks in it that does not in the references.
        """
        said = self._reading.utterances(dialog)
        if not said:
            return []
        missing = {one.role for one in said} - {*self._neighbours}
        if missing:
            raise UserError(f"{_foreign(missing)}; score only dialogs whose speakers have the references' roles")
        flow = self._transitions
        beliefs: list[Belief] = [{flow.start: 1.0}, *self._beliefs(said), {flow.end: 1.0}]
        likeliest = [max(belief, key=lambda place, belief=belief: belief[place]) for belief in beliefs]  # type: ignore[misc]
        steps = []
        for place, one in enumerate([*said, None], start=1):
            before, after = likeliest[place - 1], likeliest[place]
            steps.append(
                Step(
                    None if one is None else one.turn,
                    None if one is None else one.speaker,
                    None if one is None else one.text,
                    self._ids[before],
                    self._ids[after],
                    beliefs[place][after],
                    flow.expected(beliefs[place - 1], beliefs[place]),
                    flow.seen(before, after),
                    one is None or self._counts(one),
                )
            )
        return steps

    def unscorable(self, dialog: Dialog) -> str | None:
        """Return why a dialog has no steps that could be told from the references; None if it has."""
        said = self._reading.utterances(dialog)
        missing = {one.role for one in said} - {*self._neighbours}
        if missing:
            return _foreign(missing)
        if self.ai_speaker is not None and said and not any(map(self._counts, said)):
            return f"{self.ai_speaker} says nothing in the dialog"
        return None if said else "nothing is said in the dialog"

    def get_node_sequence(
        self, dialog: Dialog, probs: bool = False
    ) -> list[str] | tuple[list[str], list[float | None]]:
        """Return the id of the node of each utterance.

        Args:
            dialog: the dialog.
            probs: also return the probability of each step, None where the references hold no such step.
        """
        steps = self.trace(dialog)[:-1]
        ids = [step.node for step in steps]
        return (ids, [step.probability if step.known else None for step in steps]) if probs else ids

    def compute_dialog_log_likelihood(self, dialog: Dialog) -> tuple[float, int, float, int]:
        """Return the sum of log probabilities and the number of steps: of those the references hold, and of all.

        Only steps that count are in either; a dialog in which nothing is said has none.
        """
        return self.sums(self.trace(dialog))

    def identity(self) -> dict[str, Any] | None:
        """Return all that decides its values beside the dialog; None if that cannot be told.

        Of the references it holds a digest of what was learnt from them.
        """
        kind = type(self)
        if not self.encoder.plain or "<locals>" in kind.__qualname__ or kind.__module__ == "__main__":
            return None
        own = {key: value for key, value in vars(self).items() if not key.startswith("_") and key not in _LEARNT}
        shared = {"flow": self._digest, "embedder": self.encoder.name}
        try:
            return {"score": f"{kind.__module__}.{kind.__qualname__}", "version": kind.version, **shared, **plain(own)}
        except TypeError:
            return None

    @cached_property
    def _digest(self) -> str:
        trajectories = self.nodes["_metadata"]["trajectories"]
        reading = trajectories.reading
        learnt = {
            "roles": [node.role for node in trajectories.nodes],
            "paths": trajectories.paths,
            "speakers": dict(reading.roles.by_name),
            "reading": [reading.roles.explicit, reading.only, reading.split],
        }
        digest = hashlib.blake2b(json.dumps(learnt, sort_keys=True).encode(), digest_size=16)
        for vectors in (trajectories.centroids, trajectories.closest):
            digest.update(vectors.tobytes())
        return digest.hexdigest()

    def _counts(self, said: Utterance) -> bool:
        return self.ai_speaker is None or said.role == self._role_of(self.speakers)

    def _beliefs(self, said: Sequence[Utterance]) -> list[Belief]:
        np = need("numpy", extra="metrics", why="score dialogs by their flow")
        beliefs = []
        for vector, one in zip(self.encoder([one.text for one in said]), said, strict=True):
            places, vectors = self._neighbours[one.role]
            similar = (vectors @ vector).astype(np.float64)
            # Rounded, so that which of two equally near nodes comes first does not hang on the last bit.
            nearest = np.argsort(-similar.round(6), kind="stable")[: self.k_neighbors if self.use_softmax else 1]
            shares = np.exp((similar[nearest] - similar[nearest[0]]) / TEMPERATURE)
            shares /= shares.sum()
            beliefs.append(dict(zip(places[nearest].tolist(), shares.tolist(), strict=True)))
        return beliefs

    @staticmethod
    def sums(steps: Sequence[Step]) -> tuple[float, int, float, int]:
        """Return what :meth:`compute_dialog_log_likelihood` does, of the steps of a dialog."""
        counted = [step for step in steps if step.scored]
        known = [step for step in counted if step.known]
        logs = [math.fsum(math.log(step.probability) for step in part) for part in (known, counted)]
        return logs[0], len(known), logs[1], len(counted)


_LEARNT = {
    "name", "reference_dialogues", "graph", "nodes", "encoder", "speakers", "vocab_size", "outbound_totals"
}  # fmt: skip


def _foreign(roles: set[str]) -> str:
    return f"the {min(roles)} speaks in the dialog, and in none of the references"
