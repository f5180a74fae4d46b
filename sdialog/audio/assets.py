"""Where the data files of the audio part are: voices, rooms, scenes, noises and microphones."""

from __future__ import annotations

from pathlib import Path

from sdialog.core.errors import ConfigError, UnknownNameError

_HERE = Path(__file__).resolve().parent
# An installed package carries the files beside this module; a checkout has them in its top folder.
_PLACES = (_HERE / "data", _HERE.parent.parent / "audio_assets")


def asset(*parts: str) -> Path:
    """Return the path of a file or folder that ships with the package.

    Args:
        parts: steps below ``audio_assets``, such as ``"rooms", "office.yaml"``.

    Raises:
        ConfigError: if the installation lacks it.

    Example:
        >>> asset("scenes", "clean.yaml").is_file()
        True
    """
    for place in _PLACES:
        path = place.joinpath(*parts)
        if path.exists():
            return path
    raise ConfigError(f"this installation of sdialog lacks its file audio_assets/{'/'.join(parts)}; install it again")


def asset_names(folder: str, suffix: str = ".yaml") -> list[str]:
    """Return the names of the shipped files in a folder, without their suffix, sorted."""
    return sorted(path.stem for path in asset(folder).iterdir() if path.suffix == suffix)


def named_file(kind: str, folder: str, name: str | Path, suffix: str = ".yaml") -> Path:
    """Return the file that a name or a path means: a shipped one by name, any other by path.

    Args:
        kind: what it is called in messages, such as ``"room"``.
        folder: where the shipped ones are.
        name: a shipped name, or a path that ends in ``suffix``.
        suffix: of the files.

    Raises:
        UnknownNameError: if there is neither.
    """
    text = str(name)
    if text.endswith(suffix) or "/" in text:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        raise UnknownNameError(kind, text, asset_names(folder, suffix), hint="no such file")
    if text in asset_names(folder, suffix):
        return asset(folder, text + suffix)
    raise UnknownNameError(kind, text, asset_names(folder, suffix))
