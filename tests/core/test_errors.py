from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from sdialog import Dialog
from sdialog.core import errors

EXAMPLES = [
    errors.UnknownNameError("model", "opnai", ["openai", "ollama"], hint="See the docs."),
    errors.MissingDependencyError("torch is not installed"),
    errors.DialogFormatError("broken", file="x.json", line=3),
    errors.LLMError("failed", backend="openai:gpt", request_key="dialog/7", status=500),
    errors.RateLimitError("slow down", retry_after=1.5, backend="openai:gpt"),
    errors.OutputParseError("no JSON", raw="hello", backend="b"),
    errors.SimulationError("broke off", index=4, partial=Dialog(id="partial")),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    "through", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"]
)
def test_errors_cross_processes_whole(error, through):
    again = through(error)
    assert type(again) is type(error) and str(again) == str(error)
    assert vars(again) == vars(error)


def test_the_tree_is_the_one_that_is_drawn():
    drawn = {}
    parents = []
    for line in errors.__doc__.split("::")[1].splitlines():
        name = line.strip("│├└─ ").split("  ")[0].split(" ")[0]
        if name.endswith(("Error",)):
            depth = (len(line) - len(line.lstrip("│├└─ "))) // 4 - 1
            parents[depth:] = [name]
            drawn[name] = parents[depth - 1] if depth else "Exception"
    real = {
        name: next(b.__name__ for b in cls.__mro__[1:] if b.__module__ in ("builtins", errors.__name__))
        for name, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, Exception) and cls.__module__ == errors.__name__
    }
    assert drawn == real


def test_user_errors_are_value_errors():
    assert issubclass(errors.UserError, ValueError)
    assert issubclass(errors.MissingDependencyError, ImportError)
    assert not issubclass(errors.LLMError, ValueError)


@pytest.mark.parametrize(
    ("known", "hint", "says"),
    [
        (["openai", "ollama"], "", "unknown model 'opnai'; did you mean 'openai'?"),
        (["openai"], "Or a path.", "unknown model 'opnai'; did you mean 'openai'? Or a path."),
        (["xyz", "abc"], "", "unknown model 'opnai'; known: abc, xyz"),
        (["xyz"], "Or a path.", "unknown model 'opnai'; known: xyz. Or a path."),
        ([f"x{i:02}" for i in range(20)], "", "..."),
        ([], "", "unknown model 'opnai'"),
    ],
)
def test_unknown_names_say_what_is_near(known, hint, says):
    assert says in str(errors.UnknownNameError("model", "opnai", known, hint))


def test_near_names_ignore_case():
    assert errors.near_names("AVA", ["ava", "bob"]) == ["ava"]
    assert errors.near_names("zzz", ["ava"]) == []


def test_messages_say_where():
    assert str(EXAMPLES[2]) == "x.json, line 3: broken"
    assert str(errors.DialogFormatError("broken", line=3)) == "line 3: broken"
    assert str(errors.DialogFormatError("broken")) == "broken"
    assert str(EXAMPLES[3]) == "[openai:gpt dialog/7] failed"
    assert str(errors.LLMError("failed")) == "failed"
    assert str(EXAMPLES[-1]) == "dialog 4: broke off"


def test_what_may_be_tried_again():
    assert errors.RateLimitError.retryable and errors.ServerError.retryable
    assert not errors.AuthenticationError.retryable and not errors.LLMError.retryable
