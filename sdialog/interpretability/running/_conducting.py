"""Running plans: one conductor for all rows of a batch, one tap for each place, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from sdialog.core.errors import ConfigError
from sdialog.interpretability.anatomy.places import Anatomy, Place
from sdialog.interpretability.anatomy.taps import Tap, attached
from sdialog.interpretability.plan import Condition, Edit, Plan
from sdialog.interpretability.running._editing import PlaceEdits
from sdialog.interpretability.running._recording import Recorder, StepLog
from sdialog.interpretability.running._selection import Selection, for_edit
from sdialog.interpretability.running._verdicts import Verdicts
from sdialog.interpretability.running.traces import ReplyTokens
from sdialog.interpretability.sites import Site
from sdialog.llm.interventions import Network, Row, RowSpan

Copy = Callable[[torch.Tensor], None]
LogKey = tuple[str, bool, int]


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
        self._logs: dict[LogKey, StepLog] = {}
        # What surrounds a step depends on which rows it has, and these stay for many steps.
        self._step: tuple[tuple[int, tuple[tuple[int, int], ...]], list[Tap]] | None = None
        self._now: list[RowSpan] = []
        self._failures: dict[int, Exception] = {}
        self.verdicts = Verdicts(self._failures)
        self._device = network.model.device
        for job, row in rows.items():
            self._take(network, job, row, plans[job])

    # -- what a batch asks

    @contextmanager
    def around(self, spans: Sequence[RowSpan]) -> Iterator[None]:
        """Surround a forward call with taps."""
        self._now = [span for span in spans if span.job in self.jobs]
        with attached(self._taps(self._now, len(spans))):
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
        found = {name: one.capture(tokens, self._logs.get(log_key(one))) for name, one in self._recorders.pop(job)}
        for log in self._logs.values():
            log.done(job)
        return found

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
            names = self._names(plan)
            for read in plan.reads:
                for site in self._anatomy.expand(read.site):
                    place, name = self._place(site), next(names)
                    selection = Selection(read.span, tokens)
                    recorder = Recorder(job, place, read, selection)
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
                # A function may do something else next time, and nobody can tell.
                steady = selection.whole and edit.condition is None and edit.op != "call"
                steady = steady and isinstance(edit.strength, (int, float))
                kept.append((edit_name(edit), None) if steady else ("", selection.first))
                firsts += [] if steady else [selection.first]
        self._first[job], self._feeds[job] = min(firsts), feeds
        lengths = [length for _, length in kept if length is not None]
        self._kept[job] = "/".join(filter(None, (name for name, _ in kept))), min(lengths, default=None)

    def _names(self, plan: Plan) -> Iterator[str]:
        """Return what the captures of a plan's reads are called, those of sites that a ``*`` stands for one by one."""
        names = []
        for read in plan.reads:
            many = Site.parse(read.site).is_pattern
            sites = self._anatomy.expand(read.site)
            names += [f"{read.name}/{site}".removeprefix("/") if many else read.title for site in sites]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"two reads of a plan would be called {twice!r}; give them a name: Read(..., name=...)")
        return iter(names)

    def _place(self, site: str | Site) -> Place:
        known = self._places.get(str(site))
        if known is not None:
            return known
        place = self._anatomy.place(site)
        return self._places.setdefault(str(place.site), place)

    def _watch(self, job: int, condition: Condition, tokens: ReplyTokens) -> int:
        selection = for_edit(condition.span, tokens, needed=False)
        if str(selection.span).partition("[")[0] == "generated":
            raise ConfigError(f"a condition is read of the prompt, of which the span {condition.span!s} means no token")
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

    def _taps(self, spans: Sequence[RowSpan], rows: int) -> list[Tap]:
        """Return the taps of a call: conditions, then at each place reads before the edits, edits, reads after."""
        step = all(span.columns == 1 and span.position >= span.prompt and not span.again for span in spans)
        held = rows, tuple((span.job, span.row) for span in spans)
        if step and self._step is not None and self._step[0] == held:
            return self._step[1]
        taps = [Tap(place, call, edits=False) for place, call in self.verdicts.calls(spans)]
        copies = self._step_copies if step else self._copies
        taps += [Tap(self._places[name], call, edits=False) for name, call in copies(spans, early=True)]
        for edits in self._edits.values():
            call = edits.step([span.job for span in spans], lambda: self._now) if step else edits.call(spans)
            if call is not None:
                taps.append(Tap(edits.place, call))
        taps += [Tap(self._places[name], call, edits=False) for name, call in copies(spans, early=False)]
        if step:
            self._step = held, taps
        return taps

    def _copies(self, spans: Sequence[RowSpan], *, early: bool) -> list[tuple[str, Copy]]:
        """Return for each place what copies the tokens that are wanted there."""
        wanted: dict[str, list[tuple[RowSpan, Recorder]]] = {}
        for span in spans:
            if span.again:
                continue
            for name, recorder in self._at[early].get(span.job, ()):
                wanted.setdefault(name, []).append((span, recorder))
        return [(name, copying(listed)) for name, listed in wanted.items()]

    def _step_copies(self, spans: Sequence[RowSpan], *, early: bool) -> list[tuple[str, Copy]]:
        """Return for each place what copies one token of every row; rows that want none are dropped at the end."""
        wanted: dict[str, list[Recorder]] = {}
        for span in spans:
            for name, recorder in self._at[early].get(span.job, ()):
                wanted.setdefault(name, []).append(recorder)
        rows = {span.job: span.row for span in spans}
        return [(name, self._logging(recorders, rows)) for name, recorders in wanted.items()]

    def _logging(self, recorders: Sequence[Recorder], rows: Mapping[int, int]) -> Copy:
        if recorders[0].by_row:
            own = {recorder.job: recorder for recorder in recorders}

            def keep(whole: torch.Tensor) -> None:
                for span in self._now:
                    if span.job in own:
                        own[span.job].keep(span, whole.detach()[span.row])

            return keep
        logs = [self._logs.setdefault(key, StepLog(key[2])) for key in dict.fromkeys(map(log_key, recorders))]
        always = any(recorder.selection.steady for recorder in recorders)
        by_job = [(recorder.job, recorder.selection) for recorder in recorders]

        def log(whole: torch.Tensor) -> None:
            now = {span.job: span.position for span in self._now}
            if always or any(selection.at(now[job]) for job, selection in by_job):
                token = whole.detach()[:, -1]
                for one in logs:
                    one.add(rows, self._now, token)
            else:
                for one in logs:
                    one.pause()

        return log


