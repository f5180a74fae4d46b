"""Does a speaker say nothing?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from sdialog.evaluation.integrity.base import Fault, IntegrityDetector
from sdialog.evaluation.integrity.talk import Talk

_PLACEHOLDER = re.compile(
    r"[\[(<{]\s*(?:empty|blank|silence|silent|no (?:response|reply|answer|text|output|content)"
    r"|n/?a|none|null|end|eos|pad|/?s)"
    r"\s*[\])>}]|null|undefined|nan|<\|?(?:endoftext|im_end|eot_id|eos)\|?>",
    re.IGNORECASE,
)
# Signs that say something by themselves, as chats use them.
_SPEAKING = frozenset("?!？！؟+&@#%=")


class EmptyTurnDetector(IntegrityDetector):
    """Finds turns that say nothing: no letter, number, emoji, question or exclamation mark.

    What stands for nothing, such as ``[no response]`` or ``null``, counts as nothing.

    Args:
        name: what it is called in tables.
        ai_speaker: count only the faults of this speaker.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> [EmptyTurnDetector()(Dialog(turns=[Turn(speaker="Bot", text=text)])) for text in ("...", "?", "Okay.")]
        [1, 0, 0]
    """

    kind = "empty_turn"

    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield a fault for each empty turn."""
        for number, text in enumerate(talk.texts):
            if _PLACEHOLDER.fullmatch(text.strip()):
                yield Fault(number, talk.labels[number], "stands for nothing", text.strip())
            elif not any(_speaks(sign) for sign in text):
                yield Fault(number, talk.labels[number], "no words", text.strip())


def _speaks(sign: str) -> bool:
    """Return whether a sign says anything: a letter, a number, an emoji or the like."""
    return (
        sign in _SPEAKING or unicodedata.category(sign)[0] in "LN" or unicodedata.category(sign) in ("So", "Sc", "Sm")
    )
