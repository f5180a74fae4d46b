"""A metric of the Hugging Face library ``evaluate`` as a score of dialogs or of a corpus."""

from __future__ import annotations

import hashlib
import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.hf.loading import load_module, script_of

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

Inputs = Mapping[str, Sequence[Any]]


def utterances_of(dialog: Dialog) -> Inputs:
    """Return what is said as predictions: for measurements, which need no references.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> utterances_of(Dialog(turns=[Turn(text="Hi!")]))
        {'predictions': ['Hi!']}
    """
    return {"predictions": [turn.text for turn in dialog]}


def replies_of(dialog: Dialog) -> Inputs:
    """Return each reply as a prediction and the turn of another speaker before it as its reference.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> replies_of(Dialog(turns=[Turn(speaker="A", text="Hi!"), Turn(speaker="B", text="Hello!")]))
        {'predictions': ['Hello!'], 'references': ['Hi!']}
    """
    pairs = [(turn, before) for before, turn in pairwise(dialog) if before.speaker != turn.speaker]
    return {"predictions": [turn.text for turn, _ in pairs], "references": [before.text for _, before in pairs]}


def whole_of(dialog: Dialog) -> Inputs:
    """Return the transcript as one prediction.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> whole_of(Dialog(turns=[Turn(speaker="A", text="Hi!"), Turn(speaker="B", text="Hello!")]))
        {'predictions': ['A: Hi!\\nB: Hello!']}
    """
    return {"predictions": [str(dialog)] if len(dialog) else []}


READERS: dict[str, Callable[[Dialog], Inputs]] = {
    "utterances": utterances_of,
    "replies": replies_of,
    "whole": whole_of,
}


class HFMetric(BaseDialogScore):
    """A metric, comparison or measurement of Hugging Face's ``evaluate`` as a score.

    The module is loaded when it is first used, from a folder or from what ``evaluate`` has fetched before; nothing is
    downloaded unless ``download`` says so. A script is code: it runs with your rights.

    Args:
        module: a script, a folder that holds a script of the same name, or a module's name.
        inputs: what is taken from a dialog: ``utterances`` (predictions only), ``replies`` (each with the turn before
            it as its reference), ``whole`` (the transcript), or a function from a dialog to named lists of one length.
        key: which entry of the module's answer is the score; None takes the only number, or all numbers by name. An
            entry with one number for each prediction, such as BERTScore's, counts as their mean where it is asked for,
            or where there is no other.
        name: what it is called in tables; default the module's name.
        options: keyword arguments of the module's ``compute``.
        config: the module's configuration name.
        kind: ``metric``, ``comparison`` or ``measurement``; None for any.
        cache_dir: where the module may keep files; None for a temporary folder.
        download: whether to ask the Hub for a module that is not here.

    Raises:
        UnknownNameError: if ``inputs`` is a name that is not known.

    Example:
        >>> script = '''
        ... import datasets
        ... import evaluate
        ... class Exclaims(evaluate.Measurement):
        ...     def _info(self):
        ...         features = datasets.Features({"predictions": datasets.Value("string")})
        ...         return evaluate.MeasurementInfo(description="", citation="", features=features)
        ...     def _compute(self, predictions):
        ...         return {"share": sum(text.endswith("!") for text in predictions) / len(predictions)}
        ... '''
        >>> _ = Path("exclaims.py").write_text(script)
        >>> from sdialog import Dialog, Turn
        >>> HFMetric("exclaims.py")(Dialog(turns=[Turn(text="Hi!"), Turn(text="Yes?")]))
        0.5
    """

    def __init__(
        self,
        module: str | Path,
        inputs: str | Callable[[Dialog], Inputs] = "utterances",
        key: str | None = None,
        name: str | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        config: str | None = None,
        kind: str | None = None,
        cache_dir: str | Path | None = None,
        download: bool = False,
    ) -> None:
        if isinstance(inputs, str) and inputs not in READERS:
            raise UnknownNameError("way to read a dialog", inputs, READERS, "A function of a dialog works too.")
        super().__init__(name or Path(module).stem)
        self.module, self.inputs, self.key, self.options = str(module), inputs, key, dict(options or {})
        self.config, self.kind = config, kind
        self._cache_dir, self._download = cache_dir, download
        self._loaded: Any = None

    def score(self, dialog: Dialog) -> Any:
        """Return what the module says of one dialog, None if there is nothing to read in it.

        Raises:
            ConfigError: if the module is not here, or answers without a number.
            UnknownNameError: if its answer does not hold the number that is asked for.
        """
        return self.compute(self.read(dialog))

    def corpus(self, dialogs: Iterable[Dialog]) -> Any:
        """Return what the module says of all dialogs together, as one list of predictions; see :meth:`score`."""
        joined: dict[str, list[Any]] = {}
        for dialog in dialogs:
            for column, entries in self.read(dialog).items():
                joined.setdefault(column, []).extend(entries)
        return self.compute(joined)

    def read(self, dialog: Dialog) -> Inputs:
        """Return what is taken from a dialog."""
        return (READERS[self.inputs] if isinstance(self.inputs, str) else self.inputs)(dialog)

    def compute(self, inputs: Inputs) -> Any:
        """Return what the module says of named lists, None if they are empty."""
        if not any(len(entries) for entries in inputs.values()):
            return None
        answer = self._module().compute(**{column: list(entries) for column, entries in inputs.items()}, **self.options)
        if not isinstance(answer, Mapping):
            raise ConfigError(f"{self.module} answered with {type(answer).__name__}, not with a dict")
        return self._chosen(answer)

    def identity(self) -> dict[str, Any] | None:
        """Return what decides its values; the code of a script is part of it, and a fetched module has none."""
        found, script = super().identity(), script_of(self.module)
        if found is None or script is None:
            return None
        code = hashlib.blake2b(digest_size=16)
        for file in sorted(script.parent.glob("*.py")):
            code.update(file.read_bytes())
        return {**found, "code": code.hexdigest()}

    def _chosen(self, answer: Mapping[str, Any]) -> float | dict[str, float | None] | None:
        found = {key: _number(entry) for key, entry in answer.items() if isinstance(entry, numbers.Real)}
        lists = {key: _mean(entry) for key, entry in answer.items() if _is_list_of_numbers(entry)}
        if self.key is not None:
            if self.key not in found | lists:
                raise UnknownNameError(f"number in the answer of {self.module}:", self.key, found | lists)
            return (found | lists)[self.key]
        found = found or lists
        if not found:
            raise ConfigError(f"{self.module} answered without a number: {', '.join(answer) or 'nothing'}")
        return next(iter(found.values())) if len(found) == 1 else found

    def _module(self) -> Any:
        if self._loaded is None:
            self._loaded = load_module(self.module, self.config, self.kind, self._cache_dir, self._download)
        return self._loaded


