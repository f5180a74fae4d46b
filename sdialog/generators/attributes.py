"""Attribute models filled in: by rules first, and by a language model where a rule says so.

:func:`fill` makes one object of a persona class (or of any attribute model); the generators are built on
:func:`build`, which also tells which model wrote and what it cost.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sdialog.core.attributes import AttributeModel
from sdialog.core.errors import ConfigError, OutputParseError
from sdialog.core.seeds import derive_seed
from sdialog.core.seeds import rng as named_rng
from sdialog.generators.fitting import fit
from sdialog.generators.rules import Filled, apply_rules
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from sdialog.llm.scheduler import Client, Scheduler

A = TypeVar("A", bound=AttributeModel)

_log = logging.getLogger("sdialog")
# Letters that begin names in many languages.
_INITIALS = "ABCDEFGHIJKLMNOPRSTVWYZ"


@dataclass(frozen=True, slots=True)
class Wording:
    """How a model is asked to fill in an object.

    Attributes:
        system: system message.
        template: Jinja2 text of the user message. Its variables are ``object`` (the object as JSON, null where a
            value is missing), ``class_name``, ``attributes_instructions`` (one line per missing attribute) and
            ``initials`` (two letters when a name is missing, else ``""``).
    """

    system: str
    template: str


@dataclass(frozen=True, slots=True)
class Built(Generic[A]):
    """An object and how it came about.

    Attributes:
        value: the object.
        model_info: name and options of the model that was asked for a part of it, or None if none was.
    """

    value: A
    model_info: dict[str, Any] | None = None


async def fill(
    target: type[A] | A,
    rules: Mapping[str, object],
    *,
    seed: int,
    model: Any = None,
    scheduler: Scheduler | None = None,
    folder: str | Path | None = None,
    key: str = "",
    **options: Any,
) -> A:
    """Make one object from a class (or from an object with gaps) and rules, the way scenario files do.

    The language model is looked up only if a rule asks for it. Equal arguments give an equal object, as far as the
    model keeps to its seed.

    Args:
        target: class, or an object whose empty attributes are to be filled.
        rules: rules by attribute, see :mod:`sdialog.generators.rules`.
        seed: seed of the draws and of the model's requests.
        model: what :func:`sdialog.llm.get.resolve` takes; None for the model of the settings.
        scheduler: shares the model with others; a fresh one if None.
        folder: where relative paths in rules start.
        key: names the requests in logs and records.
        options: options for the model, such as ``temperature``.

    Returns:
        A new object without metadata.

    Raises:
        UnknownNameError: if an attribute or a rule is unknown.
        ConfigError: if a rule is wrong or gives a value that the attribute cannot take.
        LLMError: if a call of the model fails.

    Example:
        >>> from sdialog.core.sync import run
        >>> from sdialog.personas import Customer
        >>> riley = run(fill(Customer, {"name": "Riley", "age": "{18-80}"}, seed=13))
        >>> riley.name, 18 <= riley.age <= 80
        ('Riley', True)
    """
    built = await build(
        target, rules, seed=seed, model=model, scheduler=scheduler, folder=folder, key=key, options=options
    )
    return built.value


async def build(
    target: type[A] | A,
    rules: Mapping[str, object],
    rng: random.Random | None = None,
    *,
    seed: int,
    ask: Collection[str] = (),
    model: Any = None,
    options: Mapping[str, Any] | None = None,
    scheduler: Scheduler | None = None,
    wording: Wording | None = None,
    max_attempts: int = 3,
    folder: str | Path | None = None,
    key: str = "",
) -> Built[A]:
    """Make one object and tell how; arguments not named here are those of :func:`fill`.

    An answer that misses attributes, or gives some that do not fit, is kept as far as it is good; only the rest is
    asked for again, under a new sub-seed. What is still missing after ``max_attempts`` stays at the default of its
    class, which is logged as a warning.

    Args:
        rng: source of the draws; derived from ``seed`` if None.
        ask: attributes the model writes where there is no rule and nothing is set.
        options: options for the model, such as ``temperature``.
        wording: how the model is asked; the built-in wording if None.
        max_attempts: most rounds of asking.

    Raises:
        OutputParseError: if the model gave no value for an attribute that has no default.
    """
    if max_attempts < 1:
        raise ConfigError(f"max_attempts must be at least 1, not {max_attempts}")
    cls = target if isinstance(target, type) else type(target)
    filled = apply_rules(target, rules, rng or named_rng(seed, "rules"), ask=ask, folder=folder)
    values, wrong = fit(cls, filled.values)
    for name, complaint in wrong.items():
        if name in values:
            raise ConfigError(f"{cls.__name__}.{name} cannot be {values[name]!r}: {complaint}")
    filled = replace(filled, values=values)
    if not filled.ask_llm:
        return Built(_made(cls, values))

    from sdialog.llm.get import resolve
    from sdialog.llm.wrapping import PatientScheduler

    found = resolve(model, **(options or {}))
    client = (scheduler or PatientScheduler()).client(found.model)
    blank = GenerateRequest((), found.config, think=found.think, key=key)
    writer = _Writer(cls, client, blank, wording or default_wording(cls), seed)
    await writer.write(filled, max_attempts)
    return Built(_made(cls, writer.known), found.info)


def default_wording(cls: type[AttributeModel], extra_instructions: str | None = None) -> Wording:
    """Return the built-in wording for a class, or that of the settings' prompt files.

    Args:
        cls: class of the object; contexts are asked for in other words than people.
        extra_instructions: lines added to the system message.
    """
    from sdialog.core.context import Context
    from sdialog.core.settings import current
    from sdialog.llm.prompts import render, source

    kind = "context" if issubclass(cls, Context) else "persona"
    template = source(current().prompts.get(f"{kind}_generator") or f"generate/{kind}")
    return Wording(with_extra(render("generate/attributes"), extra_instructions), template)


def with_extra(system: str, extra_instructions: str | None) -> str:
    """Return a system message with further instructions at its end: one line as it is, several as a list."""
    lines = [line.strip() for line in (extra_instructions or "").splitlines() if line.strip()]
    if not lines:
        return system
    return f"{system}\n\n" + (lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines))


class _Writer:
    """Asks one model for the missing attributes of one object."""

    def __init__(
        self, cls: type[AttributeModel], client: Client, blank: GenerateRequest, wording: Wording, seed: int
    ) -> None:
        self.cls, self.client, self.blank, self.wording, self.seed = cls, client, blank, wording, seed
        self.known: dict[str, object] = {}

    async def write(self, filled: Filled, max_attempts: int) -> None:
        """Bring ``known`` as near to complete as ``max_attempts`` answers do."""
        from sdialog.llm.structured import ask

        self.known, missing, raw = dict(filled.values), dict(filled.ask_llm), ""
        for attempt in range(max_attempts):
            try:
                answer = await ask(self.client, self._request(missing, attempt), self._form(missing))
                values, raw = answer.value, answer.raw
            except OutputParseError as error:
                values, raw = _salvaged(error.raw), error.raw
            self._keep(values, missing)
            if not missing:
                return
        required = [name for name in missing if self.cls.model_fields[name].is_required()]
        if required:
            raise OutputParseError(
                f"in {max_attempts} attempts no usable value came for {', '.join(required)} of {self.cls.__name__}",
                raw=raw,
                backend=self.client.name,
                request_key=self.blank.key,
            )
        _log.warning(
            "%s gave no usable value for %s of %s in %d attempts; the default stays",
            self.client.name,
            ", ".join(missing),
            self.cls.__name__,
            max_attempts,
        )

    def _keep(self, answer: Mapping[str, object], missing: dict[str, str]) -> None:
        offered = {name: _stripped(answer.get(name)) for name in missing}
        offered = {name: value for name, value in offered.items() if value not in (None, "", "null", [], {})}
        values, wrong = fit(self.cls, {**self.known, **offered})
        if "" in wrong:  # the class refuses the combination, so no single attribute is to blame
            return
        for name in offered.keys() - wrong.keys():
            self.known[name] = values[name]
            del missing[name]

    def _request(self, missing: Mapping[str, str], attempt: int) -> GenerateRequest:
        from sdialog.llm.prompts import render_text

        shown = {name: self.known.get(name) for name in self.cls.model_fields if name in {*self.known, *missing}}
        letters = named_rng(self.seed, "initials").sample(_INITIALS, 2)
        text = render_text(
            self.wording.template,
            label=f"template for {self.cls.__name__}",
            object=_as_json(shown),
            class_name=self.cls.__name__,
            attributes_instructions="\n".join(f"* {name}: {self._hint(name, missing)}" for name in missing),
            initials=". ".join(letters) + "." if missing.get("name") == "" else "",
        )
        seeded = GenerateConfig(seed=derive_seed(self.seed, "attempt", attempt))
        messages = (Message("system", self.wording.system), Message("user", text))
        return replace(self.blank, messages=messages, config=self.blank.config.merge(seeded))

    def _hint(self, name: str, missing: Mapping[str, str]) -> str:
        return missing[name] or self.cls.model_fields[name].description or name.replace("_", " ")

    def _form(self, missing: Mapping[str, str]) -> dict[str, Any]:
        """Return the JSON schema of the missing attributes, with everything it refers to.

        It does not require them, so that an answer with gaps is taken for what it holds; what is sent to the model
        does.
        """
        whole = self.cls.model_json_schema(by_alias=False)
        properties = {}
        for name in missing:
            kept = {k: v for k, v in whole["properties"][name].items() if k not in ("default", "title")}
            properties[name] = {**kept, "description": self._hint(name, missing)}
        form = {"title": self.cls.__name__, "type": "object", "properties": properties}
        return form | ({"$defs": whole["$defs"]} if "$defs" in whole else {})


def _salvaged(raw: str) -> Mapping[str, object]:
    """Return the JSON object in a reply that does not fit as a whole; its parts may."""
    from sdialog.llm.structured import parse

    try:
        found: dict[str, object] = parse(raw, {"type": "object"})
    except ValueError:
        return {}
    return found


def _made(cls: type[A], values: Mapping[str, object]) -> A:
    from pydantic import ValidationError

    from sdialog.core.validation import problem

    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(f"the rules do not make a {cls.__name__}: {problem(error)}") from error


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _as_json(values: Mapping[str, object]) -> str:
    from pydantic_core import to_jsonable_python

    return json.dumps(to_jsonable_python(values, fallback=str), indent=2, ensure_ascii=False)
