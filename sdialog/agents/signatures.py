"""From a function's signature to a JSON schema, and from a model's arguments to a checked call."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from sdialog.core.errors import ConfigError

_EMPTY = inspect.Parameter.empty
_SIMPLE = (str, int, float, bool, list, dict, type(None))


class _PlainSchema(GenerateJsonSchema):
    """JSON schema without generated titles, which cost tokens and tell a model nothing."""

    ignored_warning_kinds = frozenset({"skipped-choice", "non-serializable-default"})  # type: ignore[assignment]

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Set no titles on fields."""
        return False


@dataclass(frozen=True)
class Signature:
    """The arguments of a tool.

    Attributes:
        form: pydantic model that checks and coerces them.
        schema: their JSON schema.
        parameters: parameter name by field name of ``form``; empty when the function takes ``form`` itself.
        positional: parameters that cannot be given by name, in order.
        whole: the parameter that takes ``form`` itself, or None.
        context: parameters that are filled with the context.
        summary: description of the form, for functions that have none of their own.
    """

    form: type[BaseModel]
    schema: Mapping[str, Any]
    parameters: Mapping[str, str]
    positional: tuple[str, ...] = ()
    whole: str | None = None
    context: tuple[str, ...] = ()
    summary: str = ""

    def validated_model(self, arguments: Mapping[str, Any]) -> BaseModel:
        """Check and coerce arguments.

        Raises:
            pydantic.ValidationError: if they do not fit.
        """
        required = self.schema.get("required", ())
        properties = self.schema.get("properties", {})
        # Models like to spell an optional argument out as null; where null is no value of it, it means "left out".
        given = {
            name: value
            for name, value in arguments.items()
            if value is not None or name in required or _accepts_null(properties.get(name, {}))
        }
        return self.form.model_validate(given)

    def call(self, function: Callable[..., Any], arguments: Mapping[str, Any], context: Any) -> Any:
        """Check the arguments and call ``function`` with them and the context."""
        checked = self.validated_model(arguments)
        named: dict[str, Any] = dict.fromkeys(self.context, context)
        if self.whole is not None:
            named[self.whole] = checked
        else:
            given = (key for key in self.parameters if key in checked.model_fields_set)
            named |= {self.parameters[key]: getattr(checked, key) for key in given}
            named |= checked.model_extra or {}
        in_order = []
        for name in self.positional:
            if name not in named:
                break
            in_order.append(named.pop(name))
        return function(*in_order, **named)


def read_signature(
    function: Callable[..., Any],
    *,
    name: str,
    descriptions: Mapping[str, str],
    hidden: type,
    skip_first: bool = False,
) -> Signature:
    """Read a function's arguments off its signature and type hints.

    Args:
        function: any callable; arguments fixed by ``functools.partial`` are left out.
        name: the tool's name, for messages.
        descriptions: what the docstring says of each argument.
        hidden: type of the parameters to fill with the context instead of the model's arguments.
        skip_first: leave out the first parameter (``self`` of a method that is not bound).

    Raises:
        ConfigError: if a parameter has no name to call it by, a hint that cannot be resolved, or a type that JSON
            cannot express.
    """
    parameters = list(_parameters(function, name).values())[1 if skip_first else 0 :]
    fixed = _fixed_names(function)
    hints = _hints(function, name)
    shown: list[inspect.Parameter] = []
    context: list[str] = []
    open_ended = False
    for parameter in parameters:
        if parameter.name in fixed:
            continue
        hint = hints.get(parameter.name, Any)
        if _is_or_holds(hint, hidden):
            context.append(parameter.name)
        elif parameter.kind is parameter.VAR_KEYWORD:
            open_ended = True
        elif parameter.kind is parameter.VAR_POSITIONAL:
            raise ConfigError(f"tool {name!r} takes *{parameter.name}; a model calls by name, so take a list instead")
        else:
            shown.append(parameter.replace(annotation=hint))
    positional = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_ONLY and p.name not in fixed)
    if len(shown) == 1 and not open_ended and _is_form(shown[0].annotation):
        whole = read_model(shown[0].annotation)
        return Signature(
            whole.form, whole.schema, {}, positional, shown[0].name, tuple(context), whole.form.__doc__ or ""
        )
    form = _form_of(name, shown, descriptions, open_ended)
    names = {f"p{at}": parameter.name for at, parameter in enumerate(shown)}
    return Signature(form, _schema_of(form, name), names, positional, None, tuple(context))


