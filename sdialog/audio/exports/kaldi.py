"""A data directory of Kaldi (Povey et al., 2011): recordings, utterances, texts and speakers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from sdialog.audio.exports._files import sound_files
from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, texts
from sdialog.audio.labels import Labels
from sdialog.audio.names import field, file_stem, from_field, one_line

# An id of an utterance is that of its speaker, a plus and more. Since nothing in the ids of speakers sorts before the
# plus, utterances sort as their speakers do. Kaldi demands that.
_PLUS = "+"
_LOW = "!\"#$%&'()*+"


def write(labels: Labels, name: str, *, audio: str | Sequence[str] | None = None) -> Files:
    """Return the files ``wav.scp segments text utt2spk spk2utt reco2dur reco2file_and_channel``.

    The id of a speaker is ``recording+speaker``, so that speakers of different recordings are different ones; that of
    an utterance goes on with turn, start and end. Spaces, ``+`` and what sorts before it become their bytes after ``=``
    (as in RFC 2045, 6.7). Where speakers are in channels of their own, each channel is a recording, ``recording+1``.
    Back-channels are utterances too; segments without text or length are left out.

    Args:
        labels: of the recording.
        name: of the recording.
        audio: path of the sound file, or one for each channel; ``<name>.wav`` if not given.

    Example:
        >>> from sdialog.audio.segments import Segment
        >>> files = write(Labels([Segment(0, "Ann Lee", "Oh, hi!", 0.5, 1.0)], [], 8000, 2.0), "call-1")
        >>> print(files["call-1.kaldi/segments"], files["call-1.kaldi/wav.scp"], sep="", end="")
        call-1+Ann=20Lee+000000+00000500+00001000 call-1 0.500 1.000
        call-1 call-1.wav
    """
    sounds = sound_files(labels, name, audio)
    recordings = _recordings(labels, name)
    lines: dict[str, list[str]] = {key: [] for key in ("segments", "text", "utt2spk")}
    spoken: dict[str, list[str]] = {}
    for one in labels.segments:
        text = one_line(one.text)
        if not text or one.end <= one.start:
            continue
        recording = recordings[one.channel or 0]
        speaker = _PLUS.join([_id(name), _id(one.speaker)])
        start = round(1000 * one.start)
        end = max(round(1000 * one.end), start + 1)
        utterance = f"{speaker}+{one.turn:06d}+{start:08d}+{end:08d}"
        spoken.setdefault(speaker, []).append(utterance)
        lines["segments"].append(f"{utterance} {recording} {start / 1000:.3f} {end / 1000:.3f}")
        lines["text"].append(f"{utterance} {text}")
        lines["utt2spk"].append(f"{utterance} {speaker}")
    lines["spk2utt"] = [" ".join([speaker, *_sorted(own)]) for speaker, own in spoken.items()]
    lines["wav.scp"] = [f"{own} {_source(sounds, number, len(recordings))}" for number, own in enumerate(recordings)]
    lines["reco2dur"] = [f"{own} {labels.duration:.6f}" for own in recordings]
    lines["reco2file_and_channel"] = [
        f"{own} {field(name)} {chr(ord('A') + number) if number < 26 else number + 1}"
        for number, own in enumerate(recordings)
    ]
    folder = f"{file_stem(name)}.kaldi"
    return {f"{folder}/{key}": "".join(f"{line}\n" for line in _sorted(own)) for key, own in lines.items()}


def _recordings(labels: Labels, name: str) -> list[str]:
    """Return the id of each recording: one a channel where the speakers are in different ones."""
    apart = any(one.channel is not None for one in labels.segments)
    return [f"{_id(name)}+{number + 1}" for number in range(labels.channels)] if apart else [_id(name)]


def _source(sounds: Sequence[str], number: int, recordings: int) -> str:
    if recordings > 1 and len(sounds) == 1:  # Kaldi reads one channel; sox is how its recipes take it out
        return f"sox {shlex.quote(sounds[0])} -t wav - remix {number + 1} |"
    return sounds[number]


def _id(text: str) -> str:
    return field(text, sign="=", also=_LOW)


def _sorted(lines: Sequence[str]) -> list[str]:
    return sorted(lines, key=lambda line: line.encode("utf-8", "surrogatepass"))


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the utterances of a Kaldi directory, in order of their starts."""
    said, marks = _table(files, "/text"), []
    for utterance, rest in _table(files, "/segments").items():
        recording, start, end = rest.split(" ")
        name, speaker = (from_field(part, "=") for part in utterance.split(_PLUS)[:2])
        channel = recording.partition(_PLUS)[2]
        number = int(channel) - 1 if channel else None
        marks.append(Mark(name, number, speaker, float(start), float(end), said.get(utterance, "")))
    return sorted(marks, key=lambda mark: (mark.start, mark.end))


def _table(files: Mapping[str, Content], suffix: str) -> dict[str, str]:
    lines = [line for text in texts(files, suffix) for line in text.split("\n") if line]
    return dict(line.split(" ", 1) for line in lines)


exporters.register("kaldi")(Exporter("kaldi", "a data directory for Kaldi and ESPnet", write, read, by_line="sorted"))
