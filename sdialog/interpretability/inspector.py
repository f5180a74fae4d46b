"""Looking into an agent's model while it talks, and steering it."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UserError
from sdialog.interpretability.files.captures import CaptureFolder
from sdialog.interpretability.plan import Edit, Plan, Read
from sdialog.interpretability.responses import LOGITS, InspectionResponse, Responses, Seen
from sdialog.interpretability.sites import Site
from sdialog.interpretability.steering import Interval, Steering, read_interval, steering_of

if TYPE_CHECKING:
    from sdialog.agents.inspection import ModelCall
    from sdialog.interpretability.running.traces import Capture
    from sdialog.llm.types import GenerateRequest, GenerateResult

_KEPT_DIALOGS = 64


class Inspector:
    """Records activations of an agent's model while it talks, and steers it. ``agent | inspector`` is an agent with it.

    Indexing gives the replies of the dialog that began last: ``inspector[-1][0].act`` is the activation at the first
    token of the last reply, ``inspector.input[-1]`` the prompt before it, and ``inspector[-1][0].top_k`` what the
    token was chosen from. ``inspector + vector`` adds a direction to the targets' activations, ``inspector - vector``
    removes it, and ``* number`` says how strongly. Steering may change between replies.

    Args:
        target: where: a site such as ``layers.12.resid_post``, or the path of a module as torch names it; several in
            a list, or in a dict from names of your own. None records nothing. What is recorded of a name with ``*`` is
            found by the sites that it stands for.
        agent: attach it to this agent at once; the agent itself is changed.
        steering_function: one or several functions from activations of shape (tokens, size) to the same, applied in
            order, before the directions that are added later.
        steering_interval: which tokens are steered: first and end (exclusive), counted in generated tokens. A first
            of ``"*"`` takes the whole prompt, too, a negative one so many of its last tokens; an end of ``"*"`` or
            -1 has no end. A token counts from where the model chooses it, so that (0, 1) steers the choice of the
            first token.
        top_k: record so many of the likeliest tokens at each choice; -1 all.
        lm_head_layer: kept for scripts made for the published package; logits are taken from the model's output.
        inspect_input: for targets that are paths of modules: what goes in, not what comes out.
        prompt: record the prompt's tokens as well. Without it a dialog's earlier turns need not pass through the
            model again, which is faster.
        dtype: torch type to keep activations in, such as ``float16`` or ``torch.float16``; default
            the model's.
        keep: of how many dialogs to keep what was seen; older ones go.
        folder: an empty folder in whose files to keep activations, instead of in memory: a safetensors file for each
            call of the model, which is read when it is asked for. Files of dialogs that go stay.

    Raises:
        ConfigError: if a target or interval is none, or the folder is not empty.

    Example:
        >>> from sdialog import Agent
        >>> inspector = Inspector("layers.2.resid_post", top_k=3)
        >>> agent = Agent(name="Ava", model="embedded:mini", max_tokens=5, temperature=0) | inspector
        >>> reply = agent("Hello!")
        >>> len(inspector), inspector[0].tokens[0], tuple(inspector[0][0].act.shape)
        (1, 'Hi', (1, 192))
        >>> [round(share) for token, share, number in inspector[0][0].top_k]
        [1, 0, 0]
    """

    def __init__(
        self,
        target: str | Sequence[str] | Mapping[Any, str] | None = None,
        agent: Any = None,
        steering_function: Callable[[Any], Any] | Sequence[Callable[[Any], Any]] | None = None,
        steering_interval: Interval = ("*", "*"),
        top_k: int | None = None,
        lm_head_layer: str = "lm_head",
        inspect_input: bool = True,
        *,
        prompt: bool = True,
        dtype: Any = None,
        keep: int = _KEPT_DIALOGS,
        folder: str | Path | None = None,
    ) -> None:
        if top_k is not None and (top_k == 0 or top_k < -1):
            raise ConfigError(f"top_k is at least 1, or -1 for all tokens; not {top_k}")
        if keep < 1:
            raise ConfigError(f"keep is at least 1, not {keep}")
        self.target = _targets(target)
        self.steering_interval = read_interval(steering_interval)
        self.top_k, self.lm_head_layer, self.inspect_input = top_k, lm_head_layer, inspect_input
        self.prompt, self.dtype, self.keep = prompt, None if dtype is None else str(dtype), keep
        self._folder = None if folder is None else CaptureFolder(folder)
        self.steering: list[Steering] = []
        for function in _listed(steering_function):
            self.add_steering_function(function)
        self._next_strength: float | None = None
        self._dialogs: OrderedDict[str, list[list[Seen]]] = OrderedDict()
        self._lock = threading.Lock()
        self.agent: Any = None
        if agent is not None:
            agent.add_inspectors(self)
            self.agent = agent

    # -- what agents ask

    def interventions(self, call: ModelCall) -> list[Plan]:
        """Return what goes to the model with a call: nothing is recorded of a lookahead, which nobody says."""
        edits = [edit for steering in self.steering for edit in steering.edits(self._sites(), self.steering_interval)]
        reads = [] if call.lookahead else self._reads()
        if not edits and not reads:
            return []
        return [Plan(reads, edits, prefix=self._prefix, speaker=call.speaker, feed_last=bool(reads))]

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        """Take what was recorded during a call."""
        mine = {name: found for name, found in result.captures.items() if name.startswith(self._prefix)}
        if not mine or call.lookahead:
            return
        logits = mine.pop(f"{self._prefix}{LOGITS}", None)
        names = dict(self.target)
        captures = self._captured(names, mine)
        if logits is None and not captures:
            return
        tokens = (logits or next(iter(captures.values()))).tokens
        instruction = next((m.content for m in reversed(request.messages) if m.role == "system"), None)
        if request.messages and request.messages[0].content == instruction:
            instruction = None
        with self._lock:
            if self._folder is not None:
                captures, logits = self._folder.keep(call, captures, logits)
            seen = Seen(call, result.text, tokens, captures, logits, instruction, names)
            replies = self._dialogs.setdefault(call.session, [])
            while len(self._dialogs) > self.keep:
                self._dialogs.popitem(last=False)
            if replies and replies[-1][-1].call.turn == call.turn:
                replies[-1].append(seen)
            else:
                replies.append([seen])

    def _captured(self, names: Mapping[Any, str], mine: Mapping[str, Capture]) -> dict[Any, Capture]:
        """Return by key what was recorded of targets, and by site of those with ``*``; none of one that is new."""
        found: dict[Any, Capture] = {}
        for key, path in names.items():
            name = f"{self._prefix}{key!r}"
            if name in mine:
                found[key] = mine[name]
            elif "*" in path:
                found |= {one.site: one for known, one in mine.items() if known.startswith(f"{name}/")}
        return found

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = {**state, "_lock": threading.Lock()}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "agent": None}

    @property
    def _prefix(self) -> str:
        return f"inspector {id(self)}/"

    def _sites(self) -> list[str]:
        return [self._site(path) for path in self.target.values()]

    def _site(self, path: str) -> str:
        plain = Site.parse(path).is_path and not path.endswith((":in", ":out"))
        return f"{path}:in" if self.inspect_input and plain else path

    def _reads(self) -> list[Read]:
        span = "everything" if self.prompt else "generated"
        reads = [Read(self._site(path), span, name=repr(key), dtype=self.dtype) for key, path in self.target.items()]
        if self.top_k is not None:
            reads.append(Read(LOGITS, "last_prompt | generated", name=LOGITS, top=max(self.top_k, 0)))
        return reads

    # -- what was seen

    def __len__(self) -> int:
        return len(self._last())

    def __iter__(self) -> Iterator[InspectionResponse]:
        return iter(self._responses(prompt=False))

    def __getitem__(self, index: int) -> InspectionResponse:
        found: InspectionResponse = self._responses(prompt=False)[index]
        return found

    @property
    def input(self) -> Responses:
        """The prompt before each reply."""
        return self._responses(prompt=True)

    @property
    def dialogs(self) -> dict[str, Responses]:
        """Replies by dialog, for agents in many dialogs at once: by the key of the agent's part in each."""
        with self._lock:
            kept = dict(self._dialogs)
        named = [(calls[0][0].call.key if calls else name, calls) for name, calls in kept.items()]
        keys = [key for key, _ in named]
        return {
            key if keys.count(key) == 1 else name: Responses(
                [calls[-1] for calls in replies], prompt=False, inspector=self
            )
            for (key, replies), name in zip(named, kept, strict=True)
        }

    def calls(self, response: int) -> list[InspectionResponse]:
        """Return all calls of the model that one reply took: those that ended in tool calls, and refused drafts."""
        return list(Responses(self._last()[response], prompt=False, agent=self.agent, inspector=self))

    def clear(self) -> None:
        """Forget what was seen."""
        with self._lock:
            self._dialogs.clear()

    def find_instructs(self, verbose: bool = False) -> list[dict[str, Any]]:
        """Return the replies before which an orchestrator's instruction was in force: ``index`` and ``content``.

        Args:
            verbose: print them, too.
        """
        found = [
            {"index": place, "content": calls[-1].instruction}
            for place, calls in enumerate(self._last())
            if calls[-1].instruction
        ]
        if verbose:
            for entry in found:
                print(f"{entry['index']}: {entry['content']}")  # noqa: T201  # asked for
        return found

    def recap(self) -> str:
        """Return a text that says what was seen, and print it."""
        lines = [f"{len(self)} replies seen; targets: {', '.join(map(str, self.target.values())) or 'none'}"]
        for place, response in enumerate(self):
            lines.append(f"{place}: {len(response)} tokens, {response.seen.text!r:.70}")
        text = "\n".join(lines)
        print(text)  # noqa: T201  # asked for
        return text

    @property
    def vocab_size(self) -> int:
        """How many tokens the vocabulary has.

        Raises:
            UserError: if it belongs to no agent and has seen no reply.
        """
        tokenizer = getattr(self.agent, "tokenizer", None)
        if tokenizer is None and self._last():
            tokenizer = self._last()[-1][-1].tokens._tokenizer
        if tokenizer is None:
            raise UserError("the inspector belongs to no agent yet: agent | inspector, and let it say something")
        return len(tokenizer)

    def _last(self) -> list[list[Seen]]:
        with self._lock:
            return list(next(reversed(self._dialogs.values()))) if self._dialogs else []

    def _responses(self, *, prompt: bool) -> Responses:
        return Responses([calls[-1] for calls in self._last()], prompt=prompt, agent=self.agent, inspector=self)

    # -- what is asked for

    def check(self, agent: Any) -> None:
        """Find out now what the agent's first reply would tell: whether its model has the targets, and vectors fit.

        Args:
            agent: the agent; or a :class:`~sdialog.agents.inspection.Scene`. Its model is loaded.

        Raises:
            UserError: if it has not, or they do not fit.
            UnsupportedFeatureError: if the model is none that runs in this process, or is quantised or compiled.

        Example:
            >>> from sdialog import Agent
            >>> Inspector("layers.7.resid_post").check(Agent(name="Ava", model="embedded:mini"))
            Traceback (most recent call last):
                ...
            sdialog.core.errors.ConfigError: layers.7.resid_post: this model has 4 layers, 0 to 3 or -4 to -1
        """
        from sdialog.agents.inspection import Scene
        from sdialog.interpretability.anatomy.places import Anatomy
        from sdialog.interpretability.networks import network_of
        from sdialog.interpretability.plans.checks import check_edits

        scene = agent if isinstance(agent, Scene) else Scene(agent)
        network = network_of(scene.agent)
        anatomy = Anatomy(network)
        for site in self._sites():
            for one in anatomy.expand(site):
                anatomy.place(one)
        check_edits(network, self.edits(), scene)

    def add_agent(self, agent: Any) -> None:
        """Remember whose it is, for what needs the tokenizer; ``agent | inspector`` is what attaches it."""
        self.agent = agent

    def add_hooks(self, target: Mapping[Any, str] | Sequence[str] | str) -> None:
        """Record more places, from the next reply on; the steering applies to them, too."""
        added = _targets(target)
        numbers = [key for key in self.target if isinstance(key, int)]
        shift = 0 if isinstance(target, Mapping) else max(numbers, default=-1) + 1
        self.target.update({key + shift if shift else key: path for key, path in added.items()})

    def add_steering_function(self, function: Callable[[Any], Any]) -> None:
        """Steer by a function from activations of shape (tokens, size) to the same, from the next reply on."""
        self.steering.append(steering_of(function))

    def __add__(self, direction: Any) -> Inspector:
        return self._steered("add", direction)

    def __sub__(self, direction: Any) -> Inspector:
        return self._steered("project_out", direction)

    def __mul__(self, strength: float) -> Inspector:
        try:
            number = float(strength)
        except (TypeError, ValueError):
            raise TypeError(f"the strength of a steering is a number, not {strength!r:.60}") from None
        if self.steering and self.steering[-1].takes_strength:
            self.steering[-1] = self.steering[-1].with_strength(number)
        else:
            self._next_strength = number
        return self

    __rmul__ = __mul__

    def _steered(self, op: str, direction: Any) -> Inspector:
        if isinstance(direction, Inspector):
            raise TypeError("two inspectors are not added; attach both: agent | first | second")
        steering = steering_of(direction, op)
        if self._next_strength is not None:
            steering, self._next_strength = steering.with_strength(self._next_strength), None
        if not self.target:
            warnings.warn("this inspector has no target, so it steers nothing until add_hooks", stacklevel=3)
        self.steering.append(steering)
        return self

    def edits(self) -> list[Edit]:
        """Return the changes that its steering makes, as plain descriptions."""
        return [edit for one in self.steering for edit in one.edits(self._sites(), self.steering_interval)]


def _targets(target: Any) -> dict[Any, str]:
    if target is None:
        return {}
    if isinstance(target, str):
        target = [target]
    if not isinstance(target, Iterable):
        raise ConfigError(
            f"a target is a site or the path of a module, or several in a list or dict, not {target!r:.60}"
        )
    named = dict(target) if isinstance(target, Mapping) else dict(enumerate(target))
    for path in named.values():
        if not isinstance(path, str):
            raise ConfigError(f"a target is a site or the path of a module, not {path!r:.60}")
        Site.parse(path)
    return named


def _listed(functions: Any) -> list[Any]:
    if functions is None:
        return []
    return list(functions) if isinstance(functions, (list, tuple)) else [functions]
