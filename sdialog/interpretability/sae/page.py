"""Feature cards as one HTML page: no other file and no network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from sdialog._version import __version__
from sdialog.core.errors import UserError
from sdialog.interpretability.sae.cards import Example, FeatureCard

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def page(cards: Sequence[FeatureCard], title: str = "Features") -> str:
    """Return feature cards as the text of an HTML page; the same cards give the same text.

    Words are the darker the more active the feature is on them.

    Args:
        cards: what to show.
        title: of the page.

    Raises:
        UserError: if there are no cards.

    Example:
        >>> from sdialog.interpretability.sae.cards import Example
        >>> shown = Example(("a ", "<b>"), (0.0, 2.0), 1, "d1", 0, 1)
        >>> text = page([FeatureCard(5, 2, 0.5, 2.0, 2.0, top=(shown,))], "A & B")
        >>> "<h1>A &amp; B</h1>" in text, "&lt;b&gt;" in text, "<b>" in text
        (True, True, False)
    """
    if not cards:
        raise UserError("there are no feature cards to show")
    shown = [{"card": card, "groups": _groups(card)} for card in cards]
    return str(_template().render(title=title, version=__version__, cards=shown))


def write_page(cards: Sequence[FeatureCard], path: str | Path, title: str = "Features") -> Path:
    """Write feature cards as an HTML page; folders are made.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(cards, title), encoding="utf-8")
    return target


def _groups(card: FeatureCard) -> list[dict[str, Any]]:
    drawn = [(f"Drawn, from {one.low:.3g} to {one.high:.3g}", one.examples) for one in card.quantiles]
    return [
        {"title": title, "examples": [_example(one, card.largest) for one in examples]}
        for title, examples in (("Strongest", card.top), *drawn, ("Silent", card.silent))
        if examples
    ]


def _example(example: Example, largest: float) -> dict[str, Any]:
    words = [
        {
            "text": token.replace("\n", "⏎"),
            "value": value,
            # Steps of a twentieth are as fine as the eye tells.
            "shade": 0.0 if value <= 0 or not largest else max(0.05, round(20 * min(1.0, value / largest)) / 20),
            "peak": place == example.peak and value > 0,
        }
        for place, (token, value) in enumerate(zip(example.tokens, example.activations, strict=True))
    ]
    return {"words": words, "source": example.source, "value": example.activation}


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
