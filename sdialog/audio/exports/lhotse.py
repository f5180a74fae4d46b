"""Manifests of Lhotse (Żelasko et al., 2021): recordings and supervisions, a line each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sdialog.audio.exports._files import sample_count, sound_files
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, texts
from sdialog.audio.exports.json import json_text
from sdialog.audio.labels import Labels
from sdialog.audio.names import file_stem, one_line
from sdialog.audio.segments import Segment


def write(labels: Labels, name: str, *, audio: str | Sequence[str] | None = None, language: str | None = None) -> Files:
    """Return ``<name>.recordings.jsonl`` and ``<name>.supervisions.jsonl``.

    Words and sounds are the alignments ``word`` and ``phoneme``; turn, kind and interruption are custom fields.

    Args:
        labels: of the recording.
        name: of the recording.
        audio: path of the sound file, or one for each channel; ``<name>.wav`` if not given.
        language: of the speech, such as ``English``.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> said = Segment(0, "Ann", "Oh, hi!", 0.5, 1.0, words=[("Oh,", 0.5), ("hi!", 0.75)])
        >>> json.loads(write(Labels([said], [], 8000, 2.0), "call")["call.supervisions.jsonl"])["alignment"]
        {'word': [['Oh,', 0.5, 0.25, None], ['hi!', 0.75, 0.25, None]]}
    """
    sounds = sound_files(labels, name, audio)
    channels = list(range(labels.channels))
    count = sample_count(labels)
    recording = {
        "id": name,
        "sources": [
            {"type": "file", "channels": channels if len(sounds) == 1 else [number], "source": sound}
            for number, sound in enumerate(sounds)
        ],
        "sampling_rate": labels.sample_rate,
        "num_samples": count,
        "duration": count / labels.sample_rate,
        "channel_ids": channels,
    }
    supervisions = [
        {
            "id": f"{name}-{number:06d}",
            "recording_id": name,
            "start": _rounded(one.start),
            "duration": _rounded(one.duration),
            "channel": one.channel if one.channel is not None else channels if len(channels) > 1 else 0,
            "text": one_line(one.text),
            **({} if language is None else {"language": language}),
            "speaker": one.speaker,
            "custom": {"turn": one.turn, "kind": one.kind, "interrupted": one.interrupted},
            "alignment": _alignment(one),
        }
        for number, one in enumerate(labels.segments)
    ]
    stem = file_stem(name)
    return {
        f"{stem}.recordings.jsonl": json_text(recording) + "\n",
        f"{stem}.supervisions.jsonl": "".join(json_text(entry) + "\n" for entry in supervisions),
    }


def _alignment(segment: Segment) -> dict[str, list[list[Any]]]:
    sounds = [sound for word in segment.words for sound in word.phonemes]
    found = {
        "word": [[word.text, _rounded(word.start), _rounded(word.end - word.start), None] for word in segment.words],
        "phoneme": [[one.symbol, _rounded(one.start), _rounded(one.end - one.start), None] for one in sounds],
    }
    return {kind: entries for kind, entries in found.items() if entries}


def _rounded(seconds: float) -> float:
    return round(seconds, 8)  # as Lhotse rounds


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the supervisions."""
    marks = []
    for text in texts(files, ".supervisions.jsonl"):
        for line in text.split("\n"):
            if line:
                one = json.loads(line)
                channel = None if isinstance(one["channel"], list) else one["channel"]
                end = one["start"] + one["duration"]
                marks.append(Mark(one["recording_id"], channel, one["speaker"], one["start"], end, one["text"]))
    return marks


exporters.register("lhotse")(Exporter("lhotse", "recordings and supervisions for Lhotse", write, read, by_line=True))
