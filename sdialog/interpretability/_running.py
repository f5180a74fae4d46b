"""Running plans: one conductor for all rows of a batch, one tap for each place, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from sdialog.core.errors import ConfigError
from sdialog.interpretability._editing import PlaceEdits, Verdicts
from sdialog.interpretability._recording import Recorder, reduced
from sdialog.interpretability._selection import Selection, for_edit
from sdialog.interpretability.places import Anatomy, Place
from sdialog.interpretability.plan import Condition, Plan
from sdialog.interpretability.sites import Site
from sdialog.interpretability.taps import Tap, attached
from sdialog.interpretability.traces import ReplyTokens
from sdialog.llm.interventions import Network, Row, RowSpan

Copy = Callable[[torch.Tensor], None]


class PlanConductor:
    """Runs the plans of rows.

    Args:
        network: the model.
        rows: the rows.
        plans: the plans of each.

    Raises:
        UserError: if a plan does not fit the model or a prompt.
    """

    def __init__(self, network: Network, rows: Mapping[int, Row], plans: Mapping[int, Sequence[Plan]]) -> None:
        self.jobs = frozenset(rows)
        self._anatomy = Anatomy(network)
        self._places: dict[str, Place] = {}
        self._tokens: dict[int, ReplyTokens] = {}
        self._recorders: dict[int, list[tuple[str, Recorder]]] = {}
        # The same by whether they come before the edits, with the names of their places.
        self._at: dict[bool, dict[int, list[tuple[str, Recorder]]]] = {True: {}, False: {}}
        self._first: dict[int, int] = {}
        self._feeds: dict[int, bool] = {}
        self._kept: dict[int, tuple[str, int | None]] = {}
        self._edits: dict[str, PlaceEdits] = {}
        self.verdicts = Verdicts()
        self._failures: dict[int, Exception] = {}
        self._device = network.model.device
        for job, row in rows.items():
            self._take(network, job, row, plans[job])

    # -- what a batch asks

    @contextmanager
    def around(self, spans: Sequence[RowSpan]) -> Iterator[None]:
        """Surround a forward call with taps."""
        with attached(self._taps([span for span in spans if span.job in self.jobs])):
            yield

    def first(self, job: int) -> int:
        """Return the first prompt position that has to pass."""
        return self._first[job]

    def kept(self, job: int) -> tuple[str, int | None]:
        """Return under which name, and how far, keys and values may be kept."""
        return self._kept[job]

    def feeds_last(self, job: int) -> bool:
        """Tell whether the last generated token is to pass."""
        return self._feeds[job]

    def failure(self, job: int) -> Exception | None:
        """Return what a function of the user's raised in a row, None for nothing."""
        return self._failures.get(job)

    def finish(self, job: int, reply: Sequence[int]) -> Mapping[str, Any]:
        """Return what was recorded of a row."""
        tokens = self._tokens[job]
        for early in self._at.values():
            early.pop(job, None)
        tokens.ids = (*tokens.ids, *reply)
        return {name: recorder.capture(tokens) for name, recorder in self._recorders.pop(job)}

    # -- before the first call

    def _take(self, network: Network, job: int, row: Row, plans: Sequence[Plan]) -> None:
        speaker = next((plan.speaker for plan in plans if plan.speaker), None)
        said = row.request
        tokens = ReplyTokens(
            tuple(row.ids), len(row.ids), row.text, said.messages, said.tools, speaker, row.write, network.tokenizer
        )
        self._tokens[job] = tokens
        self._recorders[job] = []
        firsts, feeds = [tokens.prompt], False
        for plan in plans:
            for read in plan.reads:
                for site in self._anatomy.expand(read.site):
                    place = self._place(site)
                    selection = Selection(read.span, tokens)
                    name = str(site) if Site.parse(read.site).is_pattern else read.title
                    recorder = Recorder(place, read, selection)
                    self._recorders[job].append((f"{plan.prefix}{name}", recorder))
                    self._at[read.before_edits].setdefault(job, []).append((str(place.site), recorder))
                    firsts.append(selection.first)
                    feeds = feeds or (plan.feed_last and selection.any_generated())
        kept: list[tuple[str, int | None]] = []
        for plan in plans:
            for edit in plan.edits:
                selection = for_edit(edit.span, tokens)
                for site in self._anatomy.expand(edit.site):
                    place = self._place(site)
                    if edit.condition is not None:
                        firsts.append(self._watch(job, edit.condition, tokens))
                        self._check_order(edit.condition, place, selection)
                    edits = self._edits.setdefault(str(place.site), PlaceEdits(place, self.verdicts, self._failures))
                    edits.add(job, edit, selection, self._device)
                steady = selection.whole and edit.condition is None and isinstance(edit.strength, (int, float))
                kept.append((edit_name(edit), None) if steady else ("", selection.first))
                firsts += [] if steady else [selection.first]
        self._first[job], self._feeds[job] = min(firsts), feeds
        lengths = [length for _, length in kept if length is not None]
        self._kept[job] = "/".join(filter(None, (name for name, _ in kept))), min(lengths, default=None)

    def _place(self, site: str | Site) -> Place:
        place = self._anatomy.place(site)
        return self._places.setdefault(str(place.site), place)

    def _watch(self, job: int, condition: Condition, tokens: ReplyTokens) -> int:
        selection = for_edit(condition.span, tokens, needed=False)
        self.verdicts.watch(job, condition, selection, self._place(condition.site), self._device)
        return selection.first

    def _check_order(self, condition: Condition, edited: Place, selection: Selection) -> None:
        read = self._place(condition.site)
        while_prompt_passes = selection.first < len(selection.prompt)
        if while_prompt_passes and passes_before(edited.site, read.site):
            raise ConfigError(
                f"the condition is read at {read.site}, after the edit's place {edited.site} in the same pass; read it "
                "at an earlier layer, or edit generated tokens only: span 'generated'"
            )

    # -- around a call

    def _taps(self, spans: Sequence[RowSpan]) -> list[Tap]:
        """Return the taps of a call: conditions, then at each place reads before the edits, edits, reads after."""
        taps = [Tap(place, call, edits=False) for place, call in self.verdicts.calls(spans)]
        before, after = self._copies(spans, early=True), self._copies(spans, early=False)
        taps += [Tap(self._places[name], call, edits=False) for name, call in before]
        for edits in self._edits.values():
            call = edits.call(spans)
            if call is not None:
                taps.append(Tap(edits.place, call))
        return taps + [Tap(self._places[name], call, edits=False) for name, call in after]

    def _copies(self, spans: Sequence[RowSpan], *, early: bool) -> list[tuple[str, Copy]]:
        """Return for each place what copies the tokens that are wanted there."""
        wanted: dict[str, list[tuple[RowSpan, Recorder]]] = {}
        for span in spans:
            if span.again:
                continue
            for name, recorder in self._at[early].get(span.job, ()):
                wanted.setdefault(name, []).append((span, recorder))
        return [(name, copying(listed)) for name, listed in wanted.items()]


