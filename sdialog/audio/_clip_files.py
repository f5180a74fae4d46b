"""Clips in files: WAV of 32-bit floats, with the words in a chunk and a checksum of it all at the end."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
from pathlib import Path
from typing import Any

from sdialog.audio.sound import Clip, Phoneme, Word
from sdialog.core.errors import UserError
from sdialog.core.optional import need

_FLOAT = 3  # WAVE_FORMAT_IEEE_FLOAT
_SUM = 16


def write_clip(path: Path, clip: Clip) -> None:
    """Write a clip; the file appears whole or not at all, whatever happens meanwhile.

    Raises:
        UserError: if the folder cannot be written.
    """
    numpy = need("numpy", extra="audio", why="keep clips")
    samples = numpy.ascontiguousarray(clip.samples, dtype="<f4").tobytes()
    words = [[w.text, w.start, w.end, [[p.symbol, p.start, p.end] for p in w.phonemes]] for w in clip.words]
    body = b"WAVE"
    body += _chunk(b"fmt ", struct.pack("<HHIIHHH", _FLOAT, 1, clip.rate, clip.rate * 4, 4, 32, 0))
    body += _chunk(b"fact", struct.pack("<I", len(samples) // 4))
    body += _chunk(b"data", samples)
    body += _chunk(b"word", json.dumps(words).encode("ascii"))
    head = struct.pack("<4sI", b"RIFF", len(body) + 8 + _SUM)
    whole = head + body
    whole += _chunk(b"hash", hashlib.blake2b(whole, digest_size=_SUM).digest())
    place = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.write_bytes(whole)
            place.replace(path)
        finally:
            place.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"the clip cannot be kept in {path.parent}: {error.strerror or error}") from error


def read_clip(path: Path) -> Clip | None:
    """Return a clip that :func:`write_clip` wrote, or None where there is none or it is damaged."""
    numpy = need("numpy", extra="audio", why="keep clips")
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    if hashlib.blake2b(whole[: -_SUM - 8], digest_size=_SUM).digest() != whole[-_SUM:] or whole[:4] != b"RIFF":
        return None
    chunks = _chunks(whole)
    rate = struct.unpack_from("<HHI", chunks[b"fmt "])[2]
    samples = numpy.frombuffer(chunks[b"data"], dtype="<f4").astype(numpy.float32, copy=False)
    samples.flags.writeable = False
    return Clip(samples, rate, tuple(_word(*entry) for entry in json.loads(chunks[b"word"])))


def _word(text: str, start: float, end: float, sounds: list[Any]) -> Word:
    return Word(text, start, end, tuple(Phoneme(*sound) for sound in sounds))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def _chunks(whole: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(whole):
        name, size = struct.unpack_from("<4sI", whole, at)
        found[name] = whole[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found
