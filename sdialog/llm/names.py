"""Model names: which backend a name such as ``ollama:qwen3:14b`` or ``org/model`` belongs to.

The rules, in this order: a known prefix before the first colon decides (``openai:gpt-4.1``, in any letter case); a
prefix that looks like a misspelt one is an error; of the other names, those with a slash are Hugging Face models
(``org/model``) and those without are Ollama models (``qwen3:14b``).
"""

from __future__ import annotations

from typing import NamedTuple

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.llm.protocol import backends

ALIASES = {
    "azure-openai": "azure",
    "azure_openai": "azure",
    "aws": "bedrock",
    "amazon": "bedrock",
    "google-genai": "google",
    "google_genai": "google",
}
"""Other spellings of prefixes, known before the backend's module is imported."""


class ModelName(NamedTuple):
    """A model name taken apart.

    Attributes:
        backend: the backend's registered name, such as ``bedrock``.
        model: what the backend calls the model, such as ``anthropic.claude-sonnet``.
    """

    backend: str
    model: str


def parse(name: str) -> ModelName:
    """Take a model name apart.

    Raises:
        ConfigError: if the name, or the part after its prefix, is empty.
        UnknownNameError: if the prefix looks like a misspelt one.

    Example:
        >>> parse("aws:meta.llama3").backend, parse("qwen3:14b").backend, parse("org/model").backend
        ('bedrock', 'ollama', 'huggingface')
        >>> parse("opneai:gpt-4.1")
        Traceback (most recent call last):
        ...
        sdialog.core.errors.UnknownNameError: unknown model prefix 'opneai'; did you mean 'openai'?
    """
    name = name.strip()
    if not name:
        raise ConfigError("a model name is empty; give one such as 'embedded:mini', 'ollama:qwen3:14b' or 'org/model'")
    prefix, colon, rest = name.partition(":")
    if colon and "/" not in prefix:
        folded = prefix.strip().lower()
        backend = ALIASES.get(folded, folded)
        if backend in backends:
            if not rest.strip():
                raise ConfigError(f"model name {name!r} ends after its prefix; add the model, as in '{prefix}:<model>'")
            return ModelName(backend, rest.strip())
        near = _meant(folded)
        if near is not None:
            raise UnknownNameError("model prefix", prefix, [near])
    return ModelName("huggingface" if "/" in name else "ollama", name)


def backend_of(name: object) -> str | None:
    """Return the name of the backend a model name belongs to, or None for what is not a valid name.

    Example:
        >>> backend_of("OpenAI:gpt-4.1"), backend_of(""), backend_of(42)
        ('openai', None, None)
    """
    if not isinstance(name, str):
        return None
    try:
        return parse(name).backend
    except (ConfigError, UnknownNameError):
        return None


def is_openai_model_name(model_name: object) -> bool:
    """Tell whether a name means a model of an OpenAI-compatible service."""
    return backend_of(model_name) == "openai"


def is_amazon_model_name(model_name: object) -> bool:
    """Tell whether a name means a model on Amazon Bedrock."""
    return backend_of(model_name) == "bedrock"


def is_google_genai_model_name(model_name: object) -> bool:
    """Tell whether a name means a Google GenAI model."""
    return backend_of(model_name) == "google"


def is_anthropic_model_name(model_name: object) -> bool:
    """Tell whether a name means an Anthropic model."""
    return backend_of(model_name) == "anthropic"


def is_azure_openai_model_name(model_name: object) -> bool:
    """Tell whether a name means a deployment on Azure OpenAI."""
    return backend_of(model_name) == "azure"


def is_ollama_model_name(model_name: object) -> bool:
    """Tell whether a name means an Ollama model.

    Example:
        >>> is_ollama_model_name("llama3:8b"), is_ollama_model_name("ollama:hf.co/org/model")
        (True, True)
    """
    return backend_of(model_name) == "ollama"


def is_huggingface_model_name(model_name: object) -> bool:
    """Tell whether a name means a Hugging Face model.

    Example:
        >>> is_huggingface_model_name("org/model"), is_huggingface_model_name("openai:org/model")
        (True, False)
    """
    return backend_of(model_name) == "huggingface"


def edits(a: str, b: str) -> int:
    """Return how many letters must be added, dropped, changed or swapped with a neighbour to turn ``a`` into ``b``.

    The optimal string alignment distance (Damerau, 1964).

    Example:
        >>> edits("opneai", "openai"), edits("temprature", "temperature")
        (1, 1)
    """
    before_last: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, before_last[j - 2] + 1)
            row.append(best)
        before_last, last = last, row
    return last[-1]


def _meant(prefix: str) -> str | None:
    """Return the known prefix that this one misspells, or None for the family name of an Ollama model."""
    if prefix.startswith("llama"):  # one letter from "ollama", and the commonest family there
        return None
    known = [name for name in [*backends.names(), *ALIASES] if len(name) >= 5]
    distance, nearest = min((edits(prefix, name), name) for name in known)
    return nearest if distance <= 1 + (len(prefix) >= 8) else None
