"""Does the code that an agent wrote run, and does it pass tests?"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import ConfigError, EvaluationError, UnknownNameError
from sdialog.core.offload import in_thread
from sdialog.core.validators import validators
from sdialog.evaluation.base import Measured
from sdialog.evaluation.validators._passages import spoken_by
from sdialog.evaluation.validators._sandbox import CodeLimits, run_code
from sdialog.evaluation.validators.base import BaseValidator, Explanation
from sdialog.evaluation.validators.state import task_of

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.base import Scoring

PYTHON = ("python", "py", "python3")
_FENCE = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^ {0,3}(?P=fence)[`~]*[ \t]*$",
    re.DOTALL | re.MULTILINE,
)

Tests = str | Mapping[str, str] | Callable[["Dialog"], str] | None


@validators.register("code")
class CodeValidator(BaseValidator):
    """Passes dialogs whose Python code runs and then passes tests.

    Code stands in the turns between fences that are marked as Python. It runs in a process of its own, with limits on
    processor time, memory, the size of files and the number of processes; its working folder is new and empty, and no
    environment variable of the caller is passed on. Reading and writing elsewhere, sockets, further processes and
    foreign functions are refused.

    **What this is for:** code that is wrong, runs wild or looks around. It is no safe place for code that means harm:
    the refusals are made within Python (an audit hook), and a hole in Python's C code would go around them. Where the
    system allows it (Linux), there are layers beneath that hold for any code: a network that leads nowhere, files
    elsewhere refused by the kernel (Landlock), and rights of nobody instead of those of root; root's own processes are
    not counted, so without that last one only the audit hook stops a fork bomb before its time is up.
    ``details["layers"]`` says which of them there were. For hostile code run the whole evaluation in a virtual machine.
    The tests share the code's namespace, so code that is made to deceive can change what they see.

    Args:
        tests: Python statements that raise if the code is not as it should be; or such texts by the id of the task that
            a dialog records; or a function from the dialog to them. None: the code has to run, no more.
        blocks: ``last`` takes the last block of code, since agents mend what they wrote; ``all`` takes all, one after
            the other.
        languages: marks of fences that count, in any letter case; add ``""`` for fences without a mark.
        limits: how much it may use.
        workers: processes at a time; default the number of processors.
        name: what it is called in tables.
        ai_speaker: whose code counts; None for everybody's.

    Raises:
        ConfigError: if an argument cannot be used.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> wrote = Turn(speaker="Bot", text="Here:\\n```python\\ndef double(n):\\n    return n + n\\n```")
        >>> CodeValidator("assert double(4) == 8")(Dialog(turns=[wrote]))
        1
        >>> CodeValidator("assert double(4) == 9, double(4)").explain(Dialog(turns=[wrote])).reason
        'AssertionError in line 1 of the tests: 8'
    """

    awaits = True

    def __init__(
        self,
        tests: Tests = None,
        *,
        blocks: Literal["last", "all"] = "last",
        languages: Sequence[str] = PYTHON,
        limits: CodeLimits | None = None,
        workers: int | None = None,
        name: str = "code-validator",
        ai_speaker: str | None = None,
    ) -> None:
        super().__init__(name, ai_speaker)
        if blocks not in ("last", "all"):
            raise UnknownNameError("choice of blocks", blocks, ["last", "all"])
        if isinstance(languages, str):
            raise ConfigError(f"languages is a list of marks, not {languages!r}")
        if not (tests is None or isinstance(tests, (str, Mapping)) or callable(tests)):
            raise ConfigError(f"tests are text, texts by task or a function, not {tests!r:.60}")
        self.tests, self.blocks = tests, blocks
        self.languages = [language.casefold() for language in languages]
        self._limits = limits or CodeLimits()
        self._room = threading.BoundedSemaphore(workers or os.cpu_count() or 1)

    def explain(self, dialog: Dialog) -> Explanation:
        """Run the code of a dialog and return whether it passes, and what went wrong.

        Raises:
            EvaluationError: if there are no tests for the dialog's task.
            UnsupportedFeatureError: on systems without POSIX limits.
        """
        found = code_blocks(dialog, self.languages, self.ai_speaker)
        if not found:
            return Explanation(False, "there is no code in the dialog")
        code = found[-1] if self.blocks == "last" else "\n".join(found)
        tests = self._tests(dialog)
        with self._room:
            run = run_code(code, tests, self._limits)
        details: dict[str, Any] = {"blocks": len(found), "stage": run.stage, "output": run.output}
        task = task_of(dialog)
        details |= {"layers": dict(run.layers)} if run.layers else {}
        details |= {} if task is None else {"task": task}
        return Explanation(run.problem is None, run.problem, details)

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the score with its reason; the code runs beside the event loop."""
        found = await in_thread(lambda: self.explain(dialog))
        return Measured(int(bool(found.passed)), found.reason, found.details)

    def identity(self) -> dict[str, Any] | None:
        """Return what decides its values; None where the tests are a function."""
        own = super().identity()
        return None if own is None else {**own, "limits": asdict(self._limits)}

    def _tests(self, dialog: Dialog) -> str:
        if isinstance(self.tests, Mapping):
            task = task_of(dialog)
            if task is None or task not in self.tests:
                raise EvaluationError(f"there are no tests for task {task!r}; known: {', '.join(map(str, self.tests))}")
            return self.tests[task]
        return self.tests(dialog) if callable(self.tests) else self.tests or ""


def code_blocks(dialog: Dialog, languages: Sequence[str] = PYTHON, speaker: str | None = None) -> list[str]:
    """Return the fenced blocks of code in a dialog's turns.

    Args:
        dialog: the dialog.
        languages: marks that count, in small letters; ``""`` for none.
        speaker: whose turns; None for everybody's.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> code_blocks(Dialog(turns=[Turn(text="```py\\nx = 1\\n```\\nand\\n```sh\\nls\\n```")]))
        ['x = 1\\n']
    """
    return [
        match["code"]
        for turn in dialog.turns or ()
        if spoken_by(turn, speaker)
        for match in _FENCE.finditer(turn.text.replace("\r\n", "\n"))
        if match["language"].casefold() in languages
    ]