class HFCorpusMetric:
    """A module of Hugging Face's ``evaluate`` as a score of a whole corpus; called with dialogs, as evaluators are.

    Args:
        metric: the module, and what it reads.
        name: what it is called in tables; default the metric's name.

    Example:
        >>> script = '''
        ... import datasets
        ... import evaluate
        ... class Count(evaluate.Measurement):
        ...     def _info(self):
        ...         features = datasets.Features({"predictions": datasets.Value("string")})
        ...         return evaluate.MeasurementInfo(description="", citation="", features=features)
        ...     def _compute(self, predictions):
        ...         return {"texts": len(predictions)}
        ... '''
        >>> _ = Path("counts.py").write_text(script)
        >>> from sdialog import Dialog, Turn
        >>> count = HFCorpusMetric(HFMetric("counts.py"))
        >>> count([Dialog(turns=[Turn(text="Hi!")]), Dialog(turns=[Turn(text="Yes?")])])
        2.0
    """

    def __init__(self, metric: HFMetric, name: str | None = None) -> None:
        self.metric, self.name = metric, name or metric.name

    def __call__(self, dialogues: Iterable[Dialog], dataset_name: str | int | None = None) -> Any:
        """Return what the module says of all dialogs together, None if there is nothing to read in them."""
        return self.metric.corpus(dialogues)


def _is_list_of_numbers(entry: Any) -> bool:
    listed = entry.tolist() if hasattr(entry, "tolist") else entry  # an array
    return isinstance(listed, list) and bool(listed) and all(isinstance(one, numbers.Real) for one in listed)


def _mean(entry: Any) -> float | None:
    values = [_number(one) for one in entry]
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _number(entry: numbers.Real) -> float | None:
    number = float(entry)
    return None if math.isnan(number) else number
