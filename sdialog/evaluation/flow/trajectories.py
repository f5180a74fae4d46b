"""Dialogs as paths through groups of utterances that say alike."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, DialogFormatError, UserError
from sdialog.core.optional import need
from sdialog.evaluation.flow.clustering import EXACT_UP_TO, cluster
from sdialog.evaluation.flow.encoding import HASHED, Encoder
from sdialog.evaluation.flow.labels import name_nodes
from sdialog.evaluation.flow.roles import (
    DEFAULT_SYS_NAME,
    DEFAULT_USER_NAME,
    Roles,
    Utterance,
    domains_of,
    utterances_of,
)

if TYPE_CHECKING:
    import numpy as np

    from sdialog.core.dialog import Dialog

    Array = np.ndarray[Any, np.dtype[Any]]

FORMAT = "sdialog-flow-trajectories-1"
_LETTERS = {DEFAULT_SYS_NAME: "s", DEFAULT_USER_NAME: "u"}


@dataclass(frozen=True, slots=True)
class Node:
    """A group of utterances that say alike.

    Attributes:
        id: ``s`` or ``u`` and a number for the system's and the user's, else role and number; 0 is the largest.
        role: whose utterances they are.
        count: how many.
        utterances: the different ones nearest to its centre, nearest first.
        name: what a model called it, if one was asked.
    """

    id: str
    role: str
    count: int
    utterances: tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True)
class Reading:
    """How dialogs are read: from here to the scores, the same way.

    Attributes:
        roles: who has which role.
        only: the one role that counts; None for all.
        split: whether sentences count, rather than turns.
    """

    roles: Roles
    only: str | None = None
    split: bool = False

    def utterances(self, dialog: Dialog) -> list[Utterance]:
        """Return what is said in a dialog, read this way."""
        return utterances_of(dialog, self.roles, only=self.only, split=self.split)


@dataclass(frozen=True)
class Trajectories:
    """A corpus as paths: for each dialog its utterances, and for each utterance its node.

    Attributes:
        ids: the dialogs' ids; two dialogs may share one.
        utterances: what is said, dialog by dialog.
        paths: for each utterance the number of its node.
        nodes: the nodes, the system's first.
        centroids: shape (nodes, d), the mean direction of each node's utterances, of length 1.
        closest: shape (nodes, d), the utterance nearest to it.
        encoder: what made the vectors.
        reading: how the dialogs were read.
    """

    ids: tuple[Any, ...]
    utterances: tuple[tuple[Utterance, ...], ...]
    paths: tuple[tuple[int, ...], ...]
    nodes: tuple[Node, ...]
    centroids: Array
    closest: Array
    encoder: Encoder
    reading: Reading

    def write(self, path: str | Path) -> Path:
        """Write all but the vectors to a JSON file, which :meth:`read` understands; returns the file's path."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        dialogs = [
            {
                "id": id,
                "turns": [
                    {"turn": u.turn, "speaker": u.speaker, "role": u.role, "text": u.text, "node": self.nodes[place].id}
                    for u, place in zip(said, path_, strict=True)
                ],
            }
            for id, said, path_ in zip(self.ids, self.utterances, self.paths, strict=True)
        ]
        roles = self.reading.roles
        data = {
            "format": FORMAT,
            "model": self.encoder.name,
            "speakers": dict(roles.by_name),
            "explicit": roles.explicit,
            "only": self.reading.only,
            "split": self.reading.split,
            "nodes": [asdict(node) for node in self.nodes],
            "dialogs": dialogs,
        }
        target.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return target

    @classmethod
    def read(cls, path: str | Path, encoder: Encoder | None = None) -> Trajectories:
        """Read what :meth:`write` wrote.

        Args:
            path: the file.
            encoder: embeds the utterances again; default the embedder whose name is in the file.

        Raises:
            DialogFormatError: if it is no such file.
        """
        text = Path(path).read_text(encoding="utf-8")
        try:
            data = json.loads(text)
            if data["format"] != FORMAT:
                raise ValueError(f"its format is {data['format']!r}")
            nodes = {entry["id"]: number for number, entry in enumerate(data["nodes"])}
            said = [tuple(_utterance(turn) for turn in dialog["turns"]) for dialog in data["dialogs"]]
            paths = [tuple(nodes[turn["node"]] for turn in dialog["turns"]) for dialog in data["dialogs"]]
            named = [entry["name"] for entry in data["nodes"]]
            reading = Reading(Roles(data["speakers"], data["explicit"]), data["only"], data["split"])
            ids, model = [dialog["id"] for dialog in data["dialogs"]], data["model"]
        except (ValueError, KeyError, TypeError) as error:
            raise DialogFormatError(f"not trajectories of dialogs ({FORMAT}): {error}", file=path) from error
        encoder = encoder or Encoder(model)
        texts = [one.text for part in said for one in part]
        vectors = encoder(texts)
        return _assembled(ids, said, [place for part in paths for place in part], named, vectors, encoder, reading)


def _utterance(turn: Mapping[str, Any]) -> Utterance:
    return Utterance(turn["turn"], turn["speaker"], turn["role"], turn["text"])


