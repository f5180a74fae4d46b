"""Rules for attributes, checked before anything runs: their form, and whether the attribute can take what they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.seeds import rng

if TYPE_CHECKING:
    from sdialog.core.attributes import AttributeModel
    from sdialog.generators.rules import Rule


def checked_rule(name: str, value: Any, cls: type[AttributeModel], folder: Path) -> Rule | None:
    """Return the rule of one attribute; None if there is none.

    Args:
        name: the attribute.
        value: its rule as written.
        cls: the class that has the attribute.
        folder: where files in rules start.

    Raises:
        UnknownNameError: if the class has no such attribute, or there is no such rule.
        ConfigError: if the rule is written wrongly, draws from a file that cannot be used, or gives a value that the
            attribute cannot take.

    Example:
        >>> from sdialog.personas import Customer
        >>> checked_rule("age", {"18-80": None}, Customer, Path())
        Traceback (most recent call last):
            ...
        sdialog.core.errors.ConfigError: rule for 'age': YAML reads {18-80} as a mapping; put it in quotes: "{18-80}"
    """
    from sdialog.generators.rules import parse_all

    unquoted = _unquoted(value, folder)
    if unquoted is not None:
        raise ConfigError(f'rule for {name!r}: YAML reads {unquoted} as a mapping; put it in quotes: "{unquoted}"')
    rule = parse_all({name: value}, cls, folder=folder).get(name)
    if rule is not None:
        _check_fit(name, rule, cls)
    return rule


def fixed_name(target: type[AttributeModel] | AttributeModel, rules: Mapping[str, Any], folder: Path) -> str | None:
    """Return the name that every object made of ``target`` and ``rules`` bears, or None if it is drawn or unset.

    Raises:
        UserError: if the rule for the name is written wrongly.
    """
    from sdialog.generators.rules import Fixed, parse

    if rules.get("name") is None:
        found = None if isinstance(target, type) else getattr(target, "name", None)
    else:
        rule = parse(rules["name"], folder=folder)
        found = rule.value if isinstance(rule, Fixed) else None
    return found if isinstance(found, str) and found.strip() else None


def _check_fit(name: str, rule: Rule, cls: type[AttributeModel]) -> None:
    from sdialog.generators.fitting import fit

    for value in _possible(name, rule):
        values, wrong = fit(cls, {name: value})
        if name in wrong:
            complaint = wrong[name][0].lower() + wrong[name][1:]
            raise ConfigError(f"{cls.__name__}.{name} cannot be {values[name]!r}: {complaint}")


def _possible(name: str, rule: Rule) -> Iterator[object]:
    """Yield what a rule may give: all of it, the ends of a range, or one entry of a file."""
    from sdialog.generators.rules import Choice, Fixed, FromFile, Range

    if isinstance(rule, Fixed):
        yield rule.value
    elif isinstance(rule, Choice):
        yield from rule.options
    elif isinstance(rule, Range):
        yield from (float(end) if rule.decimals else int(end) for end in (rule.low, rule.high))
    elif isinstance(rule, FromFile):
        yield rule.draw(rng(0, name))


def _unquoted(value: Any, folder: Path) -> str | None:
    """Return the rule in braces that somebody meant by a mapping of one entry: ``{18-80}`` without its quotes."""
    from sdialog.generators.rules import parse

    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((key, rest),) = value.items()
    spelled = f"{{{key}}}" if rest is None else f"{{{key}: {rest}}}"
    try:
        parse(spelled, folder=folder)
    except UserError:  # no rule in quotes either, so a mapping it is
        return None
    return spelled
