"""Do turns, or results of tools, match a pattern, or keep from matching it?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sdialog.core.errors import ConfigError
from sdialog.core.validators import validators
from sdialog.evaluation.validators._passages import Where, as_text, check_place, passages
from sdialog.evaluation.validators.base import BaseValidator, Explanation

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


@validators.register("regex")
class RegexValidator(BaseValidator):
    """Passes dialogs in which so many turns (or results of tools) match a regular expression.

    A turn that matches several times counts once.

    Args:
        pattern: a regular expression of Python's ``re``; it may match anywhere in the text.
        at_least: how many must match; default one, or none if ``at_most`` is 0.
        at_most: how many may match; None for any number, 0 for a pattern that must not occur.
        where: ``turns`` or ``tool_results``.
        speaker: whose turns or tool calls, in any letter case; None for everybody's.
        tool: results of which tool; None for all.
        ignore_case: whether letter case plays no part.
        name: what it is called in tables.

    Raises:
        ConfigError: if the pattern is none, or the numbers do not fit.
        UnknownNameError: if there is no such place to look at.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Ava", text="Your order B4821 is late."), Turn(text="Oh.")])
        >>> RegexValidator(r"[A-Z]\\d{4}", speaker="Ava")(dialog), RegexValidator("late", at_most=0)(dialog)
        (1, 0)
    """

    def __init__(
        self,
        pattern: str,
        *,
        at_least: int | None = None,
        at_most: int | None = None,
        where: Where = "turns",
        speaker: str | None = None,
        tool: str | None = None,
        ignore_case: bool = False,
        name: str = "regex-validator",
    ) -> None:
        super().__init__(name)
        check_place(where)
        try:
            self._compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        except (re.error, TypeError) as error:
            raise ConfigError(f"{pattern!r} is no regular expression: {error}") from error
        if at_least is None:
            at_least = 0 if at_most == 0 else 1
        if at_least < 0 or (at_most is not None and at_most < at_least):
            raise ConfigError(
                f"at_least {at_least} and at_most {at_most} leave no number of matches; give 0 <= least <= most"
            )
        self.pattern, self.at_least, self.at_most = pattern, at_least, at_most
        self.where, self.speaker, self.tool, self.ignore_case = where, speaker, tool, ignore_case

    def explain(self, dialog: Dialog) -> Explanation:
        """Return whether the number of matches is as it should be, and where they are."""
        found = passages(dialog, self.where, self.speaker, self.tool)
        if found is None:
            return Explanation(None, "the dialog records no events, so its tool calls are not known")
        matches = {piece.place: m[0] for piece in found if (m := self._compiled.search(as_text(piece.content)))}
        number, kind = len(matches), self.where.replace("_", " ")
        details = {"matches": matches, "looked_at": len(found)}
        if number < self.at_least:
            return Explanation(
                False,
                f"{number} of {len(found)} {kind} match {self.pattern!r}, and at least {self.at_least} should",
                details,
            )
        if self.at_most is not None and number > self.at_most:
            most = f"at most {self.at_most}" if self.at_most else "none"
            where = ", ".join(list(matches)[:5])
            return Explanation(False, f"{number} match {self.pattern!r} ({where}), and {most} should", details)
        return Explanation(True, None, details)
