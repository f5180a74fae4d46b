"""Sounds other than speech by name: the published names, the noises of the package, and files of your own."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sdialog.audio.files import SUFFIXES, audio_files, read_audio
from sdialog.audio.noises.base import noises, unit_power
from sdialog.audio.noises.recorded import recorded_noise
from sdialog.audio.sound import mono, resample
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

NONE = "none"
"""What the metadata say where there is no such sound."""

PUBLISHED = MappingProxyType(
    {
        "white_noise": ("white", 0.0),
        "fan_noise": ("fan", 0.0),
        "ac_noise_loud": ("fan", 0.0),
        "ac_noise_medium": ("fan", -6.0),
        "ac_noise_low": ("fan", -12.0),
        "ac_noise_minimal": ("fan", -18.0),
    }
)
"""The published names: which noise stands for each, and how much softer it is, in dB."""

PUBLISHED_SETS = ("sdialog/background", "sdialog/foreground", "sdialog/sound_events")
EVENT_SECONDS = 2.0
"""How long a noise lasts that is heard once."""

_FADE = 0.05
_NOT_BY_NAME = ("recorded", "ambience")


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound that can be heard.

    Attributes:
        name: what it is called.
        source: name of a noise, or a file, or a folder of files of which one is drawn.
        level_db: how much louder than others.
    """

    name: str
    source: str
    level_db: float = 0.0

    def lasting(self, n: int, rate: int, generator: Any) -> Samples:
        """Return ``n`` samples of it, with power 1 in the band of speech, times its level."""
        numpy = need("numpy", extra="audio", why="make sounds")
        if self.source in noises:
            made = noises.get(self.source)(n, rate, generator)
        else:
            made = recorded_noise(self.source, n, rate, generator)[0]
        louder: Samples = made * numpy.float32(10 ** (self.level_db / 20))
        return louder

    def once(self, rate: int, generator: Any) -> Samples:
        """Return it from beginning to end: a file as long as it is, a noise for two seconds with soft ends."""
        numpy = need("numpy", extra="audio", why="make sounds")
        if self.source in noises:
            n, fade = round(EVENT_SECONDS * rate), round(_FADE * rate)
            made = self.lasting(n, rate, generator)
            rise = numpy.sin(numpy.linspace(0, numpy.pi / 2, fade, dtype=numpy.float32)) ** 2
            made[:fade] *= rise
            made[-fade:] *= rise[::-1]
            return made
        files = audio_files(self.source)
        samples, own = read_audio(files[int(generator.integers(len(files)))])
        whole = unit_power(resample(mono(samples), own, rate), rate, self.source)
        return whole * numpy.float32(10 ** (self.level_db / 20))  # type: ignore[no-any-return]


class SoundLibrary:
    """Sounds by name.

    Args:
        folders: of sound files: a file is called by its stem, a folder in them by its own name, and then one of its
            files is drawn.

    Example:
        >>> library = SoundLibrary()
        >>> library.find("ac_noise_low").source, "keyboard" in library.names()
        ('fan', True)
    """

    def __init__(self, folders: Iterable[str | Path] = ()) -> None:
        self._own: dict[str, Sound] = {}
        for folder in folders:
            self.add(folder)

    def add(self, folder: str | Path, prefix: str = "") -> dict[str, int]:
        """Take in the sound files of a folder.

        Args:
            folder: on this machine; the published sets of the hub are known, and nothing is downloaded for them.
            prefix: before each name, with ``|`` between.

        Returns:
            How many sounds were taken in (``success``), were there (``existing``) or could not be (``error``).

        Raises:
            UserError: if there is no such folder.
        """
        counts = {"success": 0, "existing": 0, "error": 0}
        if str(folder) in PUBLISHED_SETS:
            warnings.warn(
                f"{folder} is not downloaded: noises of the package stand for its sounds ({', '.join(PUBLISHED)})",
                DeprecationWarning,
                stacklevel=3,
            )
            return {**counts, "existing": len(PUBLISHED)}
        place = Path(folder).expanduser()
        if not place.is_dir():
            raise UserError(
                f"there is no folder of sounds {folder}; download it, or leave it out and use noises by name"
            )
        for path in sorted(place.iterdir()):
            if path.is_dir():
                if not any(file.suffix.lower() in SUFFIXES for file in path.rglob("*")):
                    continue
            elif path.suffix.lower() not in SUFFIXES:
                continue
            name = f"{prefix}|{path.stem}" if prefix else path.stem
            counts["existing" if name in self._own else "success"] += 1
            self._own[name] = Sound(name, str(path))
        return counts

    def names(self) -> list[str]:
        """Return what can be heard, sorted."""
        built_in = [name for name in noises.names() if name not in _NOT_BY_NAME]
        return sorted({*self._own, *PUBLISHED, *built_in})

    def find(self, name: str) -> Sound:
        """Return the sound of a name, or the one in a file or folder.

        Raises:
            UnknownNameError: if there is none; names near ones.
        """
        if name in self._own:
            return self._own[name]
        if name in PUBLISHED:
            source, level = PUBLISHED[name]
            return Sound(name, source, level)
        if name in noises and name not in _NOT_BY_NAME:
            return Sound(name, name)
        if Path(name).exists() and ("/" in name or Path(name).suffix.lower() in SUFFIXES):
            return Sound(Path(name).stem, name)
        raise UnknownNameError("sound", name, self.names(), "A sound file or a folder of them serves too.")
