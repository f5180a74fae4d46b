"""Babble: several people talking at once, in voices of our own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdialog.audio.levels import active_level_db
from sdialog.audio.noises.base import noises, unit_power
from sdialog.audio.sound import Clip
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

SENTENCES = (
    "They moved the table closer to the window last night.",
    "Nobody told me that the shop closes early, so I walked home again.",
    "Two coffees, please, and whatever he wants.",
    "My sister says the train was late for the third time this week.",
    "If it rains tomorrow we can still meet under the old bridge.",
    "Could you hand me the blue folder over there?",
    "We counted them twice and there were always eleven.",
    "The garden looks better since they cut the hedge, I think.",
    "Let us wait a little longer before we ring him.",
    "That was the best soup I have had in years.",
)
TALKERS = 6
# Each talker's own speech, said again after that many seconds, from another place for each talker.
EACH = 12.0


@noises.register("babble")
def babble(
    n: int,
    rate: int,
    generator: numpy.random.Generator,
    *,
    talkers: int = TALKERS,
    clips: Sequence[Clip] | None = None,
    engine: Any = None,
    voices: Sequence[Any] | None = None,
) -> Samples:
    """Return several talkers at once, each at the same level and never all at their beginning.

    Args:
        n: samples.
        rate: samples a second.
        generator: where the numbers come from.
        talkers: how many, 1 to 64.
        clips: what they say; left out, an engine says sentences.
        engine: a speech engine; left out, the tone engine.
        voices: what the engine calls voices; left out, tone voices are drawn. Given an engine, give its voices.

    Returns:
        Array of shape (n,), power 1 in the band of speech.

    Raises:
        UserError: if the talkers are no number from 1 to 64, clips are silent, or an engine comes without voices.

    Example:
        >>> import numpy
        >>> babble(8000, 8000, numpy.random.Generator(numpy.random.PCG64(1)), talkers=3).shape
        (8000,)
    """
    numpy = need("numpy", extra="audio", why="make babble")
    if isinstance(talkers, bool) or not isinstance(talkers, int) or not 1 <= talkers <= 64:
        raise UserError(f"babble has 1 to 64 talkers, not {talkers!r}")
    if not n:
        return numpy.zeros(0, dtype=numpy.float32)  # type: ignore[no-any-return]
    out = numpy.zeros(n, dtype=numpy.float32)
    for talker in range(talkers):
        said = _from_clips(clips, rate, generator) if clips else _spoken(engine, voices, talker, rate, generator)
        level = active_level_db(said, rate)
        if level <= -110:
            raise UserError("a clip for babble is silent; give clips in which somebody speaks")
        start = int(generator.integers(len(said)))
        repeats = -(-(start + n) // len(said))
        out += numpy.tile(said, repeats)[start : start + n] * numpy.float32(10 ** (-level / 20))
    return unit_power(out, rate, "the babble")


def _from_clips(clips: Sequence[Clip], rate: int, generator: Any) -> Any:
    parts: list[Any] = []
    order = generator.permutation(len(clips))
    seconds = 0.0
    for number in order:
        clip = clips[int(number)].resampled(rate)
        parts += [clip.samples, _pause(rate, generator)]
        seconds += clip.duration
        if seconds >= EACH:
            break
    return _together(parts)


def _spoken(engine: Any, voices: Sequence[Any] | None, talker: int, rate: int, generator: Any) -> Any:
    if engine is not None and not voices:
        raise UserError("babble from an engine needs voices of that engine: give voices=[...]")
    if engine is None:
        from sdialog.audio.tts.base import engines

        made: Any = engines.get("tone")
        engine = made()
    voice = voices[talker % len(voices)] if voices else _tone_voice(generator)
    parts: list[Any] = []
    seconds = 0.0
    for number in generator.permutation(len(SENTENCES)):
        seed = int(generator.integers(2**31))
        clip = engine.speak(SENTENCES[int(number)], voice, seed=seed).resampled(rate)
        parts += [clip.samples, _pause(rate, generator)]
        seconds += clip.duration
        if seconds >= EACH:
            break
    return _together(parts)


def _tone_voice(generator: Any) -> dict[str, float]:
    tract = float(generator.uniform(0.8, 1.05))
    pitch = 110 / tract**3 * float(generator.uniform(0.85, 1.15))
    return {"pitch": pitch, "rate": float(generator.uniform(0.85, 1.2)), "tract": tract}


def _pause(rate: int, generator: Any) -> Any:
    numpy = need("numpy", extra="audio", why="make babble")
    return numpy.zeros(int(rate * generator.uniform(0.1, 0.6)), dtype=numpy.float32)


def _together(parts: list[Any]) -> Any:
    numpy = need("numpy", extra="audio", why="make babble")
    return numpy.concatenate(parts)
