"""Reading span expressions.

::

    either = both ("|" both)*
    both   = one ("&" one)*
    one    = "~" one | atom ("[" number? ":" number? "]")*
    atom   = "(" either ")" | name | name "(" argument ("," argument)* ")"

An argument is a whole number, a text in quotes (``"..."`` or ``'...'`` as in JSON, ``r"..."`` as it is), or a bare
word.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from sdialog.core.errors import ConfigError
from sdialog.interpretability.tokens.expressions import Span, pick

_TOKEN = re.compile(
    r"""(?P<raw>r"[^"]*"|r'[^']*')|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>[+-]?\d+)"""
    r"""|(?P<word>[^\W\d]\w*)|(?P<sign>[()\[\]&|~,:])|(?P<space>\s+)""",
    re.DOTALL,
)
_DEEPEST = 100


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def read(text: str) -> Span:
    """Read an expression.

    Raises:
        ConfigError: if it is none, with the place where reading failed.
        UnknownNameError: if it names a selector that there is not.
    """
    if not isinstance(text, str):
        raise ConfigError(f"a span is an expression such as 'turn(-1) & content', not {text!r:.60}")
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.tokens: list[_Token] = []
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise self._wrong(f"unexpected {text[place]!r}", place)
            if found.lastgroup != "space":
                self.tokens.append(_Token(str(found.lastgroup), found[0], place))
            place = found.end()
        self.tokens.append(_Token("end", "", len(text)))

    def whole(self) -> Span:
        span = self._either()
        if self._next.kind != "end":
            raise self._unexpected("& or | or the end")
        return span

    @property
    def _next(self) -> _Token:
        return self.tokens[self.at]

    def _take(self, sign: str) -> bool:
        taken = self._next.kind == "sign" and self._next.text == sign
        self.at += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected(repr(sign))

    def _either(self) -> Span:
        span = self._both()
        while self._take("|"):
            span = span | self._both()
        return span

    def _both(self) -> Span:
        span = self._one()
        while self._take("&"):
            span = span & self._one()
        return span

    def _one(self) -> Span:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._wrong("too many levels of brackets or ~", self._next.at)
        if self._take("~"):
            span = ~self._one()
        else:
            span = self._atom()
            while self._take("["):
                start = self._bound()
                self._expect(":")
                stop = self._bound()
                self._expect("]")
                span = span[start:stop]
        self.depth -= 1
        return span

    def _atom(self) -> Span:
        if self._take("("):
            span = self._either()
            self._expect(")")
            return span
        name = self._next
        if name.kind != "word":
            raise self._unexpected("a span such as turn(-1) or content")
        self.at += 1
        arguments: list[str | int] = []
        if self._take("("):
            arguments.append(self._argument())
            while self._take(","):
                arguments.append(self._argument())
            self._expect(")")
        return pick(name.text, *arguments)

    def _bound(self) -> int | None:
        token = self._next
        if token.kind != "number":
            return None
        self.at += 1
        return int(token.text)

    def _argument(self) -> str | int:
        token = self._next
        self.at += 1
        if token.kind == "number":
            return int(token.text)
        if token.kind == "word":
            return token.text
        if token.kind == "raw":
            return token.text[2:-1]
        if token.kind == "text":
            return self._quoted(token)
        self.at -= 1
        raise self._unexpected("a number or a text")

    def _quoted(self, token: _Token) -> str:
        inside = token.text[1:-1]
        if token.text[0] == "'":
            inside = re.sub(r"""\\.|\"""", lambda found: {r"\'": "'", '"': r"\""}.get(found[0], found[0]), inside)
        try:
            return str(json.loads(f'"{inside}"', strict=False))
        except json.JSONDecodeError as error:
            said = f'{token.text} is no text as JSON has it ({error.msg}); a backslash is doubled, or write r"..."'
            raise self._wrong(said, token.at) from error

    def _unexpected(self, wanted: str) -> ConfigError:
        token = self._next
        found = f"{token.text!r}" if token.text else "the end"
        return self._wrong(f"expected {wanted}, found {found}", token.at)

    def _wrong(self, said: str, at: int) -> ConfigError:
        return ConfigError(f"the span {self.text!r} cannot be read at character {at}: {said}")
