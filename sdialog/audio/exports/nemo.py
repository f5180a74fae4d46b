"""Manifests of NeMo (NVIDIA): for speech recognition a line a turn, for diarization a line a recording."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sdialog.audio.exports._files import sound_files
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, texts
from sdialog.audio.exports.json import json_text
from sdialog.audio.labels import Labels
from sdialog.audio.names import file_stem, one_line


def write(labels: Labels, name: str, *, audio: str | Sequence[str] | None = None) -> Files:
    """Return ``<name>.asr.jsonl`` and ``<name>.diarization.jsonl``.

    The second names the RTTM, CTM and UEM files that those formats write. A line of the first that is about one channel
    of several has it as ``channel``, from 0, beside the keys that NeMo reads.

    Args:
        labels: of the recording.
        name: of the recording.
        audio: path of the sound file, or one for each channel; ``<name>.wav`` if not given.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> labels = Labels([Segment(0, "Ann", "Oh, hi!", 0.5, 1.0)], [], 8000, 2.0)
        >>> print(write(labels, "call")["call.asr.jsonl"], end="")
        {"audio_filepath": "call.wav", "offset": 0.5, "duration": 0.5, "text": "Oh, hi!", "speaker": "Ann"}
    """
    sounds = sound_files(labels, name, audio)
    stem = file_stem(name)
    turns = []
    for one in labels.segments:
        # A file a channel needs no number of a channel.
        apart = one.channel is not None and len(sounds) > 1
        entry = {
            "audio_filepath": sounds[one.channel or 0] if apart else sounds[0],
            "offset": round(one.start, 6),
            "duration": round(one.end - one.start, 6),
            "text": one_line(one.text),
            "speaker": one.speaker,
        }
        if one.channel is not None and not apart:
            entry["channel"] = one.channel
        turns.append(entry)
    whole = [
        {
            "audio_filepath": sound,
            "offset": 0,
            "duration": round(labels.duration, 6),
            "label": "infer",
            "text": "-",
            "num_speakers": len(labels.speakers),
            "rttm_filepath": f"{stem}.rttm",
            "uem_filepath": f"{stem}.uem",
            "ctm_filepath": f"{stem}.ctm",
        }
        for sound in sounds[:1]
    ]
    return {
        f"{stem}.asr.jsonl": "".join(json_text(entry) + "\n" for entry in turns),
        f"{stem}.diarization.jsonl": "".join(json_text(entry) + "\n" for entry in whole),
    }


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the turns of manifests for speech recognition."""
    marks = []
    for text in texts(files, ".asr.jsonl"):
        for line in text.split("\n"):
            if line:
                entry = json.loads(line)
                start = entry["offset"]
                marks.append(
                    Mark("", entry.get("channel"), entry["speaker"], start, start + entry["duration"], entry["text"])
                )
    return marks


exporters.register("nemo")(Exporter("nemo", "manifests for NeMo", write, read, by_line=True))