@dataclass(frozen=True)
class Grouping:
    """How utterances are put into nodes.

    Attributes:
        thresholds: for all roles, for the system and all others, or by role: the mean cosine distance up to which
            groups are merged, or a whole number of nodes above 1; None is .55, for hashed n-grams .65.
        top_k: how many utterances a node shows.
        named: whether a language model names the nodes.
        model: that model; None is the one of the settings.
        seed: seed of what is random above ``exact_up_to`` different utterances a role.
        exact_up_to: see :func:`sdialog.evaluation.flow.clustering.cluster`.
    """

    thresholds: float | Sequence[float] | Mapping[str, float] | None = None
    top_k: int = 5
    named: bool = False
    model: Any = None
    seed: int = 0
    exact_up_to: int = EXACT_UP_TO

    def threshold(self, role: str, encoder: Encoder) -> float:
        """Return the threshold of one role."""
        given = self.thresholds
        if given is None:
            # Wording differs more than meaning does.
            return 0.65 if encoder.name == HASHED else 0.55
        if isinstance(given, Mapping):
            if role not in given:
                raise ConfigError(f"node_thresholds has none for the role {role!r}; it has {', '.join(given)}")
            return given[role]
        if isinstance(given, Sequence):
            if len(given) != 2:
                raise ConfigError(f"node_thresholds is one number or two, [system, user], not {given!r:.60}")
            return given[0] if role == DEFAULT_SYS_NAME else given[1]
        return given


def trajectories_of(
    dialogs: Iterable[Dialog],
    reading: Reading,
    encoder: Encoder,
    grouping: Grouping | None = None,
    domains: Iterable[str] | None = None,
) -> Trajectories:
    """Embed and group what is said in a corpus.

    Args:
        dialogs: the corpus; those in which nothing is said, or nothing by the one role, are left out.
        reading: how dialogs are read.
        encoder: makes vectors.
        grouping: how nodes are made.
        domains: keep dialogs of these domains only, as told by ``domain`` or ``domains`` in a dialog's scenario,
            context or annotations.

    Raises:
        UserError: if nothing is left.
    """
    grouping = grouping or Grouping()
    wanted = None if domains is None else {name.casefold() for name in domains}
    ids: list[Any] = []
    said: list[tuple[Utterance, ...]] = []
    for dialog in dialogs:
        found = reading.utterances(dialog) if wanted is None or wanted & domains_of(dialog) else []
        if found:
            ids.append(dialog.id)
            said.append(tuple(found))
    if not said:
        whose = "" if reading.only is None else f" by the {reading.only}"
        raise UserError(f"nothing is said{whose} in the reference dialogs, so there is no flow to learn")
    texts = [one.text for part in said for one in part]
    vectors = encoder(texts)
    labels = _grouped([one.role for part in said for one in part], texts, vectors, encoder, grouping)
    named = [None] * (max(labels) + 1)
    result = _assembled(ids, said, labels, named, vectors, encoder, reading, grouping.top_k)
    if not grouping.named:
        return result
    names = name_nodes([(node.role, node.utterances) for node in result.nodes], grouping.model)
    keys = [(node.role, name.casefold()) for node, name in zip(result.nodes, names, strict=True)]
    merged = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    name_of = {merged[key]: name for key, name in reversed(list(zip(keys, names, strict=True)))}
    relabelled = [merged[keys[label]] for label in labels]
    shown = [name_of[number] for number in range(len(merged))]
    return _assembled(ids, said, relabelled, shown, vectors, encoder, reading, grouping.top_k)


def _grouped(
    roles: Sequence[str], texts: Sequence[str], vectors: Array, encoder: Encoder, grouping: Grouping
) -> list[int]:
    """Return the node of each utterance, numbered across roles, the system's first."""
    np = need("numpy", extra="metrics", why="group utterances")
    labels, before = [0] * len(texts), 0
    for role in sorted(set(roles), key=lambda role: (role != DEFAULT_SYS_NAME, role != DEFAULT_USER_NAME, role)):
        places = [place for place, one in enumerate(roles) if one == role]
        counts = Counter(texts[place] for place in places)
        first: dict[str, int] = {}
        for place in places:
            first.setdefault(texts[place], place)
        weights = np.array([counts[text] for text in first], dtype=float)
        threshold = grouping.threshold(role, encoder)
        found = cluster(
            vectors[list(first.values())], weights, threshold, seed=grouping.seed, exact_up_to=grouping.exact_up_to
        )
        of_text = dict(zip(first, found.tolist(), strict=True))
        for place in places:
            labels[place] = before + of_text[texts[place]]
        before += int(found.max()) + 1
    return labels


def _assembled(
    ids: Sequence[Any],
    said: Sequence[tuple[Utterance, ...]],
    labels: Sequence[int],
    names: Sequence[str | None],
    vectors: Array,
    encoder: Encoder,
    reading: Reading,
    top_k: int = 5,
) -> Trajectories:
    """Return trajectories with nodes made from the utterances that each label has."""
    np = need("numpy", extra="metrics", why="group utterances")
    flat = [one for part in said for one in part]
    order = np.argsort(np.asarray(labels), kind="stable")
    starts = np.searchsorted(np.asarray(labels)[order], np.arange(len(names) + 1))
    nodes, numbers = [], Counter[str]()
    centroids = np.empty((len(names), vectors.shape[1]), dtype=np.float32)
    closest = np.empty_like(centroids)
    for label, name in enumerate(names):
        members = order[starts[label] : starts[label + 1]]
        role = flat[members[0]].role
        mean = vectors[members].mean(axis=0)
        length = float(np.linalg.norm(mean))
        centroids[label] = mean / length if length > 0 else vectors[members[0]]
        nearest = members[np.argsort(-(vectors[members] @ centroids[label]).round(6), kind="stable")]
        closest[label] = vectors[nearest[0]]
        shown = tuple(dict.fromkeys(flat[place].text for place in nearest))[: max(1, top_k)]
        id = f"{_LETTERS[role]}{numbers[role]}" if role in _LETTERS else f"{role}-{numbers[role]}"
        numbers[role] += 1
        nodes.append(Node(id, role, len(members), shown, name))
    paths, place = [], 0
    for part in said:
        paths.append(tuple(labels[place : place + len(part)]))
        place += len(part)
    return Trajectories(tuple(ids), tuple(said), tuple(paths), tuple(nodes), centroids, closest, encoder, reading)
