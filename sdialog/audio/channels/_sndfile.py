"""Codecs of libsndfile, run inside a WAV file that is kept in memory."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy


def by_subtype(samples: numpy.ndarray, rate: int, subtype: str) -> Any:
    """Return sound after a codec of libsndfile.

    Args:
        samples: array of shape (n,), int16.
        rate: samples a second.
        subtype: name of it in libsndfile, such as ``"ULAW"``.

    Returns:
        Array of shape (m,), float32 full scale 1; m may be larger than n by a part of a frame.

    Raises:
        MissingDependencyError: if soundfile is not installed.
    """
    soundfile = need("soundfile", extra="audio", why=f"run the codec {subtype}")
    buffer = BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype=subtype)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0]
