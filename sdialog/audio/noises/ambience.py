"""Ambience that ships with the package: short recordings of our own making, whose talk is spoken by real voices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.audio.assets import asset, asset_names
from sdialog.audio.noises.base import noises
from sdialog.audio.noises.recorded import recorded_noise
from sdialog.core.errors import UnknownNameError

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@noises.register("ambience")
def ambience(n: int, rate: int, generator: numpy.random.Generator, *, name: str = "cafe") -> Samples:
    """Return a stretch of a shipped recording from a random place, going round without a seam.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the place comes from.
        name: of the recording.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Raises:
        UnknownNameError: if there is none of that name.

    Example:
        >>> import numpy
        >>> ambience(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1)), name="fan").shape
        (8000,)
    """
    if name not in asset_names("noises", ".flac"):
        raise UnknownNameError("ambience", name, asset_names("noises", ".flac"))
    return recorded_noise(asset("noises", f"{name}.flac"), n, rate, generator)[0]
