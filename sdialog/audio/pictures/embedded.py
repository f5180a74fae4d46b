"""Sound and pictures as text inside a page, so that it needs no other file."""

from __future__ import annotations

import base64
import struct
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

MOST_WAV_BYTES = 640_000  # 20 s of one channel at 16 kHz
MOST_SECONDS = 600.0
MOST_HEARD_CHANNELS = 2


@dataclass(frozen=True, slots=True)
class Player:
    """Sound for a page.

    Attributes:
        source: an address that holds the sound itself.
        seconds: how much of the recording that is.
        notes: how it differs from the recording.
    """

    source: str
    seconds: float
    notes: tuple[str, ...]


def player(samples: Samples, rate: int) -> Player:
    """Return sound for a page: WAV if it is short, else Ogg Vorbis, of at most ten minutes and two channels.

    Args:
        samples: array of shape (n,) or (n, channels), full scale 1.
        rate: samples a second.

    Example:
        >>> import numpy
        >>> sound = player(numpy.zeros(8000, dtype=numpy.float32), 16000)
        >>> sound.seconds, sound.source[:22], sound.notes
        (0.5, 'data:audio/wav;base64,', ())
    """
    from sdialog.audio.files import write_audio

    notes = []
    kept = samples[: round(MOST_SECONDS * rate)]
    if len(kept) < len(samples):
        notes.append(f"The player holds the first {MOST_SECONDS / 60:g} of {len(samples) / rate / 60:.1f} minutes.")
    if kept.ndim == 2 and kept.shape[1] > MOST_HEARD_CHANNELS:
        notes.append(f"It plays channels 0 and 1 of {kept.shape[1]}.")
        kept = kept[:, :MOST_HEARD_CHANNELS]
    kind = "wav" if 2 * kept.size <= MOST_WAV_BYTES else "ogg"
    if kind == "ogg":
        notes.append("It plays a compressed copy; save() writes every sample.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sound.{kind}"
        write_audio(path, kept, rate, kind)
        content = path.read_bytes()
    return Player(_address(f"audio/{kind}", content), len(kept) / rate, tuple(notes))


def picture(rows: Any, palette: Sequence[tuple[int, int, int]]) -> str:
    """Return an image as an address that holds it: a PNG (W3C, 2003) with a palette.

    Args:
        rows: array of shape (height, width) of numbers of colours, from the top down.
        palette: up to 256 colours.

    Example:
        >>> import numpy
        >>> picture(numpy.zeros((2, 3)), [(0, 0, 0)])[:22]
        'data:image/png;base64,'
    """
    numpy = need("numpy", extra="audio", why="draw sound")
    pixels = numpy.asarray(rows, dtype=numpy.uint8)
    height, width = pixels.shape
    lines = numpy.pad(pixels, ((0, 0), (1, 0))).tobytes()  # 0 before each row: not filtered
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = bytes(part for colour in palette for part in colour)
    chunks = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return _address("image/png", b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
