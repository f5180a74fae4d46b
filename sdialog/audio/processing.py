"""Sound files as a microphone would have recorded them."""

from __future__ import annotations

from pathlib import Path

from sdialog.audio.channels._device import coloured, response_delay, speech_levelled
from sdialog.audio.files import Written, read_audio, write_audio
from sdialog.audio.impulse_response_database import (
    DeviceImpulseResponseDatabase,
    ImpulseResponseDatabase,
    RecordingDevice,
)
from sdialog.audio.sound import mono, resample
from sdialog.core.errors import UserError
from sdialog.core.optional import need

__all__ = ["AudioProcessor", "RecordingDevice"]


class AudioProcessor:
    """Effects on sound files, as published."""

    @staticmethod
    def apply_microphone_effect(
        input_audio_path: str | Path,
        output_audio_path: str | Path,
        device: str | RecordingDevice,
        impulse_response_database: ImpulseResponseDatabase | None = None,
    ) -> Written:
        """Write a sound file as a microphone would have recorded it: one channel, as long, at the same level and time.

        Args:
            input_audio_path: what to read.
            output_audio_path: what to write; the ending tells the format.
            device: identifier of an impulse response, or a published device.
            impulse_response_database: where it is looked up; left out, the devices that ship with the package.

        Returns:
            What was written.

        Raises:
            UnknownNameError: if there is no such device.
            UserError: if its file is not there.
            FileNotFoundError: if there is no sound file to read.
        """
        numpy = need("numpy", extra="audio", why="apply a microphone")
        database = DeviceImpulseResponseDatabase() if impulse_response_database is None else impulse_response_database
        path = Path(database.get_ir(device))
        if not path.is_file():
            raise UserError(f"Impulse response path not found: {path}")
        samples, rate = read_audio(input_audio_path)
        one = mono(samples)
        response, own = read_audio(path)
        at_rate = speech_levelled(resample(mono(response), own, rate), rate)
        heard = coloured(one, at_rate, response_delay(at_rate, rate))
        before, after = float((one.astype(float) ** 2).mean()), float((heard.astype(float) ** 2).mean())
        if before > 0 and after > 0:
            heard = heard * numpy.float32((before / after) ** 0.5)
        return write_audio(output_audio_path, heard, rate)
