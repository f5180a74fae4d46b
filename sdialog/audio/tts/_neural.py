"""What engines with a neural network share: how they read a text, and how they are loaded."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from sdialog.audio.normalizers import TextNormalizer, normalize_text
from sdialog.audio.speech_text import SpokenText, aligned, read
from sdialog.audio.tts.base import SpeechEngine
from sdialog.core.errors import MissingDependencyError


class NeuralTTS(SpeechEngine):
    """An engine that reads no digits and symbols, so that its text is written out in words.

    Args:
        text_normalizers: steps in place of ``speech_text.read``.
        unicode_to_ascii: write typographic marks in ASCII.
    """

    def __init__(self, text_normalizers: Sequence[TextNormalizer] | None = None, unicode_to_ascii: bool = True) -> None:
        super().__init__()
        self.text_normalizers = None if text_normalizers is None else list(text_normalizers)
        self.unicode_to_ascii = unicode_to_ascii
        self._loading = threading.Lock()

    def normalize(self, text: str, language: str = "english") -> SpokenText:
        """Return a text with words for numbers and symbols, or after the normalizers that were given."""
        if self.text_normalizers is not None:
            return aligned(text, normalize_text(text, self.text_normalizers))
        return read(text, language, plain_marks=self.unicode_to_ascii)

    def reading(self) -> dict[str, Any]:
        """Return how it reads texts, as JSON data."""
        steps = None if self.text_normalizers is None else [type(step).__name__ for step in self.text_normalizers]
        return {"text_normalizers": steps, "unicode_to_ascii": self.unicode_to_ascii}


def package(module: str, why: str, pip: str) -> ModuleType:
    """Return a package that no extra of sdialog brings.

    Args:
        module: its name.
        why: completes "is needed to ...".
        pip: what ``pip install`` takes.

    Raises:
        MissingDependencyError: if it cannot be imported; holds the pip line.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name if error.name and error.name.partition(".")[0] != module else module
        raise MissingDependencyError(
            f"{missing} is needed to {why} and is not installed. Install it with: pip install {pip}"
        ) from error
    except ImportError as error:
        raise MissingDependencyError(
            f"{module} is needed to {why} and does not load: {error}. Repair it with: pip install --upgrade {pip}"
        ) from error
