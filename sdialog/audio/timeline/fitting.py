"""Timing fitted to real conversations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdialog.audio.timeline._rttm import read_rttm
from sdialog.audio.timeline.description import Timing
from sdialog.audio.timeline.laws import Histogram, Law
from sdialog.audio.timeline.pieces import LONG_TURN
from sdialog.audio.timeline.spans import Span, Transfers, joined, transfers
from sdialog.core.errors import UserError

SHORT = 1.0
"""Up to this many seconds, speech inside another speaker's is taken for a back-channel."""


def fit_timing(
    paths: str | Path | Sequence[str | Path],
    *,
    width: float = 0.02,
    smoothing: float = 0.02,
    join: float = 0.0,
    longest: float = 5.0,
    minimum: int = 5,
    name: str = "fitted",
) -> Timing:
    """Return the timing of the conversations in RTTM files.

    After the simulated conversations of Landini et al. (Interspeech 2022): pauses of one speaker, gaps between speakers
    and overlaps are counted apart, and drawn again by what follows what, with the share of changes that overlap.
    Speech inside another speaker's span of 4 s or more counts as a back-channel where it lasts at most 1 s (a very
    short utterance, after Edlund et al., Interspeech 2010); their number for each minute of such spans is kept.
    Interruptions are not: an RTTM file does not say whether a speaker had finished.

    Args:
        paths: RTTM files, or folders of ``.rttm`` files; a file may hold several recordings.
        width: of the bins of the histograms, in seconds.
        smoothing: standard deviation of the Gaussian kernel that spreads each time, in seconds, mirrored at 0; 0 keeps
            the bare counts.
        join: spans of one speaker at most so many seconds apart are made one first.
        longest: times above are left out, as the speakers were then not talking to each other, in seconds.
        minimum: how many times a law needs; with fewer, the one of ``natural`` is kept.
        name: what reports call the timing.

    Returns:
        A timing whose ``source`` tells files, recordings, numbers of times, smoothing, and the laws that were kept.

    Raises:
        UserError: if a file cannot be read, there are none, or no recording has a change of speaker.
        DialogFormatError: if a line is not as RTTM has it; names file and line.

    Example:
        >>> import tempfile
        >>> line = "SPEAKER call 1 {} 1.0 <NA> <NA> {} <NA> <NA>"
        >>> rttm = Path(tempfile.mkdtemp()) / "call.rttm"
        >>> _ = rttm.write_text("\\n".join(line.format(1.25 * turn, "AB"[turn % 2]) for turn in range(9)))
        >>> round(fit_timing(rttm, smoothing=0).gap.quantile(0.5), 2)
        0.25
    """
    if not (width > 0 and smoothing >= 0 and join >= 0 and longest > 0 and minimum >= 1):
        raise UserError(
            "fitting needs a width and a longest time above 0, smoothing and join from 0 on, and a minimum of 1"
        )
    files = _files(paths)
    found, recordings, short, minutes = Transfers(), 0, 0, 0.0
    for path in files:
        for spans in read_rttm(path).values():
            whole = joined(spans, join)
            found.add(transfers(whole))
            recordings += 1
            long = [one for one in whole if one.end - one.start >= LONG_TURN]
            short += sum(_answers(one, long) for one in whole)
            minutes += math.fsum(one.end - one.start for one in long) / 60
    if found.overlap_share is None:
        raise UserError(
            f"no change of speaker in {', '.join(map(str, files))}; give recordings of two speakers or more"
        )
    kept: list[str] = []
    natural = Timing()

    def law(key: str, times: list[float]) -> Law:
        inside = [one for one in times if one <= longest]
        if len(inside) >= minimum:
            return _histogram(inside, width, smoothing)
        kept.append(key)
        usual: Law = getattr(natural, key)
        return usual

    laws = law("gap", found.gaps), law("pause", found.pauses), law("overlap", found.overlaps)
    source: dict[str, Any] = {
        "files": [path.name for path in files],
        "recordings": recordings,
        "counts": {key: len(times) for key, times in found.json().items()},
        "width": width,
        "smoothing": smoothing,
        "join": join,
        "longest": longest,
        "kept_natural": kept,
    }
    return Timing(
        name=name,
        gap=laws[0],
        pause=laws[1],
        overlap=laws[2],
        overlap_share=found.overlap_share,
        max_gap=longest,
        max_overlap=0.9,
        backchannels=short / minutes if minutes else 0.0,
        source=source,
    )


def _files(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    files: list[Path] = []
    for path in map(Path, given):
        files += sorted(path.glob("*.rttm")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"no RTTM files in {', '.join(map(str, given)) or 'an empty list'}; their names end in .rttm")
    return files


def _answers(span: Span, long: Sequence[Span]) -> bool:
    """Whether a span is short and inside a long one of another speaker."""
    short = span.end - span.start <= SHORT
    return short and any(o.speaker != span.speaker and o.start <= span.start and span.end <= o.end for o in long)


def _histogram(times: list[float], width: float, smoothing: float) -> Histogram:
    """Return the smoothed histogram of times, from 0 on."""
    reach = 4 * smoothing
    bins = int((max(times) + reach) / width) + 1
    weights = [0.0] * bins
    for time in times:
        if not smoothing:
            weights[int(time / width)] += 1.0
            continue
        # The share of the kernel, and of its mirror image at 0, that falls into each bin.
        for bin_ in range(max(int((time - reach) / width), 0), min(int((time + reach) / width), bins - 1) + 1):
            for centre in (time, -time):
                left, right = (bin_ * width - centre) / smoothing, ((bin_ + 1) * width - centre) / smoothing
                weights[bin_] += _normal(right) - _normal(left)
    return Histogram(0.0, width, tuple(round(weight, 6) for weight in weights))


def _normal(value: float) -> float:
    return 0.5 * (1.0 + math.erf(value / math.sqrt(2.0)))
