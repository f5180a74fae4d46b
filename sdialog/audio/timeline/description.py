"""What the timing of a conversation should be, as data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sdialog.audio.timeline.laws import Fixed, Histogram, Law, LogNormal, Uniform, law_from
from sdialog.core.errors import ConfigError, UnknownNameError, near_names

# Of 1000 changes of speaker, so many begin 0 to 0.1 s, 0.1 to 0.2 s ... after the end of the turn before or before it.
# Together they are one hump, highest 0.1 to 0.2 s after the end.
_GAP = Histogram(0.0, 0.1, (110, 120, 100, 75, 52, 37, 27, 20, 15, 11, 8, 6, 5, 4, 3, 2.5, 2, 1.5, 1))
_OVERLAP = Histogram(0.0, 0.1, (98, 82, 62, 45, 33, 24, 17, 12, 9, 6, 4, 3, 2, 1.5, 1))
_PAUSE = LogNormal(0.45, 0.6)
_LAWS = ("gap", "pause", "overlap")
_SHARES = ("overlap_share", "max_overlap", "interruptions")
_SECONDS = ("max_gap", "lead_in", "tail", "backchannels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the timing of a conversation should be.

    The defaults are the timing called ``natural``. Between speakers, the floor changes hands after a gap or with an
    overlap. About four of ten changes overlap, as in the corpora of Heldner and Edlund (Journal of Phonetics 38,
    2010); the time from the end of a turn to the next has one hump, at no more than 0.2 s, as Stivers et al. (PNAS 106,
    2009) found in ten languages, and overlaps are short, as Levinson and Torreira (Frontiers in Psychology 6, 2015)
    describe. The numbers are ours, chosen after these descriptions; a corpus of your own is better, see :meth:`fit`.

    ``silence`` and ``overlapped`` are targets of a closed loop: lengths and numbers of gaps and overlaps are changed
    until the whole conversation has them. They are defined, after the parameters ``mean_silence`` and ``mean_overlap``
    of multi-speaker simulators such as NeMo's, as follows. An utterance counts as speech from its beginning to its
    end, with the pauses in it; the conversation lasts from the beginning of the first to the end of the last, so that
    ``lead_in`` and ``tail`` do not count. ``silence`` is the time in which nobody speaks, divided by the length of the
    conversation; ``overlapped`` is the time in which at least two speak, divided by the time in which at least one
    does.

    Attributes:
        name: what reports call it.
        gap: law of the gaps where the speaker changes: a ``Law``, or what :func:`law_from` takes.
        pause: law of the pauses between two turns of one speaker.
        overlap: law of the lengths of overlaps.
        overlap_share: chance that a change of speaker overlaps, 0 to 1.
        max_overlap: longest overlap of two turns, as a share of the shorter one, 0 to 1.
        max_gap: longest gap or pause, in seconds.
        interruptions: chance that at a change of speaker the turn before is cut, 0 to 1.
        yielding: how long the interrupted speaker goes on after the other has begun: lowest and highest, in seconds.
        backchannels: short responses of listeners for each minute of turns of 4 s or more.
        backchannel_words: what listeners say; empty for a short list of the language.
        silence: wanted silence ratio of the whole, 0 up to (not including) 1; None where any will do.
        overlapped: wanted overlap ratio of the whole, 0 to 1; None where any will do.
        lead_in, tail: seconds of silence before the first and after the last utterance.
        source: where it comes from, such as the files it was fitted to; kept in reports.

    Raises:
        ConfigError: if a value is out of its range.

    Example:
        >>> Timing(silence=0.15, overlapped=0.19).overlap_share
        0.4
        >>> Timing.from_data({"like": "natural", "gap": (0.2, 0.7)}).gap
        Uniform(low=0.2, high=0.7)
    """

    name: str = "natural"
    gap: Law = _GAP
    pause: Law = _PAUSE
    overlap: Law = _OVERLAP
    overlap_share: float = 0.4
    max_overlap: float = 0.5
    max_gap: float = 5.0
    interruptions: float = 0.0
    yielding: tuple[float, float] = (0.02, 0.08)
    backchannels: float = 0.0
    backchannel_words: tuple[str, ...] = ()
    silence: float | None = None
    overlapped: float | None = None
    lead_in: float = 0.3
    tail: float = 0.5
    source: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for key in _LAWS:
            object.__setattr__(self, key, law_from(getattr(self, key), f"{key!r} of a timing"))
        for key in _SHARES:
            self._check(key, 1.0, "a share from 0 to 1")
        for key in _SECONDS:
            self._check(key, math.inf, "a finite number from 0 on")
        for key in ("silence", "overlapped"):
            if getattr(self, key) is not None:
                self._check(key, 1.0, "a ratio from 0 to 1, or None where any will do")
        if self.silence == 1.0:
            raise ConfigError("'silence' of a timing is below 1: with speech in it, a conversation is not all silent")
        object.__setattr__(self, "yielding", _pair(self.yielding))
        words: Any = self.backchannel_words
        if isinstance(words, str):
            raise ConfigError("'backchannel_words' of a timing is a list of short texts, not one text")
        object.__setattr__(self, "backchannel_words", tuple(map(str, words)))
        object.__setattr__(self, "source", dict(self.source))

    def _check(self, key: str, high: float, what: str) -> None:
        value = getattr(self, key)
        sound = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= high
        if not (sound and math.isfinite(value)):
            raise ConfigError(f"{key!r} of a timing is {what}, not {value!r}")

    def json(self) -> dict[str, Any]:
        """Return plain data, from which :meth:`from_data` makes an equal timing."""
        data: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        data |= {key: data[key].json() for key in _LAWS}
        return data | {
            "yielding": list(self.yielding),
            "backchannel_words": list(self.backchannel_words),
            "source": dict(self.source),
        }

    def save(self, path: str | Path) -> None:
        """Write it as a JSON file, which :meth:`from_data` reads."""
        Path(path).write_text(json.dumps(self.json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def from_data(cls, data: Any) -> Timing:
        """Return the timing that a value means.

        Args:
            data: a timing; a name (see :meth:`names`); the path of a JSON file that :meth:`save` wrote; ``fit:`` and
                the path of an RTTM file or of a folder of them; or a mapping of attributes, where the key ``like``
                names the timing that has those left out (else ``natural``).

        Raises:
            UnknownNameError: if no timing has that name.
            ConfigError: if a key is unknown, or a value is out of its range.

        Example:
            >>> Timing.from_data("meeting").overlapped
            0.19
            >>> Timing.from_data(Timing().json()) == Timing()
            True
        """
        if isinstance(data, Timing):
            return data
        if isinstance(data, Path) or (isinstance(data, str) and data.endswith(".json")):
            return cls.from_data(_read(Path(data)))
        if isinstance(data, str):
            if data.startswith("fit:"):
                return cls.fit(data.removeprefix("fit:"))
            if data not in _NAMED:
                hint = "Also the path of a .json file, or fit: and the path of an RTTM file."
                raise UnknownNameError("timing", data, _NAMED, hint=hint)
            return _NAMED[data]
        if not isinstance(data, Mapping):
            raise ConfigError(f"a timing is a name, a path or a mapping of its attributes, not {data!r}")
        changes = dict(data)
        like = cls.from_data(changes.pop("like", "natural"))
        known = [one.name for one in fields(cls)]
        for key in changes:
            if key not in known:
                near = near_names(str(key), known)
                hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}"
                raise ConfigError(f"a timing has no key {key!r}{hint}")
        return replace(like, **changes)

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the built-in timings.

        Example:
            >>> Timing.names()
            ['lively', 'log-normal', 'meeting', 'natural', 'polite']
        """
        return sorted(_NAMED)

    @classmethod
    def from_pauses(cls, pauses: Any = "natural", overlap: float = 0.0, max_overlap: float = 0.3) -> Timing:
        """Return the timing that the published arguments ``pauses``, ``overlap`` and ``max_overlap`` mean.

        Args:
            pauses: ``natural`` (a log-normal of median 0.4 s), a number (its median; 0 for no pauses), or a pair (the
                lowest and the highest, all as likely).
            overlap: chance that a change of speaker overlaps, by 0.15 to 1 s, 0 to 1.
            max_overlap: longest overlap, as a share of the shorter turn, 0 to 1.

        Raises:
            ConfigError: if an argument is out of its range.

        Example:
            >>> Timing.from_pauses((0.2, 0.7), overlap=0.1).gap
            Uniform(low=0.2, high=0.7)
        """
        from sdialog.audio.timeline.published import validate_pauses

        validate_pauses(pauses)
        law = law_from(0.4 if pauses == "natural" else pauses)
        return cls(
            name="pauses",
            gap=law,
            pause=law,
            overlap=Uniform(0.15, 1.0),
            overlap_share=overlap,
            max_overlap=max_overlap,
            max_gap=max(5.0, law.quantile(1.0)),
        )

    @classmethod
    def fit(cls, paths: str | Path | Sequence[str | Path], **options: Any) -> Timing:
        """Return the timing of real conversations; see :func:`~sdialog.audio.timeline.fitting.fit_timing`."""
        from sdialog.audio.timeline.fitting import fit_timing

        return fit_timing(paths, **options)


def _pair(value: Any) -> tuple[float, float]:
    try:
        law = Uniform(*value)
    except (TypeError, ConfigError) as error:
        raise ConfigError(
            f"'yielding' of a timing is the lowest and the highest number of seconds, not {value!r}"
        ) from error
    return law.low, law.high


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the timing {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error


_NAMED: dict[str, Timing] = {
    "natural": Timing(),
    "polite": Timing(name="polite", overlap_share=0.0),
    "log-normal": Timing(
        name="log-normal", gap=LogNormal(0.4), pause=LogNormal(0.4), overlap=Fixed(0.0), overlap_share=0.0
    ),
    "lively": Timing(name="lively", interruptions=0.1, backchannels=4.0),
    "meeting": Timing(name="meeting", silence=0.15, overlapped=0.19, overlap_share=0.5, max_overlap=0.7),
}
