"""Codecs of libav, run packet by packet in memory."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import AudioError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

# Frames of codecs that take any number of samples.
ANY_SIZE = 160


def by_packets(
    samples: numpy.ndarray,
    rate: int,
    encoder: str,
    decoder: str,
    bitrate: int | None = None,
    options: Mapping[str, str] | None = None,
) -> tuple[Any, int]:
    """Return sound after an encoder and a decoder of libav.

    Args:
        samples: array of shape (n,), int16.
        rate: samples a second.
        encoder: name of it in libav.
        decoder: name of it in libav.
        bitrate: bits a second.
        options: of the encoder.

    Returns:
        Array of shape (m,), float32 full scale 1, and its rate.

    Raises:
        MissingDependencyError: if av is not installed.
        AudioError: if libav refuses.
    """
    av = need("av", extra="codecs", why=f"run the codec {encoder}")
    try:
        encode = av.CodecContext.create(encoder, "w")
        encode.sample_rate, encode.layout, encode.format = rate, "mono", "s16"
        encode.time_base = Fraction(1, rate)
        if bitrate:
            encode.bit_rate = bitrate
        encode.options = dict(options or {})
        encode.open()
        packets = _encoded(av, encode, samples, rate)
        decode = av.CodecContext.create(decoder, "r")
        decode.sample_rate, decode.layout = rate, "mono"
        if encode.extradata:
            decode.extradata = encode.extradata
        frames = [frame for packet in packets for frame in decode.decode(packet)] + list(decode.decode(None))
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(f"libav cannot run the codec {encoder} at {rate} samples a second: {error}") from error
    return _samples(frames), int(decode.sample_rate)


def by_wav(samples: numpy.ndarray, rate: int, codec: str, bitrate: int, options: Mapping[str, str]) -> Any:
    """Return sound after a codec that libav runs only inside a WAV file, which is kept in memory.

    Args:
        samples: array of shape (n,), int16.
        rate: samples a second.
        codec: name of it in libav.
        bitrate: bits a second.
        options: of the encoder.

    Returns:
        Array of shape (m,), float32 full scale 1.

    Raises:
        MissingDependencyError: if av is not installed.
        AudioError: if libav refuses.
    """
    av = need("av", extra="codecs", why=f"run the codec {codec}")
    buffer = BytesIO()
    try:
        with av.open(buffer, "w", format="wav") as container:
            stream = container.add_stream(codec, rate=rate)
            stream.layout, stream.bit_rate, stream.options = "mono", bitrate, dict(options)
            for packet in [*stream.encode(_frame(av, samples, rate)), *stream.encode(None)]:
                container.mux(packet)
        buffer.seek(0)
        with av.open(buffer, "r", format="wav") as container:
            frames = list(container.decode(audio=0))
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(f"libav cannot run the codec {codec} at {rate} samples a second: {error}") from error
    return _samples(frames)


def _encoded(av: Any, encode: Any, samples: Any, rate: int) -> list[Any]:
    numpy = need("numpy", extra="audio", why="run a codec")
    size = encode.frame_size or ANY_SIZE
    whole = numpy.pad(samples, (0, -len(samples) % size))
    packets: list[Any] = []
    for start in range(0, len(whole), size):
        frame = _frame(av, whole[start : start + size], rate)
        frame.pts = start
        packets += encode.encode(frame)
    return packets + list(encode.encode(None))


def _frame(av: Any, samples: Any, rate: int) -> Any:
    numpy = need("numpy", extra="audio", why="run a codec")
    frame = av.AudioFrame.from_ndarray(numpy.ascontiguousarray(samples[None]), format="s16", layout="mono")
    frame.sample_rate = rate
    return frame


def _samples(frames: list[Any]) -> Any:
    """Return the samples of frames as one float channel, whatever form the decoder gave them."""
    numpy = need("numpy", extra="audio", why="run a codec")
    parts = []
    for frame in frames:
        array = frame.to_ndarray()
        count = len(frame.layout.channels)
        rows = array if frame.format.is_planar else array.reshape(-1, count).T
        scale = 32768.0 if numpy.issubdtype(rows.dtype, numpy.integer) else 1.0
        parts.append(rows.mean(axis=0) / scale)
    if not parts:
        return numpy.zeros(0, dtype=numpy.float32)
    return numpy.concatenate(parts).astype(numpy.float32)
