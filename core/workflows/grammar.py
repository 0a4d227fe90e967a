"""The grammar of expressions: from a text to its terms."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from core import bounds
from core.text import one_line, plural
from core.workflows.terms import (
    ORDERS,
    Constant,
    Default,
    Equality,
    Junction,
    Length,
    Listed,
    Membership,
    Not,
    Order,
    Path,
    Term,
)

MAX_TEXT = 4096
"""Characters of one expression."""
MAX_NESTING = 50

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
    | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<sign>\$\{|==|!=|<=|>=|[<>()\[\],.}])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
SIMPLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_-]{0,99})(?:\.[A-Za-z_][A-Za-z0-9_-]{0,99}){0,30}\}", re.ASCII)
"""What most of the expressions in templates are: names with points between them. The first must not be reserved."""
_ODD = re.compile(r"\S")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
_CONSTANTS = {"true": True, "false": False, "null": None}
RESERVED = frozenset({"and", "or", "not", "in", *_CONSTANTS})


class ExpressionError(ValueError):
    """A text is no expression. Its text says what is expected, and at which character, from 1."""


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int

    def is_(self, *texts: str) -> bool:
        return self.kind in ("sign", "name") and self.text in texts

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else one_line(self.text, 30)


class Parser:
    """Reads one expression from a place in a text on, as far as it goes. `token` is what follows it."""

    def __init__(self, text: str, start: int = 0) -> None:
        self._text = text
        self._start = start
        self._depth = 0
        self._ended = start
        self.references: set[tuple[str, ...]] = set()
        self.token = self._token(start)

    def expression(self) -> Term:
        self._deeper()
        found = self._junction("or", decisive=True)
        self._depth -= 1
        return found

    def whole(self) -> Term:
        """The expression that the whole text is."""
        found = self.expression()
        if self.token.kind != "end":
            raise self.expected("an operator or the end")
        return found

    def expected(self, what: str) -> ExpressionError:
        """To be raised where something else follows."""
        return self._error(f"expected {what}, found {self.token}", self.token)

    def _junction(self, word: str, *, decisive: bool) -> Term:
        terms = []
        while True:
            start = self.token.start
            term = self._junction("and", decisive=False) if decisive else self._comparison()
            terms.append((term, self._text[start : self._ended].strip()))
            if not self.token.is_(word):
                return term if len(terms) == 1 else Junction(decisive, tuple(terms))
            self._next()

    def _comparison(self) -> Term:
        if self.token.is_("not"):
            self._next()
            start = self.token.start
            self._deeper()
            inner = self._comparison()
            self._depth -= 1
            return Not(inner, self._text[start : self._ended].strip())
        left = self._operand()
        sign = self.token
        if not sign.is_("==", "!=", "in", "not", *ORDERS):
            return left
        self._next()
        if negated := sign.is_("not"):
            self._take("in")
        right = self._operand()
        if self.token.is_("==", "!=", "in", "not", *ORDERS):
            raise self._error("a comparison has two sides: join more of them by and", self.token)
        if sign.is_("in") or negated:
            return Membership(left, right, negated)
        return Order(left, sign.text, right) if sign.text in ORDERS else Equality(left, right, sign.text == "!=")

    def _operand(self) -> Term:
        token = self.token
        if token.is_("(", "${"):
            self._next()
            inner = self.expression()
            self._take(")" if token.is_("(") else "}")
            return inner
        if token.is_("["):
            self._next()
            return Listed(self._elements("]"))
        if token.kind in ("text", "number"):
            self._next()
            return Constant(self._string(token) if token.kind == "text" else self._number(token))
        if token.kind != "name" or token.text in RESERVED - _CONSTANTS.keys():
            raise self.expected("a value")
        self._next()
        if token.text in _CONSTANTS:
            return Constant(_CONSTANTS[token.text])
        return self._function(token) if self.token.is_("(") else self._path(token)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise self._error(f"more than {MAX_NESTING} levels of nesting", self.token)

    def _elements(self, closing: str) -> tuple[Term, ...]:
        found: list[Term] = []
        while not self.token.is_(closing):
            found.append(self.expression())
            if not self.token.is_(closing):
                self._take(",", f", or {closing}")
        self._next()
        return tuple(found)

    def _function(self, name: Token) -> Term:
        counts = {"len": 1, "default": 2}
        if name.text not in counts:
            raise self._error(f"there is no function {name}: expected len(x) or default(x, y)", name)
        self._next()
        given = self._elements(")")
        if len(given) != counts[name.text]:
            raise self._error(f"{name}() takes {plural(counts[name.text], 'value')}, not {len(given)}", name)
        return Length(given[0]) if name.text == "len" else Default(given[0], given[1])

    def _path(self, root: Token) -> Path:
        steps: list[str | int] = [root.text]
        while self.token.is_(".", "["):
            dot = self.token.is_(".")
            self._next()
            step = self.token
            if dot and step.kind == "name":
                steps.append(step.text)
            elif not dot and step.kind == "text":
                steps.append(self._string(step))
            elif not dot and step.kind == "number" and step.text.isdigit():
                steps.append(int(step.text))
            else:
                raise self.expected("a name" if dot else 'a place from 0, or a key as in ["key"]')
            self._next()
            if not dot:
                self._take("]")
        self.references.add(tuple(str(step) for step in steps))
        return Path(tuple(steps))

    def _string(self, token: Token) -> str:
        def plain(match: re.Match[str]) -> str:
            if match[1] not in _ESCAPED:
                raise self._error(f"there is no escape {match[0]}: expected one of \\n \\t \\\\ \\' \\\"", token)
            return _ESCAPED[match[1]]

        return _ESCAPE.sub(plain, token.text[1:-1])

    def _number(self, token: Token) -> int | float:
        value: Any = int(token.text) if token.text.lstrip("-").isdigit() else float(token.text)
        if not bounds.is_finite(value):
            raise self._error(f"{token} is too large", token)
        return value  # type: ignore[no-any-return]

    def _take(self, text: str, shown: str | None = None) -> None:
        if not self.token.is_(text):
            raise self.expected(shown or text)
        self._next()

    def _next(self) -> None:
        self._ended = self.token.end
        self.token = self._token(self.token.end)

    def _token(self, start: int) -> Token:
        match = _TOKEN.match(self._text, start)
        if match is None:
            odd = _ODD.search(self._text, start)
            at = odd.start() if odd else start
            token = Token("", "", at, at)
            if self._text[at] in "'\"":
                raise self._error("the text that begins here has no end", token)
            raise self._error(f"expected a value or an operator, found {self._text[at]!r}", token)
        kind = match.lastgroup or ""
        token = Token(kind, match[kind], match.start(kind), match.end())
        if token.end - self._start > MAX_TEXT:
            raise self._error(f"more than {MAX_TEXT} characters", token)
        return token

    def _error(self, text: str, token: Token) -> ExpressionError:
        return ExpressionError(f"character {token.start + 1}: {one_line(text, 160)}")