def log_key(recorder: Recorder) -> LogKey:
    """Return which recorders can share what is kept of steps."""
    return str(recorder.place.site), recorder.read.before_edits, recorder.read.top


def copying(listed: Sequence[tuple[RowSpan, Recorder]]) -> Copy:
    """Return a function that gives each recorder its row's part of a tensor."""

    def copy(whole: torch.Tensor) -> None:
        for span, recorder in listed:
            recorder.keep(span, whole.detach()[span.row])

    return copy


_ORDER = ("resid_pre", "q", "k", "v", "pattern", "z", "attn_out", "resid_mid", "mlp_pre", "mlp_act", "mlp_out")


def passes_before(site: Site, other: Site) -> bool:
    """Tell whether a pass comes to a site before another; False where one is the path of a module."""
    return not (site.is_path or other.is_path) and _moment(site) < _moment(other)


def _moment(site: Site) -> tuple[float, int]:
    if isinstance(site.layer, int):
        return site.layer, _ORDER.index(site.kind) if site.kind in _ORDER else len(_ORDER)
    return (-1.0, 0) if site.kind == "embed" else (float("inf"), int(site.kind == "logits"))


def edit_name(edit: Edit) -> str:
    """Return a name that is equal for edits that do the same wherever their tokens stand."""
    import hashlib

    value = getattr(edit.value, "vector", edit.value)
    content = b"" if value is None else torch.as_tensor(value).detach().cpu().double().numpy().tobytes()
    parts = (edit.site, edit.op, edit.strength, edit.keep_norm, hashlib.blake2b(content, digest_size=8).hexdigest())
    return "-".join(map(str, parts))
