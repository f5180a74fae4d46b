"""Impulse responses that somebody measured: files, folders and arrays, at any rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.responses import RoomResponses
from sdialog.audio.sound import mono, resample
from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
ONSET_DB = 20.0
"""How far below the highest sample a response may begin (ISO 3382-1:2009, 5.3.3)."""

_LEAD_MS = 2.5


def direct_sample(response: Any, rate: int) -> int:
    """Return the sample at which the direct sound of a measured response arrives.

    It is the first peak that is near to the highest one, not the highest: a reflection that the room focuses, or two
    that come together, may be stronger than the direct sound. The response begins where it first rises to 20 dB below
    its highest sample, and above its own noise; the direct sound is the highest sample of the next half millisecond.

    Args:
        response: array of shape (n,).
        rate: samples a second.

    Raises:
        UserError: if the response is silent or not a row of numbers.

    Example:
        >>> direct_sample([0.0, 0.0, 0.3, 0.0] + [0.0] * 50 + [1.0], 16000)
        2
    """
    numpy = need("numpy", extra="audio", why="read an impulse response")
    height = numpy.abs(numpy.asarray(response, dtype=numpy.float64))
    if height.ndim != 1 or not len(height) or not numpy.isfinite(height).all() or not height.any():
        raise UserError(f"an impulse response is a row of numbers, not all 0; this one has shape {height.shape}")
    highest = int(height.argmax())
    threshold = height[highest] * 10 ** (-ONSET_DB / 20)
    before = height[: max(0, highest - round(0.01 * rate))]
    if len(before) >= round(0.005 * rate):
        # What is there in the first milliseconds is noise of the measurement, if it is not the sound itself.
        noise = 4.0 * float(numpy.median(before[: round(0.005 * rate)]))
        threshold = max(threshold, min(noise, height[highest] / 2))
    onset = int(numpy.argmax(height >= threshold))
    return onset + int(height[onset : onset + max(2, round(0.0005 * rate))].argmax())


def response_files(path: str | Path) -> list[Path]:
    """Return the sound files that a path means: itself, or all in the folder and below, sorted.

    Raises:
        UserError: if there is none.
    """
    place = Path(path).expanduser()
    if place.is_file():
        return [place]
    files = sorted(file for file in place.rglob("*") if file.suffix.lower() in SUFFIXES) if place.is_dir() else []
    if not files:
        what = f"holds no {', '.join(SUFFIXES)} file" if place.is_dir() else "does not exist"
        raise UserError(f"an impulse response is a sound file or a folder of them, and {place} {what}")
    return files


def recorded_responses(
    source: str | Path | Any,
    speakers: Sequence[str],
    rate: int = 16_000,
    *,
    source_rate: int | None = None,
    seed: int = 0,
) -> RoomResponses:
    """Return measured impulse responses for some speakers.

    Args:
        source: a file, a folder, from which each speaker gets a file of their own as long as there are enough, or an
            array of shape (n,), or (speakers, n) for one each. Of a file with several channels the first counts.
        speakers: their names.
        rate: samples a second of the result.
        source_rate: samples a second of an array; None is ``rate``.
        seed: chooses the files.

    Returns:
        The responses at one microphone, ``recorded``. What is more than 2.5 ms before the direct sound is
        cut off, and so is the end, once the decay is lost in the noise of the measurement. The strongest direct sound
        is made 1, so that the differences between the speakers stay.

    Raises:
        UserError: if the source cannot be read, or is silent.

    Example:
        >>> import numpy
        >>> found = recorded_responses(numpy.eye(1, 800, 300)[0], ["Ann"])
        >>> found.direct["Ann"]["recorded"], found.measured["Ann"]["recorded"].drr_db is None
        (40.0, True)
    """
    numpy = need("numpy", extra="audio", why="read an impulse response")
    if not speakers:
        raise UserError("measured responses are for at least one speaker")
    taken: list[str] = []
    if isinstance(source, (str, Path)):
        files = response_files(source)
        draw = numpy.random.Generator(numpy.random.PCG64(derive_seed(seed, "recorded responses")))
        order = [int(number) for number in draw.permutation(len(files))]
        chosen = [files[order[number % len(files)]] for number in range(len(speakers))]
        rows = [read_response(file, rate) for file in chosen]
        taken = [file.name for file in chosen]
    else:
        rows = _rows(source, len(speakers), source_rate or rate, rate)
    cut = [_from_direct(row, rate) for row in rows]
    longest = max(len(row) for row in cut)
    stack = numpy.zeros((len(cut), 1, longest), dtype=numpy.float32)
    for number, row in enumerate(cut):
        stack[number, 0, : len(row)] = row
    lead = round(_LEAD_MS * rate / 1000)
    stack /= numpy.abs(stack[:, 0, lead]).max()
    return RoomResponses(
        rate=rate,
        speakers=tuple(speakers),
        microphones=("recorded",),
        stack=stack,
        arrivals=((float(lead),),) * len(cut),
        reference="recorded",
        lead=lead,
        requested={"source": "recorded", "files": taken, "seed": seed},
    )


def read_response(path: str | Path, rate: int) -> Floats:
    """Return the first channel of a sound file at a rate.

    Raises:
        UserError: if it cannot be read.
    """
    soundfile = need("soundfile", extra="audio", why="read an impulse response")
    try:
        samples, own = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise UserError(f"{path} cannot be read as sound: {error}") from error
    if not len(samples):
        raise UserError(f"{path} holds no samples")
    return resample(samples[:, 0], own, rate)


def _rows(source: Any, count: int, source_rate: int, rate: int) -> list[Floats]:
    numpy = need("numpy", extra="audio", why="read an impulse response")
    array = numpy.asarray(source)
    if array.ndim not in (1, 2) or not array.size:
        raise UserError(f"measured responses have shape (n,) or (speakers, n), not {array.shape}")
    if array.ndim == 2 and len(array) < count:
        raise UserError(f"{count} speakers need {count} rows of responses, or one for all, not {len(array)}")
    rows = [array] * count if array.ndim == 1 else [array[number] for number in range(count)]
    return [resample(mono(row), source_rate, rate) for row in rows]


def _from_direct(row: Floats, rate: int) -> Floats:
    numpy = need("numpy", extra="audio", why="read an impulse response")
    lead = round(_LEAD_MS * rate / 1000)
    at = direct_sample(row, rate)
    row = row[: at + _end_of_decay(row[at:], rate)]
    kept: Floats = numpy.zeros(len(row) - at + lead, dtype=numpy.float32)
    first = max(0, at - lead)
    kept[lead - (at - first) :] = row[first:]
    return kept


def _end_of_decay(response: Floats, rate: int) -> int:
    """Return where a response has died away into the noise of its measurement, if it ends in noise.

    What is after that is no room: it would make every decay look longer (ISO 3382-1:2009, 5.3.3) and be heard as
    hiss. A response that still falls at its end is kept whole.
    """
    numpy = need("numpy", extra="audio", why="read an impulse response")
    frame = max(1, round(0.01 * rate))
    count = len(response) // frame
    if count < 20:
        return len(response)
    energy = numpy.square(response[: count * frame], dtype=numpy.float64).reshape(count, frame).mean(axis=1)
    tenth = count // 10
    last, before = (float(part.mean()) for part in (energy[-tenth:], energy[-2 * tenth : -tenth]))
    if last <= 0 or before > 1.4 * last:
        return len(response)
    loud = numpy.flatnonzero(energy > 4.0 * last)
    return (int(loud[-1]) + 1) * frame if len(loud) else len(response)
