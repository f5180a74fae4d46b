"""Judges from plain data, such as a YAML file."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.judges.panel import JudgePanel
from sdialog.llm.types import GenerateConfig

HOMES = {
    "LLMJudgeCategory": "category",
    "LLMJudgeGoalCompletion": "agents",
    "LLMJudgeKnowledgeRetention": "agents",
    "LLMJudgePersonaAttributes": "yes_no",
    "LLMJudgePersonaConsistency": "agents",
    "LLMJudgeRealDialog": "yes_no",
    "LLMJudgeRealDialogLikertScore": "scores",
    "LLMJudgeRealDialogScore": "scores",
    "LLMJudgeRefusal": "yes_no",
    "LLMJudgeRubric": "rubric",
    "LLMJudgeScore": "scores",
    "LLMJudgeTopicAdherence": "agents",
    "LLMJudgeYesNo": "yes_no",
}
"""Judges that plain data can make, and their modules."""

_PANEL = "JudgePanel"
_SAMPLING = frozenset(GenerateConfig.__dataclass_fields__) - {"extra"}
_NOT_DATA = {"self", "output_format"}


def judge_from_spec(spec: Mapping[str, Any]) -> BaseDialogScore:
    """Make a judge from plain data.

    Args:
        spec: ``type`` (default ``LLMJudgeYesNo``), ``prompt``, ``model`` (a name, or a mapping of ``name`` and its
            options), the other arguments of the judge, and sampling options such as ``temperature``. With ``models``,
            a list, it is a panel of them that votes as ``combine`` says; ``type: JudgePanel`` takes ``judges``, a list
            of such mappings.

    Returns:
        The judge.

    Raises:
        UnknownNameError: if a type or field is unknown; names what is near.
        ConfigError: if a field is missing or has a wrong value.

    Example:
        >>> spec = {"type": "LLMJudgeYesNo", "prompt": "Is it polite?", "model": "scripted:replies.txt", "raeson": True}
        >>> judge_from_spec(spec)
        Traceback (most recent call last):
            ...
        sdialog.core.errors.UnknownNameError: unknown field of LLMJudgeYesNo 'raeson'; did you mean 'reason'?
    """
    if not isinstance(spec, Mapping):
        raise ConfigError(
            f"a judge is told by a mapping such as {{type: LLMJudgeYesNo, prompt: ...}}, not {spec!r:.60}"
        )
    given = {str(name): value for name, value in spec.items()}
    kind = given.pop("type", "LLMJudgeYesNo")
    if kind == _PANEL:
        return _panel(given)
    if "models" in given:
        return _panel_of_models(kind, given)
    return _judge(kind, given)


def _judge(kind: Any, given: dict[str, Any]) -> BaseDialogScore:
    family = _family(kind)
    if "prompt" in given:
        if "prompt_template" in given:
            raise ConfigError(f"{kind}: give prompt or prompt_template, not both")
        given["prompt_template"] = given.pop("prompt")
    parameters = _parameters(family)
    known = {*parameters, *_SAMPLING, "think"}
    shown = {"prompt" if name == "prompt_template" else name for name in known} | {"type", "models"}
    for name in given:
        if name not in known:
            raise UnknownNameError(f"field of {kind}", "prompt" if name == "prompt_template" else name, shown)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in given:
            raise ConfigError(f"{kind} needs the field {'prompt' if name == 'prompt_template' else name!r}")
    try:
        return family(**given)
    except ConfigError as error:
        raise ConfigError(f"{kind}: {error}") from error


def _panel(given: dict[str, Any]) -> BaseDialogScore:
    for name in given:
        if name not in ("judges", "combine", "name"):
            raise UnknownNameError(f"field of {_PANEL}", name, ("judges", "combine", "name", "type"))
    specs = given.pop("judges", None)
    if not isinstance(specs, Sequence) or isinstance(specs, str):
        raise ConfigError(f"{_PANEL} needs judges, a list of mappings, not {specs!r:.60}")
    return JudgePanel([judge_from_spec(one) for one in specs], **given)


def _panel_of_models(kind: Any, given: dict[str, Any]) -> BaseDialogScore:
    models, combine, name = given.pop("models"), given.pop("combine", "majority"), given.pop("name", None)
    if not isinstance(models, Sequence) or isinstance(models, str) or not models:
        raise ConfigError(f"models is a list of models, not {models!r:.60}; one model goes under 'model'")
    if "model" in given:
        raise ConfigError("give model or models, not both")
    judges = [_judge(kind, {**given, "model": model}) for model in models]
    return JudgePanel(judges, combine, name=name or judges[0].name)


def _family(kind: Any) -> type[BaseDialogScore]:
    if kind == "LLMJudgePairwise":
        raise ConfigError(f"{kind} needs dialogs to compare with, which plain data cannot give; make it in Python")
    if kind not in HOMES:
        raise UnknownNameError("type of judge", str(kind), (*HOMES, _PANEL))
    module = importlib.import_module(f"sdialog.evaluation.judges.{HOMES[kind]}")
    return cast("type[BaseDialogScore]", getattr(module, kind))


def _parameters(family: type) -> dict[str, inspect.Parameter]:
    """Return the arguments of a class and of those classes that it passes further ones on to."""
    found: dict[str, inspect.Parameter] = {}
    fixed = set[str]()
    for owner in family.__mro__:
        if "__init__" not in vars(owner):
            continue
        parameters = inspect.signature(vars(owner)["__init__"]).parameters
        named = {name: p for name, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        # What a base class needs in places, its heir has filled already.
        fixed |= {name for name, p in named.items() if found and p.kind is p.POSITIONAL_OR_KEYWORD}
        found |= {name: p for name, p in named.items() if name not in found and name not in fixed | _NOT_DATA}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            break
    return found
