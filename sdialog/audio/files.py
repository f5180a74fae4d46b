"""Sound files: reading any of the known kinds at any rate, and writing them whole, the same bytes each time."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import AudioError, UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus")
# What libsndfile calls the format and its usual sample type.
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "wav24": ("WAV", "PCM_24"),
    "wav32f": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "flac24": ("FLAC", "PCM_24"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
ENDINGS = {"wav24": "wav", "wav32f": "wav", "flac24": "flac"}
RATES = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
CHANNELS = {"mp3": 2, "flac": 8, "flac24": 8, "ogg": 255, "opus": 255}


@dataclass(frozen=True, slots=True)
class Written:
    """A sound file that was written.

    Attributes:
        path: where.
        format: which, a key of ``FORMATS``.
        rate: samples a second.
        channels: how many.
        duration: seconds.
        clipped: share of the values beyond full scale, which integer formats cut off.
    """

    path: str
    format: str
    rate: int
    channels: int
    duration: float
    clipped: float

    def json(self) -> dict[str, Any]:
        """Return the fields as JSON data."""
        return asdict(self)


def read_audio(path: str | Path) -> tuple[Samples, int]:
    """Return the samples of a sound file and its rate.

    Args:
        path: of a WAV, FLAC, OGG (Vorbis or Opus), MP3, AIFF, CAF or AU file.

    Returns:
        Array of shape (n,) for one channel, else (n, channels), float32, full scale 1; and samples a second.

    Raises:
        FileNotFoundError: if there is no such file.
        AudioError: if it is no sound file.
        MissingDependencyError: if soundfile is not installed.
    """
    soundfile = need("soundfile", extra="audio", why="read sound files")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no sound file {path}")
    try:
        samples, rate = soundfile.read(str(path), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path} cannot be read as sound: {error}; convert it to WAV or FLAC") from error
    return samples, int(rate)


def audio_files(path: str | Path) -> list[Path]:
    """Return a sound file as a list, or those of a folder and the folders in it, sorted.

    Raises:
        FileNotFoundError: if there is none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES) if path.is_dir() else []
    if not found:
        raise FileNotFoundError(f"no sound file in {path}; known endings are {' '.join(SUFFIXES)}")
    return found


def format_of(path: str | Path, audio_format: str | None = None) -> str:
    """Return the format that a path or a name means.

    Raises:
        UnknownNameError: if it is none; names near ones.

    Example:
        >>> format_of("call.Opus"), format_of("call", "flac"), format_of("call.wav", "wav24")
        ('opus', 'flac', 'wav24')
    """
    name = (audio_format or Path(path).suffix).lower().removeprefix(".") or "wav"
    if name not in FORMATS:
        raise UnknownNameError("audio format", name, FORMATS)
    return name


def write_audio(path: str | Path, samples: Any, rate: int, audio_format: str | None = None) -> Written:
    """Write sound to a file: whole or not at all, and the same bytes for the same samples.

    Args:
        path: where; folders are made.
        samples: array of shape (n,) or (n, channels), full scale 1.
        rate: samples a second.
        audio_format: ``wav``, ``wav24``, ``wav32f``, ``flac``, ``flac24``, ``ogg``, ``opus`` or ``mp3``; left out, by
            the ending of the path.

    Raises:
        UnknownNameError: if there is no such format.
        UnsupportedFeatureError: if the format cannot hold the rate or the channels; says which it can.
        MissingDependencyError: if soundfile is not installed.

    Example:
        >>> import numpy, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = write_audio(f"{folder}/a.flac", numpy.zeros(8000, dtype=numpy.float32), 16000)
        >>> written.duration
        0.5
    """
    numpy = need("numpy", extra="audio", why="write sound files")
    name, path = format_of(path, audio_format), Path(path)
    array = numpy.asarray(samples, dtype=numpy.float32)
    if array.ndim not in (1, 2):
        raise UserError(f"sound is an array of shape (samples,) or (samples, channels), not {array.shape}")
    if not numpy.isfinite(array).all():
        raise UserError(f"{path}: the samples hold values that are no numbers")
    channels = 1 if array.ndim == 1 else array.shape[1]
    _check_fits(name, rate, channels)
    over = float((numpy.abs(array) > 1).mean()) if array.size and name != "wav32f" else 0.0
    content = _encoded(array, rate, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return Written(str(path), name, rate, channels, len(array) / rate, over)


def _check_fits(name: str, rate: int, channels: int) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int) or rate < 1:
        raise UserError(f"a sample rate is a positive whole number of samples a second, not {rate!r}")
    rates = RATES.get(name)
    if rates and rate not in rates:
        nearest = min(rates, key=lambda one: abs(one - rate))
        raise UnsupportedFeatureError(
            f"{name} holds sound at {', '.join(map(str, rates))} samples a second, not at {rate}; "
            f"ask for sample_rate={nearest}, or write wav or flac"
        )
    most = CHANNELS.get(name, 1024)
    if not 1 <= channels <= most:
        raise UnsupportedFeatureError(f"{name} holds 1 to {most} channels, not {channels}; write wav")


def _encoded(array: Any, rate: int, name: str) -> bytes:
    soundfile = need("soundfile", extra="audio", why="write sound files")
    container, subtype = FORMATS[name]
    buffer = BytesIO()
    values = _values(array, subtype)
    with soundfile.SoundFile(
        buffer, "w", rate, 1 if array.ndim == 1 else array.shape[1], subtype=subtype, format=container
    ) as file:
        # libsndfile's Vorbis encoder overflows its stack on one huge write.
        for start in range(0, len(values), 1 << 16):
            file.write(values[start : start + (1 << 16)])
    content = buffer.getvalue()
    if container == "OGG":
        return b"".join(_numbered_pages(content))
    return _without_clock(content) if name == "wav32f" else content


def _values(array: Any, subtype: str) -> Any:
    """Return what the encoder is given: whole numbers for formats that hold them.

    libsndfile rounds them for FLAC and cuts them off for WAV, half a step lower on average.
    """
    numpy = need("numpy", extra="audio", why="write sound files")
    if subtype == "PCM_16":
        return numpy.clip(numpy.rint(array * 32768.0), -32768, 32767).astype(numpy.int16)
    if subtype == "PCM_24":
        whole = numpy.clip(numpy.rint(array.astype(numpy.float64) * 2.0**23), -(2**23), 2**23 - 1)
        return whole.astype(numpy.int32) << 8
    return array if subtype == "FLOAT" else numpy.clip(array, -1, 1)


def _without_clock(content: bytes) -> bytes:
    """Return a float WAV with the time of day taken out of its PEAK chunk."""
    place = 12
    while place + 8 <= len(content):
        kind, size = content[place : place + 4], struct.unpack("<I", content[place + 4 : place + 8])[0]
        if kind == b"PEAK":
            return content[: place + 12] + bytes(4) + content[place + 16 :]
        place += 8 + size + size % 2
    return content


_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _numbered_pages(content: bytes) -> Iterator[bytes]:
    """Yield the pages of an Ogg file with serial number 1 in place of the clock's (RFC 3533, 2003)."""
    place = 0
    while place < len(content):
        count = content[place + 26]
        head = 27 + count
        size = head + sum(content[place + 27 : place + head])
        page = bytearray(content[place : place + size])
        page[14:18] = struct.pack("<I", 1)
        page[22:26] = bytes(4)
        # The checksum of Ogg is the common CRC-32 read from the other end, with neither start nor end inverted.
        reflected = zlib.crc32(bytes(page).translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
        page[22:26] = struct.pack("<I", int(f"{reflected:032b}"[::-1], 2))
        yield bytes(page)
        place += size
