"""Codecs whose code is not at hand, imitated: their band, and noise that follows the speech as theirs does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels.base import Channel
from sdialog.audio.noises.base import in_band
from sdialog.audio.sound import resample
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


class SimulatedCodec(Channel):
    """A codec imitated by the modulated noise reference unit of ITU-T P.810 (1996), in the band of the codec.

    Attributes:
        codec_rate: rate of the real codec, samples a second.
        band: lowest and highest frequency, Hz.
        q_db: ratio of speech to the noise that is modulated by it, dB. Chosen by us: for G.729 so that PESQ is that of
            real AMR-NB at 7.95 kbit/s, its kin; the others between that and clean speech. None was measured against
            the codec that it imitates.
        bits_a_second: of the real codec.
    """

    simulated: ClassVar[bool] = True
    codec_rate: ClassVar[int] = 8000
    band: ClassVar[tuple[float, float]] = (200.0, 3400.0)
    q_db: ClassVar[float] = 20.0
    bits_a_second: ClassVar[int] = 8000

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound after the imitation; see :meth:`Channel.passed`."""
        numpy = need("numpy", extra="audio", why="imitate a codec")
        low, high = self.band
        at_own = in_band(resample(samples, rate, self.codec_rate), self.codec_rate, self.band)
        noise = generator.standard_normal(len(at_own)) * 10 ** (-self.q_db / 20)
        noisy = in_band(at_own * (1 + noise), self.codec_rate, (low, high))
        out = resample(noisy, self.codec_rate, rate)[: len(samples)]
        info = {
            "method": "modulated noise reference unit (ITU-T P.810)",
            "q_db": self.q_db,
            "codec_rate": self.codec_rate,
            "band": [low, high],
            "bitrate": self.bits_a_second,
            "delay_removed": 0.0,
        }
        return numpy.pad(out, (0, len(samples) - len(out))), info
