"""Prompt templates: sandboxed Jinja2 files, rendered by name and identified by hash."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

FOLDER = Path(__file__).resolve().parent.parent / "prompts"


def names() -> list[str]:
    """Return the names of the built-in templates, such as ``agent/persona``."""
    return sorted(p.relative_to(FOLDER).with_suffix("").as_posix() for p in FOLDER.rglob("*.j2"))


def source(name: str | Path) -> str:
    """Return a template's text.

    Args:
        name: a built-in name such as ``agent/persona``, or the path of a template file.

    Raises:
        UnknownNameError: if it is neither.
    """
    for path in (FOLDER / f"{name}.j2", Path(name)):
        if path.is_file():
            return _read(path, path.stat().st_mtime_ns)
    raise UnknownNameError("prompt template", str(name), names(), "A path to a file of your own works too.")


def render(name: str | Path, **values: Any) -> str:
    """Render a template file with ``values``.

    Args:
        name: a built-in name or the path of a template file.
        values: the template's variables.

    Returns:
        The text, stripped at both ends.

    Raises:
        UnknownNameError: if there is no such template.
        ConfigError: if the template is broken or uses a variable that was not given.

    Example:
        >>> "Ava" in render("agent/persona", persona='{"name": "Ava"}', can_finish=True, stop_word="STOP",
        ...                 context=None, dialogue_details="", response_details="", example_dialogs=[])
        True
    """
    return render_text(source(name), label=str(name), **values)


def render_text(template: str, *, label: str = "prompt", **values: Any) -> str:
    """Render a template given as text; ``label`` names it in errors."""
    from jinja2 import TemplateError

    try:
        return str(_compiled(template).render(**values)).strip()
    except TemplateError as error:
        raise ConfigError(f"prompt template {label!r} cannot be rendered: {error}") from error


def template_hash(name: str | Path) -> str:
    """Return 16 hex digits that change whenever the template's text does."""
    return hashlib.blake2b(source(name).encode(), digest_size=8).hexdigest()


def inside(value: object, tag: str) -> str:
    """Make text safe to stand between ``<tag>`` and ``</tag>``: a closing tag within it is disarmed."""
    return str(value).replace(f"</{tag}", f"<\u200b/{tag}")


@lru_cache(maxsize=128)
def _read(path: Path, _modified: int) -> str:
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False, trim_blocks=False
    )
    environment.filters["inside"] = inside
    return environment


@lru_cache(maxsize=256)
def _compiled(template: str) -> Any:
    return _environment().from_string(template)
