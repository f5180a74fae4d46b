"""A score as a module of the Hugging Face library ``evaluate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.results import EvalResult
from sdialog.evaluation.runner import Running, score_dialogs


def as_evaluation_module(score: BaseDialogScore, running: Running | None = None) -> Any:
    """Return a score as an ``evaluate.EvaluationModule``: for ``compute``, ``add``, ``add_batch`` and ``combine``.

    Its predictions are dialogs: :class:`Dialog` objects, their dicts, a list of texts (one a turn), or a text, which is
    a dialog of one turn, so that scores of texts may be combined with metrics of texts. It needs no references. The
    answer holds, under the score's name, or under the key of each feature, the mean; the same with ``_se`` its standard
    error and with ``_n`` the number of dialogs that have a value. The mean is None if none has one.

    Args:
        score: the score.
        running: how it is run.

    Returns:
        The module; it keeps its data in memory and touches no files.

    Raises:
        MissingDependencyError: if ``evaluate`` is not installed.

    Example:
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> module = as_evaluation_module(MeanTurnLengthScore("words"))
        >>> module.add_batch(predictions=[["Hi!", "How are you?"], "Fine, and you? Well?"])
        >>> module.compute()
        {'words': 3.0, 'words_se': 1.0, 'words_n': 2}
    """
    library = need("evaluate", extra="evaluate", why="make a score one of its modules")
    data = need("datasets", extra="evaluate", why="make a score one of its modules")

    def info(self: Any) -> Any:
        return library.EvaluationModuleInfo(
            description=(type(score).__doc__ or score.name).strip(),
            citation="",
            inputs_description="predictions: dialogs, their dicts, lists of texts, or texts",
            features=data.Features({"predictions": data.Value("string")}),
            module_type="measurement",
        )

    def data_dir(self: Any) -> str:
        return ""  # kept in memory, so that no folder is made

    def add(self: Any, *, prediction: Any = None, predictions: Any = None, **others: Any) -> None:
        """Add one dialog; modules that are combined are given it in the plural."""
        given = predictions if prediction is None else prediction
        library.EvaluationModule.add(self, prediction=_dialog(given).json_line(), **_unread(others))

    def add_batch(self: Any, *, predictions: Any = None, **others: Any) -> None:
        """Add dialogs."""
        lines = [_dialog(one).json_line() for one in predictions]
        library.EvaluationModule.add_batch(self, predictions=lines, **_unread(others))

    def compute(self: Any, predictions: Sequence[str]) -> dict[str, float | int | None]:
        (result,) = score_dialogs([score], map(Dialog.from_json, predictions), running)
        return _answer(result)

    members = {
        "_info": info,
        "_build_data_dir": data_dir,
        "_compute": compute,
        "add": add,
        "add_batch": add_batch,
    }
    module = type("ScoreModule", (library.EvaluationModule,), members)(keep_in_memory=True, seed=0)
    module.info.module_name = score.name
    return module


def _unread(others: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is given besides predictions, without references, which a score does not read."""
    return {name: value for name, value in others.items() if name not in {"reference", "references"}}


def _dialog(given: object) -> Dialog:
    if isinstance(given, Dialog):
        return given
    if isinstance(given, str):
        return Dialog(turns=[Turn(text=given)])
    if isinstance(given, Mapping):
        return Dialog.from_dict(given)
    if isinstance(given, Sequence) and all(isinstance(text, str) for text in given):
        return Dialog(turns=[Turn(text=text) for text in given])
    raise UserError(f"a prediction is a dialog, its dict, a list of texts or a text, not {type(given).__name__}")


def _answer(result: EvalResult) -> dict[str, float | int | None]:
    named = result.parts or {result.name: result}
    answer: dict[str, float | int | None] = {}
    for name, part in named.items():
        answer |= {name: part.mean if part.values else None, f"{name}_se": part.se, f"{name}_n": part.n}
    return answer
