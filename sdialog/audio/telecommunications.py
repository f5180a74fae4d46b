"""A telephone call: each speaker in a room of their own, on a line of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdialog.audio.acoustics.backends import BaseRoomAcousticsBackend, RoomAcousticsConfig
from sdialog.audio.channels.base import channel_from
from sdialog.audio.files import write_audio
from sdialog.audio.legacy.environment import Environment
from sdialog.audio.legacy.hearing import hear
from sdialog.audio.legacy.recordings import finished, mixed_images, room_file
from sdialog.audio.legacy.tracks import speech_level_db
from sdialog.audio.levels import SPEECH_LEVEL_DB
from sdialog.audio.rooms.room import Room
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.acoustics.cache import RirCache
    from sdialog.audio.dialog import AudioDialog

MIXING = ("mono", "stereo")

_SIDE = re.compile(r"(speaker_\d+)(?:_(.*))?")


class TelecommunicationsBackend(BaseRoomAcousticsBackend):
    """A telephone call: what each side's microphone hears goes through that side's codec.

    The codecs are the real ones where the installed packages have them; ``rendering["rooms"]`` tells which are
    simulated. The levels of the two sides keep their difference.

    Args:
        codec: of both sides: a channel, such as ``g711``, ``amr_nb`` or ``handset+g729``.
        speaker_codecs: of a role, in place of it.
        mixing_strategy: ``mono`` for one channel, ``stereo`` for the first speaker on the left, the second on the
            right and all others on both.

    Raises:
        UnknownNameError: if there is no such codec or strategy.

    Example:
        >>> TelecommunicationsBackend(codec="amr", mixing_strategy="stereo").channel("speaker_1").name
        'amr_nb'
    """

    name = "telecommunications"
    requires_room = False
    one_room_each = True

    def __init__(
        self, codec: Any = "g711", speaker_codecs: Mapping[str, Any] | None = None, mixing_strategy: str = "mono"
    ) -> None:
        if mixing_strategy not in MIXING:
            raise UnknownNameError("mixing strategy", str(mixing_strategy), MIXING)
        self.mixing_strategy = mixing_strategy
        self._codec = channel_from(codec)
        self._codecs = {str(role): channel_from(one) for role, one in (speaker_codecs or {}).items()}

    def channel(self, role: str) -> Any:
        """Return the line of a role."""
        return self._codecs.get(role, self._codec)

    def simulate(
        self,
        dialog: AudioDialog,
        room: Room | None,
        dialog_directory: str,
        room_name: str,
        audio_file_format: str = "wav",
        environment: Mapping[str, Any] | None = None,
        callback_mix_fn: Callable[..., Any] | None = None,
        callback_mix_kwargs: Mapping[str, Any] | None = None,
        sampling_rate: int = 44_100,
        *,
        normalize: bool = True,
        seed: int = 0,
        rirs: RirCache | None = None,
    ) -> AudioDialog:
        """Render a call; see :class:`~sdialog.audio.acoustics.backends.BaseRoomAcousticsBackend`.

        Args:
            dialog: with audio sources; their position is a role, or begins with one.
            room: of the roles that have none in ``environment["speaker_rooms"]``.
            dialog_directory: folder of the dialog, below its ``audio_dir_path``.
            room_name: what the recording is called.
            audio_file_format: ``wav``, ``flac`` or ``mp3``.
            environment: ``speaker_rooms``, ``source_volumes``, ``kwargs_pyroom``.
            callback_mix_fn: mixes the two lines in place of the strategy: gets (sides, 1, n).
            callback_mix_kwargs: its arguments.
            sampling_rate: samples a second.
            normalize: bring the recording to an RMS of 0.05.
            seed: of rooms and lines.
            rirs: where impulse responses are kept.

        Raises:
            UserError: if a role has no room.
        """
        numpy = need("numpy", extra="audio", why="mix sound")
        around = Environment.from_data(environment)
        sides, told, rooms = {}, {}, {}
        for number, role in enumerate(dialog.speakers_names):
            own = around.rooms.get(role) or room or around.room
            if own is None:
                raise UserError(
                    f"{role} has no room: give environment={{'speaker_rooms': {{{role!r}: Room(...)}}}}, or one room "
                    "for both as environment={'room': Room(...)}"
                )
            sides[role], told[role], rooms[role] = self._side(
                dialog, role, own, around, sampling_rate, derive_seed(seed, "side", number), rirs
            )
        length = max(map(len, sides.values()))
        heard = {role: numpy.pad(samples, (0, length - len(samples))) for role, samples in sides.items()}
        gain = numpy.float32(10 ** ((SPEECH_LEVEL_DB - speech_level_db(list(heard.values()), sampling_rate)) / 20))
        lines = {}
        for number, (role, samples) in enumerate(heard.items()):
            sent = self.channel(role).apply(samples * gain, sampling_rate, derive_seed(seed, "line", number))
            lines[role], told[role]["line"] = sent.samples, sent.json()
        mixed = self._mixed(list(lines.values()), callback_mix_fn, callback_mix_kwargs)
        path = room_file(dialog, dialog_directory, room_name, audio_file_format)
        written = write_audio(path, finished(mixed, sampling_rate, normalize), sampling_rate)
        different = len({one.digest() for one in rooms.values()}) > 1 or around.rooms
        first = next(iter(rooms.values()))
        before = dialog.audio_step_3_filepaths.get(room_name)
        dialog.audio_step_3_filepaths[room_name] = RoomAcousticsConfig(
            audio_path=str(path),
            microphone_position=first.mic_position,
            room_name=room_name,
            room=dict(rooms) if different else first,
            source_volumes=dict(around.volumes),
            kwargs_pyroom=dict(around.options),
            background_effect=around.whole.background,
            foreground_effect=around.whole.foreground,
            foreground_effect_position=around.whole.position,
            audio_paths_post_processing=dict(before.audio_paths_post_processing) if before else {},
        )
        dialog.rendering.setdefault("rooms", {})[room_name] = {
            "sides": told,
            "mixing_strategy": self.mixing_strategy,
            "around": {role: _around(around, role) for role in sides},
            "seed": seed,
            "file": written.json(),
        }
        return dialog

    def _side(
        self,
        dialog: AudioDialog,
        role: str,
        room: Room,
        around: Environment,
        rate: int,
        seed: int,
        rirs: RirCache | None,
    ) -> tuple[Any, dict[str, Any], Room]:
        """Return what the microphone of one side hears, as an array of shape (n,)."""
        sources = []
        for source in dialog.get_audio_sources():
            found = _SIDE.fullmatch(source.position)
            if found is None or found[1] != role:
                continue
            sources.append(replace(source, position=found[2] or role))
        heard = hear(
            sources,
            room,
            {role: dialog.speakers_names[role]},
            rate,
            volumes=around.volumes,
            options=around.options,
            seed=seed,
            rirs=rirs,
        )
        return heard.images.sum(axis=0)[0], heard.info, heard.room

    def _mixed(self, lines: list[Any], callback: Callable[..., Any] | None, options: Mapping[str, Any] | None) -> Any:
        numpy = need("numpy", extra="audio", why="mix sound")
        stack = numpy.stack(lines)
        if callback is not None:
            mixed = mixed_images(stack[:, None], callback, options)
            return mixed[0] if len(mixed) == 1 else mixed.T
        if self.mixing_strategy == "mono":
            return stack.sum(axis=0)
        rest = stack[2:].sum(axis=0) if len(stack) > 2 else numpy.zeros_like(stack[0])
        right = stack[1] if len(stack) > 1 else numpy.zeros_like(stack[0])
        return numpy.stack([stack[0] + rest, right + rest], axis=1)


def _around(around: Environment, role: str) -> dict[str, str]:
    one = around.around(role)
    return {"background": one.background, "foreground": one.foreground, "position": one.position}
