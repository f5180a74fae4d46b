"""What models cost, as the user says."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from sdialog.core.errors import ConfigError
from sdialog.llm.types import Usage


class Price(NamedTuple):
    """Price of a model per million tokens, in whatever currency the user keeps to."""

    input: float
    output: float


class PriceTable:
    """Prices by model name.

    Prices change and differ by contract, so none of a service are built in; models that run in this process or on
    a machine of one's own (``embedded:``, ``huggingface:``, ``scripted:``, ``callable:``, ``ollama:``) cost nothing
    unless said otherwise.

    Args:
        prices: by name, or pattern with ``*`` and ``?``, a :class:`Price`, a pair (input, output), or a mapping with
            ``input`` and ``output``, per million tokens. A full name beats a pattern, a longer pattern a shorter one.
            Names may leave out the prefix: ``gpt-4.1`` is also ``openai:gpt-4.1``.

    Raises:
        ConfigError: if a price is not two numbers from 0 up.

    Example:
        >>> table = PriceTable({"openai:gpt-4.1*": {"input": 2.0, "output": 8.0}, "gpt-4.1-mini": (0.4, 1.6)})
        >>> table.price("openai:gpt-4.1-mini").output, table.price("openai:gpt-4.1").output
        (1.6, 8.0)
        >>> table.cost("openai:gpt-4.1", Usage(1, 1_000_000, 500_000))
        6.0
    """

    FREE = ("embedded:*", "huggingface:*", "scripted:*", "callable:*", "ollama:*")

    def __init__(self, prices: Mapping[str, Any] | None = None) -> None:
        self._prices = {name: Price(0.0, 0.0) for name in self.FREE}
        self._prices.update({str(name): _price(name, value) for name, value in (prices or {}).items()})

    @classmethod
    def load(cls, path: str | Path) -> PriceTable:
        """Read a YAML (or JSON) file of the same shape as ``prices``.

        Raises:
            ConfigError: if it cannot be read or is no such mapping.
        """
        import yaml

        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"price file {path} cannot be read: {error}") from error
        if not isinstance(content, Mapping):
            raise ConfigError(f"price file {path} must map model names to input and output prices")
        return cls(content)

    def price(self, model: str) -> Price | None:
        """Return the price of a model, or None if nobody gave one."""
        names = (model, model.partition(":")[2] or model)
        fitting = [pattern for pattern in self._prices if any(fnmatchcase(name, pattern) for name in names)]
        best = max(fitting, key=lambda pattern: (pattern in names, len(pattern), pattern), default=None)
        return None if best is None else self._prices[best]

    def cost(self, model: str, usage: Usage) -> float | None:
        """Return what the tokens of ``usage`` cost, or None if the price is not known."""
        price = self.price(model)
        if price is None:
            return None
        return (usage.input_tokens * price.input + usage.output_tokens * price.output) / 1_000_000

    def __repr__(self) -> str:
        return f"PriceTable({self._prices!r})"


def _price(name: object, value: Any) -> Price:
    pair: Any = (value.get("input"), value.get("output")) if isinstance(value, Mapping) else value
    try:
        found = Price(*(float(number) for number in pair))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"the price of {name!r} must be an input and an output price per million tokens, not {value!r}"
        ) from error
    if min(found) < 0:
        raise ConfigError(f"the price of {name!r} is negative: {value!r}")
    return found
