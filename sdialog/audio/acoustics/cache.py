"""Impulse responses that were simulated once are not simulated again."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.responses import RoomResponses
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.rooms.room import Room

MEMORY = 256 * 2**20
DISK = 4 * 2**30

# Changes whenever the same room would give other samples.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class RirUse:
    """What a cache was asked for.

    Attributes:
        made: rooms that had to be simulated.
        found: rooms that were there.
        damaged: files that could not be read and were made again.
    """

    made: int
    found: int
    damaged: int

    def json(self) -> dict[str, int]:
        """Return the numbers as JSON data."""
        return {"made": self.made, "found": self.found, "damaged": self.damaged}


class RirCache:
    """Responses by all that they depend on, in memory and, where asked, in a folder.

    Two rooms that differ in the names of people and microphones alone share their responses. A folder may be shared
    by processes: a file appears whole or not at all, and one that cannot be read is made again.

    Args:
        path: folder of the responses, made when first needed; None keeps them in memory alone.
        memory: bytes of samples that stay in memory; those not used for longest go first.
        disk: bytes that the folder holds at most, roughly; the files not used for longest go first.

    Raises:
        UserError: if the path is a file, or a number is negative.

    Example:
        >>> from sdialog.audio.acoustics.simulation import impulse_responses
        >>> from sdialog.audio.rooms.room import Room
        >>> cache = RirCache()
        >>> for name in ("Ann", "Bo"):
        ...     room = Room(dimensions=(4, 3, 2.5), rt60=0.2, speakers={name: (1, 1, 1.2)})
        ...     found = impulse_responses(room, cache=cache)
        >>> cache.use().made, found.speakers
        (1, ('Bo',))
    """

    def __init__(self, path: str | Path | None = None, *, memory: int = MEMORY, disk: int = DISK) -> None:
        self.path = None if path is None else Path(path)
        if self.path is not None and self.path.exists() and not self.path.is_dir():
            raise UserError(f"impulse responses are kept in a folder, and {self.path} is a file")
        if memory < 0 or disk < 0:
            raise UserError(f"memory and disk are numbers of bytes, 0 or more, not {memory!r} and {disk!r}")
        self.memory, self.disk = memory, disk
        self._held: OrderedDict[str, RoomResponses] = OrderedDict()
        self._bytes = self._unchecked = 0
        self._made = self._found = self._damaged = 0
        self._lock = threading.Lock()

    def get(self, room: Room, rate: int, *, reference: str | None = None, **options: Any) -> RoomResponses:
        """Return the responses of a room, simulated now or before.

        Args:
            room: the room.
            rate: samples a second.
            reference: the microphone whose time the labels keep; None is the first.
            options: of :func:`impulse_responses`.

        Raises:
            UserError: if the folder cannot be written.
        """
        from sdialog.audio.acoustics.simulation import impulse_responses

        key = response_key(room, rate, options)
        found = self._recall(key)
        if found is None:
            found = impulse_responses(room, rate, **options)
            found.stack.flags.writeable = False
            self._keep(key, found)
        names = tuple(each.name for each in room.microphones)
        return replace(
            found,
            speakers=tuple(room.speakers),
            microphones=names,
            reference=reference or names[0],
            requested={**found.requested, "room": room.digest()},
        )

    def use(self) -> RirUse:
        """Return how often it had what was asked for, since it was opened."""
        with self._lock:
            return RirUse(self._made, self._found, self._damaged)

    def _recall(self, key: str) -> RoomResponses | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                self._found += 1
                return self._held[key]
        if self.path is None:
            return None
        file = self._file(key)
        if not file.exists():
            return None
        found = _read(file)
        with self._lock:
            if found is None:
                self._damaged += 1
                return None
            self._found += 1
        self._hold(key, found)
        return found

    def _keep(self, key: str, found: RoomResponses) -> None:
        if self.path is not None:
            self._write(self._file(key), found)
        with self._lock:
            self._made += 1
        self._hold(key, found)

    def _hold(self, key: str, found: RoomResponses) -> None:
        with self._lock:
            if key in self._held:
                return
            self._held[key] = found
            self._bytes += found.stack.nbytes
            while self._bytes > self.memory and self._held:
                _, gone = self._held.popitem(last=False)
                self._bytes -= gone.stack.nbytes

    def _write(self, path: Path, found: RoomResponses) -> None:
        numpy = need("numpy", extra="audio", why="keep impulse responses")
        told = {
            "rate": found.rate,
            "speakers": found.speakers,
            "microphones": found.microphones,
            "arrivals": found.arrivals,
            "reference": found.reference,
            "lead": found.lead,
            "distances": found.distances,
            "requested": found.requested,
            "notes": found.notes,
            "content": found.digest(),
        }
        whole = io.BytesIO()
        numpy.savez(whole, stack=found.stack, told=numpy.frombuffer(json.dumps(told).encode(), dtype=numpy.uint8))
        place = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                place.write_bytes(whole.getbuffer())
                place.replace(path)
            finally:
                place.unlink(missing_ok=True)
            self._unchecked += found.stack.nbytes
            if self._unchecked > self.disk / 16:
                self._unchecked = 0
                self._tidy()
        except OSError as error:
            raise UserError(f"responses cannot be kept in {path.parent}: {error.strerror or error}") from error

    def _tidy(self) -> None:
        """Delete the files not used for longest, until the folder holds what it may."""
        assert self.path is not None
        files = []
        for file in self.path.glob("*/*.npz"):
            try:
                state = file.stat()
            except FileNotFoundError:  # another process was quicker
                continue
            files.append((state.st_mtime, state.st_size, file))
        total = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if total <= self.disk:
                break
            file.unlink(missing_ok=True)
            total -= size

    def _file(self, key: str) -> Path:
        assert self.path is not None
        return self.path / key[:2] / f"{key}.npz"


def response_key(room: Room, rate: int, options: Mapping[str, Any]) -> str:
    """Return the name of responses: a BLAKE2b digest (RFC 7693) of all that their samples depend on."""
    mouths = [
        (mouth.position.to_list(), mouth.azimuth, mouth.colatitude, mouth.directivity)
        for mouth in room.speakers.values()
    ]
    microphones = [
        (each.position.to_list(), each.azimuth, each.colatitude, each.directivity, each.gain)
        for each in room.microphones
    ]
    data = {
        "version": _VERSION,
        "size": room.dimensions.to_list(),
        "rt60": room.rt60,
        "materials": room.materials.json(),
        "mouths": mouths,
        "microphones": microphones,
        "rate": rate,
        "options": dict(options),
    }
    return hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=20).hexdigest()


def _read(path: Path) -> RoomResponses | None:
    """Return the responses in a file, or None where it is damaged or gone."""
    import zipfile

    numpy = need("numpy", extra="audio", why="keep impulse responses")
    try:
        with numpy.load(path, allow_pickle=False) as kept:
            stack, told = kept["stack"], json.loads(kept["told"].tobytes())
        os.utime(path)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    content = told.pop("content")
    for key in ("speakers", "microphones", "notes"):
        told[key] = tuple(told[key])
    for key in ("arrivals", "distances"):
        told[key] = tuple(tuple(row) for row in told[key])
    stack.flags.writeable = False
    found = RoomResponses(stack=stack, **told)
    return found if found.digest() == content else None
