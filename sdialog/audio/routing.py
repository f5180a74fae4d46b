"""Which of the two published ways to sound a call of ``to_audio`` means, told by its keywords."""

from __future__ import annotations

import inspect
import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

LEGACY_KEYWORDS = frozenset({
    "dir_audio", "dialog_dir_name", "dscaper_data_path", "room_name", "perform_room_acoustics", "tts_engine",
    "persona_to_voice_desc", "dscaper_datasets", "room", "speaker_positions", "background_effect",
    "foreground_effect", "foreground_effect_position", "kwargs_pyroom", "source_volumes", "audio_file_format",
    "recording_devices", "impulse_response_database", "override_tts_audio", "verbose", "overlap_pauses",
    "add_sound_effects", "sound_effects_datasets", "sound_effects_dropout", "skip_annotation", "remove_silences",
    "normalize", "callback_mix_fn", "callback_mix_kwargs", "room_acoustics_backend", "room_acoustics_backend_kwargs",
    "perform_tts",
})  # fmt: skip
"""Keywords that only the pipeline of version 0.4 has."""

_NEW_ONLY = MappingProxyType({"preset": None, "stereo": False, "sample_rate": 16000})


def is_legacy(options: Any) -> bool:
    """Tell whether keywords are those of the pipeline of version 0.4.

    Example:
        >>> is_legacy({"preset": "room"}), is_legacy({"seed": 1, "room_name": "office"})
        (False, True)
    """
    return not LEGACY_KEYWORDS.isdisjoint(options)


def to_audio(dialog: Dialog, path: Any = None, preset: Any = None, *more: Any, **options: Any) -> Any:
    """Render a dialog by the way that the keywords mean.

    Args:
        dialog: what is rendered.
        path: file of the result; for the pipeline of version 0.4 the folder ``dir_audio``.
        preset: scene by name; not of the pipeline.
        more: further arguments of :func:`sdialog.audio.synthesis.to_audio`, in its order.
        options: of :func:`sdialog.audio.synthesis.to_audio`, or of :func:`sdialog.audio.pipeline.to_audio`.

    Returns:
        A ``DialogAudio``, or from the pipeline an ``AudioDialog``.

    Raises:
        UserError: if keywords of both are given.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> to_audio(Dialog(turns=[Turn(speaker="Ann", text="Hi!")]), tts="tone", seed=1).speakers
        ['Ann']
    """
    from sdialog.audio.synthesis import to_audio as render

    if not is_legacy(options):
        return render(dialog, path, preset, *more, **options)
    names = list(inspect.signature(render).parameters)[3:]
    return _by_pipeline(dialog, path, preset, {**dict(zip(names, more, strict=False)), **options})


def _by_pipeline(dialog: Dialog, path: Any, preset: Any, options: dict[str, Any]) -> Any:
    from sdialog.audio.pipeline import to_audio as render

    old = sorted(LEGACY_KEYWORDS & set(options))
    warnings.warn(
        f"{', '.join(old)} belong to the pipeline of version 0.4, which renders this dialog into a folder; to_audio "
        "with preset=, reverb=, noise= and channel= does the same in memory",
        DeprecationWarning,
        stacklevel=4,
    )
    options["preset"] = preset
    ignored = [name for name, default in _NEW_ONLY.items() if options.pop(name, default) != default]
    if ignored:
        warnings.warn(f"{', '.join(ignored)} mean nothing beside {', '.join(old)}, and are ignored", stacklevel=4)
    if options.pop("perform_tts", True) is False:
        warnings.warn(
            "perform_tts=False is ignored by to_audio; AudioPipeline.inference takes it",
            DeprecationWarning,
            stacklevel=4,
        )
    if path is not None:
        options.setdefault("dir_audio", path)
    if isinstance(options.get("voices"), str):
        del options["voices"]  # "db", which the pipeline does anyway
    if "tts" in options:
        options.setdefault("tts_engine", options.pop("tts"))
    known = inspect.signature(render).parameters
    strange = [name for name in options if name not in known]
    if strange:
        raise UserError(
            f"{', '.join(strange)} cannot go with {', '.join(old)}, which belong to the pipeline of version 0.4: leave "
            "out the ones or the others"
        )
    return render(dialog, **options)
