"""The impulse responses of a room, or measured ones: arrays, where the direct sound is in them, and what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.measures import DIRECT_MS, Measured, measure
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]


@dataclass(frozen=True, eq=False)
class RoomResponses:
    """Impulse responses from every speaker to every microphone.

    An amplitude of 1 is that of a mouth 1 m in front of a microphone without gain; twice the distance is half of it.

    Attributes:
        rate: samples a second.
        speakers: their names, in order.
        microphones: their names, in order.
        stack: array of shape (speakers, microphones, n), float32.
        arrivals: by speaker and microphone, the sample of ``stack`` at which the direct sound arrives, with its
            fraction: from geometry, or found in a measured response.
        reference: the microphone whose time the labels keep.
        lead: samples before the sound leaves the mouth.
        distances: metres by speaker and microphone; empty where they are not known.
        requested: what was asked for, and how it was met.
        notes: what the reader should know, such as a reverberation time that cannot be reached.
        snr_db: speech over noise by microphone, where somebody filled it in.
    """

    rate: int
    speakers: tuple[str, ...]
    microphones: tuple[str, ...]
    stack: Floats
    arrivals: tuple[tuple[float, ...], ...]
    reference: str
    lead: int = 0
    distances: tuple[tuple[float, ...], ...] = ()
    requested: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    snr_db: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.speakers), len(self.microphones))
        if self.stack.ndim != 3 or self.stack.shape[:2] != shape:
            raise UserError(f"responses of {shape[0]} speakers at {shape[1]} microphones have shape {self.stack.shape}")
        if self.reference not in self.microphones:
            raise UnknownNameError("microphone", self.reference, self.microphones)

    @property
    def responses(self) -> Mapping[str, Mapping[str, Floats]]:
        """The arrays of shape (n,), by speaker and microphone."""
        return {
            speaker: {name: self.stack[row, column] for column, name in enumerate(self.microphones)}
            for row, speaker in enumerate(self.speakers)
        }

    @property
    def direct(self) -> Mapping[str, Mapping[str, float]]:
        """The sample of each response at which the direct sound arrives, with its fraction."""
        return {
            speaker: dict(zip(self.microphones, row, strict=True))
            for speaker, row in zip(self.speakers, self.arrivals, strict=True)
        }

    @cached_property
    def measured(self) -> Mapping[str, Mapping[str, Measured]]:
        """What each response says, by speaker and microphone."""
        return MappingProxyType(
            {
                speaker: {name: self._measure(row, column) for column, name in enumerate(self.microphones)}
                for row, speaker in enumerate(self.speakers)
            }
        )

    @property
    def seconds(self) -> float:
        """How long the responses are."""
        return float(self.stack.shape[-1] / self.rate)

    def shift(self, speaker: str) -> int:
        """Return how many samples a speaker's sound is moved forward by :func:`convolve`.

        It is the arrival at the reference microphone to the next whole sample, so that the direct sound is there when
        the label says, within half a sample. The other microphones hear it earlier or later, as in the room.

        Raises:
            UnknownNameError: if nobody has that name.
        """
        return round(self.arrivals[self.row(speaker)][self.microphones.index(self.reference)])

    def row(self, speaker: str) -> int:
        """Return the number of a speaker.

        Raises:
            UnknownNameError: if nobody has that name.
        """
        if speaker not in self.speakers:
            raise UnknownNameError("speaker", str(speaker), self.speakers)
        return self.speakers.index(speaker)

    def early(self, ms: float = 50.0) -> RoomResponses:
        """Return the part of the responses up to so many milliseconds after the direct sound; the rest is 0.

        With :meth:`late` of the same time it adds up to the whole, exactly.
        """
        return self._masked(ms, early=True)

    def late(self, ms: float = 50.0) -> RoomResponses:
        """Return the part of the responses after so many milliseconds from the direct sound; what is before is 0."""
        return self._masked(ms, early=False)

    def direct_part(self) -> RoomResponses:
        """Return the direct sound alone: what is within ``DIRECT_MS`` of it."""
        return self.early(DIRECT_MS)

    def with_drr(self, decibels: float) -> RoomResponses:
        """Return responses in which every direct sound is so much above its reverberation.

        The direct sound and its level stay; all that comes more than ``DIRECT_MS`` after it is made weaker or
        stronger by one factor a pair, faded in over the last half millisecond before.

        Args:
            decibels: the direct-to-reverberant ratio wanted.

        Raises:
            UserError: if a pair has no direct sound, or no reverberation.
        """
        numpy = need("numpy", extra="audio", why="simulate a room")
        stack = numpy.array(self.stack)
        for row, column in numpy.ndindex(*stack.shape[:2]):
            have = self._measure(row, column).drr_db
            if have is None or have > 60:
                pair = f"{self.speakers[row]!r} at {self.microphones[column]!r}"
                raise UserError(f"{pair} has no direct sound or no reverberation, so that no ratio can be set")
            stack[row, column] = self._balanced(row, column, decibels)
        return replace(self, stack=stack, requested={**self.requested, "drr_db": float(decibels)})

    def at(self, microphones: Sequence[str]) -> RoomResponses:
        """Return the responses at some of the microphones; the first is the reference if that is not among them.

        Raises:
            UnknownNameError: if there is no such microphone.
        """
        for name in microphones:
            if name not in self.microphones:
                raise UnknownNameError("microphone", str(name), self.microphones)
        columns = [self.microphones.index(name) for name in microphones]
        return replace(
            self,
            microphones=tuple(microphones),
            stack=self.stack[:, columns],
            arrivals=tuple(tuple(row[column] for column in columns) for row in self.arrivals),
            distances=tuple(tuple(row[column] for column in columns) for row in self.distances),
            reference=self.reference if self.reference in microphones else microphones[0],
        )

    def with_snr(self, decibels: Mapping[str, float]) -> RoomResponses:
        """Return the same with the signal-to-noise ratio of each microphone written into what was measured."""
        return replace(self, snr_db={**self.snr_db, **decibels})

    def digest(self) -> str:
        """Return a name for the samples."""
        return hashlib.blake2b(self.stack.tobytes(), digest_size=16).hexdigest()

    def json(self) -> dict[str, Any]:
        """Return all but the samples as JSON data; ``content`` tells them from others."""
        return {
            "rate": self.rate,
            "speakers": list(self.speakers),
            "microphones": list(self.microphones),
            "reference": self.reference,
            "seconds": round(self.seconds, 6),
            "requested": dict(self.requested),
            "measured": {
                speaker: {name: one.json() for name, one in row.items()} for speaker, row in self.measured.items()
            },
            "shift": {speaker: self.shift(speaker) for speaker in self.speakers},
            "notes": list(self.notes),
            "content": self.digest(),
        }

    def _measure(self, row: int, column: int) -> Measured:
        distance = self.distances[row][column] if self.distances else None
        found = measure(
            self.stack[row, column], self.rate, self.arrivals[row][column], lead=self.lead, distance=distance
        )
        return replace(found, snr_db=self.snr_db.get(self.microphones[column]))

    def _masked(self, ms: float, early: bool) -> RoomResponses:
        if not ms > 0:
            raise UserError(f"the early part ends some milliseconds after the direct sound, more than 0, not {ms!r}")
        numpy = need("numpy", extra="audio", why="simulate a room")
        stack = numpy.zeros_like(self.stack)
        for row, column in numpy.ndindex(*stack.shape[:2]):
            end = round(self.arrivals[row][column] + ms * self.rate / 1000) + 1
            part = slice(0, end) if early else slice(end, None)
            stack[row, column, part] = self.stack[row, column, part]
        return replace(self, stack=stack)

    def _balanced(self, row: int, column: int, decibels: float) -> Any:
        numpy = need("numpy", extra="audio", why="simulate a room")
        response = self.stack[row, column].astype(numpy.float64)
        edge = round(self.arrivals[row][column]) + round(DIRECT_MS * self.rate / 1000) + 1
        fade = max(1, round(0.0005 * self.rate))
        rising = numpy.clip((numpy.arange(len(response)) - (edge - fade)) / fade, 0.0, 1.0)
        low, high = -120.0, 120.0
        for _ in range(60):
            middle = (low + high) / 2
            changed = response * (1.0 + (10 ** (middle / 20) - 1.0) * rising)
            found = measure(changed, self.rate, self.arrivals[row][column]).drr_db
            # More reverberation means a lower ratio.
            low, high = (middle, high) if found is not None and found > decibels else (low, middle)
            if high - low < 1e-4:
                break
        return changed.astype(numpy.float32)
