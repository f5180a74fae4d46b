"""The parts of a recording as files, for training and testing of separation, enhancement and dereverberation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sdialog.audio.files import write_audio
from sdialog.audio.names import file_stems
from sdialog.audio.stems import Stems


def write_stems(stems: Stems, folder: str | Path) -> list[Path]:
    """Write each part as a WAV of 32-bit floats, and what they are to ``stems.json``.

    ``dry_<speaker>``, ``early_<speaker>``, ``wet_<speaker>``, ``line_<speaker>``, ``noise_<speaker>`` have a channel a
    microphone; ``noise`` has those of the recording; ``rir_<speaker>`` is the impulse response, of somebody who walks
    that at the beginning of the way. The lines and the noise times ``gains`` add up to the recording, where no channel
    comes after the mixing.

    Args:
        stems: the parts.
        folder: where to; it is made.

    Returns:
        The files.
    """
    folder = Path(folder)
    names = file_stems(stems.speakers)
    written: list[Path] = []

    def write(name: str, samples: Any) -> None:
        path = folder / f"{name}.wav"
        write_audio(path, samples, stems.rate, "wav32f")
        written.append(path)

    for number, speaker in enumerate(stems.speakers):
        write(f"dry_{names[speaker]}", stems.dry[number])
        for kind in ("early", "wet", "line", "speaker_noise"):
            part = getattr(stems, kind)
            if part is not None:
                name = "noise" if kind == "speaker_noise" else kind
                write(f"{name}_{names[speaker]}", part[number].T)
    if stems.noise is not None:
        write("noise", stems.noise.T)
    if stems.gains is not None:
        write("gains", stems.gains)
    for found in stems.responses.values():
        for speaker in found.speakers:
            write(f"rir_{names[speaker]}", found.stack[found.row(speaker)].T)
    about = {
        "sample_rate": stems.rate,
        "speakers": names,
        "microphones": list(stems.microphones),
        "files": [path.name for path in written],
    }
    place = folder / "stems.json"
    place.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return [*written, place]
