"""What to read of a model and what to change in it while it writes one reply: plain descriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from sdialog.interpretability.spans import Span
    from sdialog.llm.interventions import Conductor, Network, Row

Reduce = Literal["mean", "first", "last"]
OPERATIONS = ("add", "project_out", "clamp", "scale", "zero", "set", "call")
REDUCTIONS = ("mean", "first", "last")
_NEED_VALUE = {
    "add": "a vector",
    "project_out": "a vector",
    "clamp": "a vector",
    "set": "a vector or one a token",
    "call": "a function",
}


@dataclass(frozen=True, eq=False)
class Read:
    """Activations to record.

    Attributes:
        site: where, such as ``layers.12.resid_post``; see :class:`~sdialog.interpretability.sites.Site`.
        span: of which tokens, such as ``generated`` or ``turn(-1) & content``; see
            :mod:`sdialog.interpretability.spans`.
        name: what the capture is called; default the site. Of a site with ``*`` the captures are called by the sites
            that it stands for, after the name and a ``/`` where there is one.
        reduce: ``mean``, ``first`` or ``last`` of the tokens, instead of all.
        top: of the site ``logits``, keep so many of the largest; 0 keeps all.
        before_edits: record what was there before the edits at the same place.
        dtype: torch type to keep it in, such as ``float16`` or ``torch.float16``; default the model's.

    Raises:
        ConfigError: if the site or the span cannot be read, or ``top`` does not fit.
        UnknownNameError: if there is no such selector or reduction.
    """

    site: str
    span: str | Span = "generated"
    name: str = ""
    reduce: Reduce | None = None
    top: int = 0
    before_edits: bool = False
    dtype: str | None = None

    def __post_init__(self) -> None:
        _check(self.site, self.span)
        if self.reduce is not None and self.reduce not in REDUCTIONS:
            raise UnknownNameError("reduction", str(self.reduce), REDUCTIONS)
        if self.top < 0 or (self.top and str(self.site) != "logits"):
            raise ConfigError(f"top is for the site logits and at least 0; not {self.top} of {self.site}")
        if self.top and self.reduce == "mean":
            raise ConfigError("the largest logits are of other tokens each time and have no mean; read all: top=0")

    @property
    def title(self) -> str:
        """Name of the capture."""
        return self.name or str(self.site)


@dataclass(frozen=True, eq=False)
class Condition:
    """When an edit is made: only in dialogs whose prompt reads so.

    The reading is made once a reply, while the prompt passes (conditional activation steering: Lee et al., 2024).

    Attributes:
        site: where it is read; has to come before the site of the edit.
        direction: vector of the size of the site.
        threshold: the reading has to be above it.
        span: of which prompt tokens the mean is read.
        measure: ``dot`` with the unit direction, or ``cosine`` with it.
        below: the reading has to be below the threshold instead.
        offset: taken from the activations first, such as the mean of what is usual.
    """

    site: str
    direction: Any
    threshold: float
    span: str | Span = "prompt"
    measure: Literal["dot", "cosine"] = "cosine"
    below: bool = False
    offset: Any = None

    def __post_init__(self) -> None:
        _check(self.site, self.span)
        if self.measure not in ("dot", "cosine"):
            raise UnknownNameError("measure", str(self.measure), ("dot", "cosine"))
        threshold = _numbers(self.threshold, "the threshold of a condition")
        if isinstance(threshold, (list, tuple)):
            raise ConfigError(f"the threshold of a condition is one number, not {self.threshold!r:.60}")
        object.__setattr__(self, "threshold", threshold)


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of activations.

    With x an activation, v the value and u = v / |v|:

    | operation | result |
    |---|---|
    | ``add`` | x + strength v |
    | ``project_out`` | x - strength (x u) u: directional ablation (Arditi et al., 2024) |
    | ``clamp`` | x + (strength - x u) u: the reading along u becomes the strength |
    | ``scale`` | strength x |
    | ``zero`` | 0 |
    | ``set`` | v: a mean, or what was read elsewhere; one for all tokens of the span or one a token, in their order |
    | ``call`` | v(x), v a function of activations of shape (tokens, size) of the same row that returns the same |

    Attributes:
        site: where.
        op: what is done.
        value: vector of the size of the site (list, array or tensor), or for ``set`` one a token.
        strength: a number; or one for each generated token, counted at its choice, of which the last holds on.
        span: of which tokens.
        condition: make it only where this holds.
        keep_norm: scale the result to the length that it had.
    """

    site: str
    op: str
    value: Any = None
    strength: float | Sequence[float] = 1.0
    span: str | Span = "everything"
    condition: Condition | None = None
    keep_norm: bool = False

    def __post_init__(self) -> None:
        _check(self.site, self.span)
        if self.op not in OPERATIONS:
            raise UnknownNameError("operation", str(self.op), OPERATIONS)
        if self.value is None and self.op in _NEED_VALUE:
            raise ConfigError(f"the operation {self.op} needs a value: {_NEED_VALUE[self.op]}")
        if self.op == "call" and not callable(self.value):
            raise ConfigError(f"the value of the operation call is a function of activations, not {self.value!r:.60}")
        object.__setattr__(self, "strength", _numbers(self.strength))

    def strength_at(self, choice: int) -> float:
        """Return the strength where a generated token is chosen, the first for what comes before."""
        if isinstance(self.strength, (int, float)):
            return float(self.strength)
        return float(self.strength[min(max(choice, 0), len(self.strength) - 1)])


