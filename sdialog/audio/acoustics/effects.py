"""The published functions for single tracks in rooms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sdialog.audio.acoustics.recorded import direct_sample, read_response, response_files
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float32]

LEVELS = ("rms", "direct", "keep")


def simulate_rirs(
    rng: Any, sr: int = 16_000, size: str = "medium", n_sources: int = 2
) -> tuple[list[Floats], dict[str, Any]]:
    """Return the impulse responses of a random empty room, one a source.

    Args:
        rng: a ``numpy.random.Generator``.
        sr: samples a second.
        size: ``small``, ``medium`` or ``large``.
        n_sources: how many speak.

    Returns:
        Arrays of shape (n,), and what the room is: ``rt60`` is what was asked for, ``measured`` what it is.

    Raises:
        UnknownNameError: if there is no such size.
    """
    from sdialog.audio.acoustics.simulation import impulse_responses
    from sdialog.audio.rooms.shoeboxes import shoebox

    seed = int(rng.integers(2**31))
    room = shoebox(size, seed, [f"source {number + 1}" for number in range(n_sources)])
    made = impulse_responses(room, sr, seed=seed)
    info = {
        "type": "shoebox",
        "size": size,
        "dimensions": room.dimensions.to_list(),
        "rt60": room.rt60,
        "microphone": room.microphones[0].position.to_list(),
        "sources": [mouth.position.to_list() for mouth in room.speakers.values()],
        "measured": [row["microphone"].json() for row in made.measured.values()],
    }
    return [made.stack[number, 0] for number in range(n_sources)], info


def load_rir(path: str | Path, rng: Any, sr: int = 16_000) -> tuple[Floats, dict[str, Any]]:
    """Return an impulse response from a file, or from a random one of a folder.

    Args:
        path: a sound file, or a folder of them.
        rng: a ``numpy.random.Generator``, which chooses the file.
        sr: samples a second of the result.

    Returns:
        Array of shape (n,), and which file it is.

    Raises:
        UserError: if there is none, or it cannot be read.
    """
    files = response_files(path)
    chosen = files[int(rng.integers(len(files)))]
    return read_response(chosen, sr), {"type": "file", "path": str(chosen)}


def apply_rir(x: Any, rir: Any, sr: int, *, level: Literal["rms", "direct", "keep"] = "rms") -> Floats:
    """Return a track as it sounds through an impulse response, with its tail.

    The direct sound stays where the track has it: the response counts from its direct sound on, found as
    :func:`direct_sample` does, 1 ms of its rise included.

    Args:
        x: array of shape (n,).
        rir: array of shape (m,).
        sr: samples a second of both.
        level: ``rms`` makes the result as loud as the track, as published, which hides distance; ``direct`` makes
            the direct sound as loud as the track; ``keep`` changes nothing.

    Returns:
        Array of shape (n + m - 1 - direct,), float32.

    Raises:
        UserError: if the response is silent, or there is no such level.

    Example:
        >>> import numpy
        >>> track, response = numpy.ones(100), numpy.array([0.0, 0.0, 0.5])
        >>> apply_rir(track, response, 16000, level="keep").round(3).tolist() == [0.5] * 100
        True
    """
    numpy = need("numpy", extra="audio", why="work with sound")
    signal = need("scipy.signal", extra="audio", why="put speech into a room")
    if level not in LEVELS:
        raise UserError(f"the level of a track in a room is one of {', '.join(LEVELS)}, not {level!r}")
    track = numpy.asarray(x, dtype=numpy.float32)
    response = numpy.asarray(rir, dtype=numpy.float32)
    at = direct_sample(response, sr)
    if track.ndim != 1 or not len(track):
        raise UserError(f"a track is one channel of samples, an array of shape (n,), not {track.shape}")
    first = max(0, at - round(0.001 * sr))
    wet = signal.oaconvolve(track, response[first:])[at - first :]
    factor = 1.0
    if level == "direct":
        factor = 1.0 / float(abs(response[at]))
    if level == "rms":
        own, made = (float(numpy.sqrt(numpy.mean(numpy.square(one, dtype=numpy.float64)))) for one in (track, wet))
        factor = own / made if made > 0 else 1.0
    result: Floats = (factor * wet).astype(numpy.float32)
    return result