_ORDER = ("resid_pre", "q", "k", "v", "pattern", "z", "attn_out", "resid_mid", "mlp_pre", "mlp_act", "mlp_out")


def passes_before(site: Site, other: Site) -> bool:
    """Tell whether a pass comes to a site before another; False where one is the path of a module."""
    return not (site.is_path or other.is_path) and _moment(site) < _moment(other)


def _moment(site: Site) -> tuple[float, int]:
    if isinstance(site.layer, int):
        return site.layer, _ORDER.index(site.kind) if site.kind in _ORDER else len(_ORDER)
    return (-1.0, 0) if site.kind == "embed" else (float("inf"), int(site.kind == "logits"))


def copying(listed: Sequence[tuple[RowSpan, Recorder]]) -> Copy:
    """Return a function that gives each recorder its row's part of a tensor."""
    first = listed[0][1]
    axis = 2 if first.is_pattern else 1
    tops = {recorder.read.top for _, recorder in listed}

    def copy(whole: torch.Tensor) -> None:
        whole = whole.detach()
        if listed[0][0].columns > 1 or first.place.site.kind == "pattern":
            for span, recorder in listed:
                recorder.keep(span, whole[span.row])
            return
        # One copy for all rows; each recorder keeps its row of it.
        shared = {top: reduced(whole.select(axis, 0), top) for top in tops}
        for span, recorder in listed:
            recorder.step(span, shared[recorder.read.top])

    return copy


def edit_name(edit: Any) -> str:
    """Return a name that is equal for edits that do the same wherever their tokens stand."""
    import hashlib

    value = edit.value
    if callable(value):
        return f"call {id(value)}"
    content = b"" if value is None else torch.as_tensor(value).detach().cpu().double().numpy().tobytes()
    parts = (edit.site, edit.op, edit.strength, edit.keep_norm, hashlib.blake2b(content, digest_size=8).hexdigest())
    return "-".join(map(str, parts))