@dataclass(frozen=True, eq=False)
class Plan:
    """What is read and changed during one call of a model. It is an intervention: a request may carry it.

    Attributes:
        reads: what is recorded.
        edits: what is changed, in this order where several are at one place.
        prefix: put before the names of the captures, so that two plans of one request do not collide.
        speaker: what the assistant is called, for spans that name speakers.
        feed_last: let the last generated token pass, too, so that it has activations; the model itself does not
            need it. It costs one more step.
        notes: anything to keep with it in files, such as where a direction comes from; nothing depends on it.

    Example:
        >>> plan = Plan([Read("layers.2.resid_post")], [Edit("layers.1.resid_post", "scale", strength=0.5)])
        >>> [read.title for read in plan.reads]
        ['layers.2.resid_post']
    """

    reads: Sequence[Read] = ()
    edits: Sequence[Edit] = ()
    prefix: str = ""
    speaker: str | None = None
    feed_last: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, given, kind in (("reads", self.reads, Read), ("edits", self.edits, Edit)):
            if not isinstance(given, Sequence) or not all(isinstance(one, kind) for one in given):
                raise ConfigError(f"{what} of a plan are a list of {kind.__name__}, not {given!r:.80}")
        titles = [read.title for read in self.reads]
        twice = next((title for title in titles if titles.count(title) > 1), None)
        if twice is not None:
            raise ConfigError(f"two reads of a plan would be called {twice!r}; give them a name: Read(..., name=...)")

    def conductor(self) -> Callable[[Network, Mapping[int, Row]], Conductor]:
        """Return what runs the plans of all rows of a batch together."""
        return run_plans


def _check(site: Any, span: Any) -> None:
    """Refuse at once what is no name of a site, or no span; whether the model has them is found out by a call."""
    from sdialog.interpretability.sites import Site
    from sdialog.interpretability.spans import Span

    Site.parse(site)
    Span.parse(span)


def _numbers(given: Any, what: str = "a strength") -> float | Sequence[float]:
    """Return a number, or one for each token, as Python has numbers."""
    plain: float | Sequence[float] = given.tolist() if hasattr(given, "tolist") else given
    listed = plain if isinstance(plain, (list, tuple)) else [plain]
    if not listed or not all(isinstance(one, (int, float)) and isfinite(one) for one in listed):
        raise ConfigError(f"{what} is a finite number, and by token a list of them, not {given!r:.60}")
    return plain


def run_plans(network: Network, rows: Mapping[int, Row]) -> Conductor:
    """Return the conductor of all plans that rows carry."""
    from sdialog.interpretability.running._conducting import PlanConductor

    plans = {job: [one for one in row.request.interventions if isinstance(one, Plan)] for job, row in rows.items()}
    return PlanConductor(network, rows, plans)