def read_model(form: type[BaseModel]) -> Signature:
    """Read arguments off the fields of a pydantic model."""
    return Signature(form, _schema_of(form, form.__name__), {})


def _form_of(
    name: str, parameters: list[inspect.Parameter], descriptions: Mapping[str, str], open_ended: bool
) -> type[BaseModel]:
    # Fields get neutral names and the parameters' names as aliases, so that a parameter may be called "json" or "_x".
    fields: dict[str, Any] = {
        f"p{at}": (_described(parameter.annotation), _field(parameter, descriptions.get(parameter.name)))
        for at, parameter in enumerate(parameters)
    }
    config = ConfigDict(extra="allow" if open_ended else "forbid", coerce_numbers_to_str=True)
    try:
        made: type[BaseModel] = create_model(f"{name}_arguments", __config__=config, **fields)
    except PydanticUserError as error:
        raise _cannot_describe(name, error) from error
    return made


def _field(parameter: inspect.Parameter, description: str | None) -> Any:
    options: dict[str, Any] = {"alias": parameter.name}
    if description:
        options["description"] = description
    if parameter.default is _EMPTY:
        return Field(**options)
    if isinstance(parameter.default, _SIMPLE):
        return Field(parameter.default, **options)
    value = parameter.default
    return Field(default_factory=lambda: value, **options)


def _described(hint: Any) -> Any:
    """Turn ``Annotated[int, "how many"]`` into a field with that description."""
    if typing.get_origin(hint) is not Annotated:
        return hint
    inner, *extras = typing.get_args(hint)
    marks = [Field(description=extra) if isinstance(extra, str) else extra for extra in extras]
    return Annotated[inner, *marks]


def _schema_of(form: type[BaseModel], name: str) -> dict[str, Any]:
    try:
        schema = form.model_json_schema(schema_generator=_PlainSchema)
    except PydanticUserError as error:
        raise _cannot_describe(name, error) from error
    for noise in ("title", "description"):
        schema.pop(noise, None)
    schema.setdefault("properties", {})
    return schema


def _cannot_describe(name: str, error: Exception) -> ConfigError:
    reason = str(error).splitlines()[0]
    return ConfigError(
        f"the arguments of tool {name!r} cannot be described to a model: {reason} "
        "Use types that JSON can express, or a pydantic model."
    )


def _accepts_null(schema: Mapping[str, Any]) -> bool:
    options = schema.get("anyOf", [schema])
    return any(option.get("type") == "null" or not {"type", "$ref", "enum", "const"} & {*option} for option in options)


def _parameters(function: Callable[..., Any], name: str) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (ValueError, TypeError) as error:
        raise ConfigError(f"tool {name!r} has no readable signature; wrap it in a function with type hints") from error


def _fixed_names(function: Any) -> set[str]:
    fixed: set[str] = set()
    while hasattr(function, "func") and hasattr(function, "keywords"):
        fixed |= {*function.keywords}
        function = function.func
    return fixed


def _hints(function: Any, name: str) -> dict[str, Any]:
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigError(
            f"a type hint of tool {name!r} cannot be resolved: {error}; define or import the type at module level"
        ) from error


def _is_or_holds(hint: Any, kind: type) -> bool:
    return hint is kind or any(_is_or_holds(part, kind) for part in typing.get_args(hint))


def _is_form(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)
