"""What an earlier run of the pipeline left in the folder of a dialog, and what of it still holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sdialog.audio.dialog import AudioDialog
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

FILE = "audio_dialog.json"

_OF_ROOMS = ("rooms", "speech_digest")


def with_saved(dialog: Dialog, folder: Path, *, speak: bool, override: bool) -> tuple[AudioDialog, bool]:
    """Return a dialog with the sound that it has or that an earlier run left, and whether that is used.

    A dialog with other words is never replaced by the saved one.

    Args:
        dialog: with or without sound.
        folder: of the dialog.
        speak: whether turns are spoken.
        override: whether turns that have sound are spoken again.

    Raises:
        UserError: if nothing is to be spoken and neither the dialog nor the folder has its sound.
    """
    given = AudioDialog.from_dialog(dialog)
    given._update_speakers_roles()
    saved = _read(folder)
    same = saved is not None and _words(saved) == _words(given)
    if saved is not None and same:
        # Recordings in rooms stay known; those that are out of date are dropped once the speech is known.
        given.audio_step_3_filepaths = {**saved.audio_step_3_filepaths, **given.audio_step_3_filepaths}
        kept = _OF_ROOMS if speak and override else tuple(saved.rendering)
        given.rendering = {**{key: saved.rendering[key] for key in kept if key in saved.rendering}, **given.rendering}
    if speak and override:
        return given, False
    if saved is not None and same and not all(turn.spoken for turn in given.turns if turn.text.strip()):
        for own, old in zip(given.turns, saved.turns, strict=True):
            if old.spoken:
                for name in type(old).model_fields:
                    setattr(own, name, getattr(old, name))
    missing = [number for number, turn in enumerate(given.turns) if turn.text.strip() and not turn.spoken]
    if missing and not speak:
        why = "was made of other words" if saved is not None and not same else "does not have it either"
        raise UserError(
            f"turn {missing[0]} has no sound and perform_tts is False; {folder / FILE} "
            f"{why if saved is not None else 'is not there'}: run with perform_tts=True"
        )
    return given, not missing


def speech_digest(dialog: AudioDialog) -> str:
    """Return a name for the speech of a dialog: the files of its turns, and when they begin."""
    digest = hashlib.blake2b(digest_size=16)
    for turn in dialog.turns:
        digest.update(json.dumps([dialog.role(turn), round(turn.audio_start_time, 9)]).encode())
        if turn.audio_path and Path(turn.audio_path).is_file():
            digest.update(Path(turn.audio_path).read_bytes())
    return digest.hexdigest()


def drop_outdated(dialog: AudioDialog) -> None:
    """Forget recordings in rooms whose speech was another one, or whose file is gone, and note today's speech."""
    digest = speech_digest(dialog)
    told = dialog.rendering.get("rooms", {})
    stale = dialog.rendering.get("speech_digest") not in (None, digest)
    for name, config in list(dialog.audio_step_3_filepaths.items()):
        if stale or not config.audio_path or not Path(config.audio_path).is_file():
            del dialog.audio_step_3_filepaths[name]
            told.pop(name, None)
    dialog.rendering["speech_digest"] = digest


def _read(folder: Path) -> AudioDialog | None:
    path = folder / FILE
    if not path.is_file():
        return None
    saved: AudioDialog = AudioDialog.from_file(path)
    return saved


def _words(dialog: AudioDialog) -> list[tuple[str | None, str]]:
    return [(turn.speaker, turn.text) for turn in dialog.turns]
