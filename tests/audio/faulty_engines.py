"""Engines whose process dies, hangs or fails at certain words; a module of its own, so that workers can import it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from sdialog.audio.tts.tone import ToneTTS


class FaultyTTS(ToneTTS):
    """Beeps, but for texts with ``DIE``, ``STOP``, ``HANG`` or ``RAISE``; with ``ONCE`` only the first time.

    Args:
        folder: where it is remembered what has happened once.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder

    def speak(self, text: str, voice: Any, *, language: str = "english", seed: int = 0) -> Any:
        if "ONCE" not in text or self._first(text):
            if "DIE" in text:
                os.kill(os.getpid(), signal.SIGKILL)
            if "STOP" in text:
                os.kill(os.getpid(), signal.SIGSTOP)
            if "HANG" in text:
                time.sleep(1000)
            if "RAISE" in text:
                raise RuntimeError("no voice today")
        return super().speak(text, voice, language=language, seed=seed)

    def _first(self, text: str) -> bool:
        try:
            Path(self.folder, text.replace(" ", "-")).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def broken_factory(device: str) -> Any:
    """Fail to make an engine."""
    raise RuntimeError(f"no memory on {device}")


def tone_factory(device: str) -> Any:
    """Make a tone engine."""
    return ToneTTS()
