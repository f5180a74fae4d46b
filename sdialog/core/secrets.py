"""Keeping keys, tokens and passwords out of everything that is written down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

HIDDEN = "***"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ALWAYS = _set(
    "apikey auth authorization bearer cookie cookies credential credentials jwt passcode passphrase passwd password "
    "pwd secret secrets "
    "accesskey accesstoken apitoken authtoken clientsecret privatekey refreshtoken secretkey sessiontoken"
)
_KEY_KINDS = _set(
    "access account anthropic api app auth azure client cohere consumer deepseek deploy encryption function functions "
    "gateway google groq host license litellm master mistral openai openrouter portkey private secret service session "
    "shared signing ssh storage subscription together x"
)
# What services want to be told with every request: values may be passes under any name, so only names are written.
_SENT_ALONG = _set("default_headers default_query extra_headers extra_query")
# Words before "token" that make it a piece of text, not a pass.
_TEXT_TOKENS = _set(
    "bos bot cls decoder end eos first forced image last mask max min new next pad per sep special start stop think unk"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def is_secret_name(name: object) -> bool:
    """Tell whether a value of this name must not be written down.

    Any spelling counts (``api_key``, ``apiKey``, ``X-API-Key``). Numbers of tokens and a tokenizer's special tokens
    are no secrets.

    Args:
        name: a keyword, header, environment variable or dict key; anything but a string is no secret.

    Example:
        >>> [is_secret_name(n) for n in ("api_key", "Authorization", "aws_session_token", "max_tokens", "eos_token")]
        [True, True, True, False, False]
    """
    if not isinstance(name, str):
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    if _ALWAYS.intersection(words) or "connectionstring" in "".join(words):
        return True
    if words and words[-1] in ("id", "value", "path", "file") and len(words) > 1:
        words = words[:-1]  # access_key_id, token_file
    if not words:
        return False
    before = words[-2] if len(words) > 1 else ""
    if words[-1] in ("key", "keys"):
        return before in _KEY_KINDS
    return words[-1] == "token" and before not in _TEXT_TOKENS


def without_secrets(value: T) -> T:
    """Return a copy without the entries whose names are secret, at any depth.

    Dicts, lists and tuples are searched; strings in them are passed through :func:`mask`, everything else is kept as
    it is.

    Args:
        value: what is about to be written down, usually a dict of options.

    Example:
        >>> without_secrets({"name": "openai:gpt-4.1", "api_key": "sk-1", "headers": {"Authorization": "Bearer x"}})
        {'name': 'openai:gpt-4.1', 'headers': {}}
    """
    return _clean(value)  # type: ignore[no-any-return]


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        open_entries = {name: entry for name, entry in value.items() if not is_secret_name(name)}
        return {
            name: _names_only(entry) if name in _SENT_ALONG else _clean(entry) for name, entry in open_entries.items()
        }
    if isinstance(value, list):
        return [_clean(entry) for entry in value]
    if isinstance(value, tuple):
        cleaned = [_clean(entry) for entry in value]
        return type(value)(*cleaned) if hasattr(value, "_fields") else tuple(cleaned)
    return mask(value) if isinstance(value, str) else value


def _names_only(value: Any) -> Any:
    """Hide every value of a mapping of headers or query parameters."""
    if not isinstance(value, Mapping):
        return _clean(value)
    return {name: HIDDEN for name in value if not is_secret_name(name)}


_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer)\s+(?!auth\w*\b|token\b|scheme\b)[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?basic)\s+[\w+/]+=*"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)\b(basic)\s+(?=[\w+/]*[\d=])[\w+/]{8,}=*"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"), HIDDEN),
    (re.compile(r"\b(?:sk|pk|rk)-[\w*-]{6,}"), HIDDEN),
    (re.compile(r"\b(?:hf_|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|gsk_)[\w-]{8,}"), HIDDEN),
    (re.compile(r"\bAIza[\w-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bya29\.[\w-]{10,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), HIDDEN),
    (re.compile(r"(?i)(api key provided:\s*)[^\s,;]+(?<![.])"), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"(?i)((?<![a-z])(?:[\w-]*(?:api[-_]?key|secret|password|passwd|token(?!s)|access[-_]?key(?:[-_]?id)?)"
            r"|authorization|[?&]key)[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*|bearer\b|basic\b)[^\s\"'&,;}\]]{6,}"
        ),
        rf"\1{HIDDEN}",
    ),
)


def mask(text: str) -> str:
    """Return a text with what looks like a key, token or password replaced by ``***``.

    For error messages and other text of services, where secrets have no name to go by: bearer headers, passwords in
    addresses, the key shapes of the common providers, and ``name=value`` pairs with a secret name.

    Example:
        >>> mask("401: key sk-proj-abcdef123456 refused, header 'Authorization: Bearer abcdefgh12345'")
        "401: key *** refused, header 'Authorization: Bearer ***'"
        >>> mask("max_tokens: 500000 is too many")
        'max_tokens: 500000 is too many'
    """
    for pattern, hidden in _MASKS:
        text = pattern.sub(hidden, text)
    return text
