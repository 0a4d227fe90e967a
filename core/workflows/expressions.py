"""Expressions over what a run knows, texts that hold some, and nested values whose texts do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from core.workflows.grammar import MAX_NESTING, RESERVED, SIMPLE, ExpressionError, Parser
from core.workflows.terms import Constant, MissingError, Path, Scope, Term, UnfitError, joined, rendered, truth, within

__all__ = ["Expression", "ExpressionError", "MissingError", "Scope", "Structure", "Template", "UnfitError"]

_LARGEST = 1 << 63

References = frozenset[tuple[str, ...]]
"""Paths as ("plan", "out", "files"); the place in a list is its digits."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Equal to another where its text is."""

    text: str
    references: References = field(compare=False, repr=False)
    _root: Term = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Expression:
        """ExpressionError says what is expected, and at which character."""
        parser = Parser(text)
        root = parser.whole()
        return cls(text, frozenset(parser.references), root)

    def evaluate(self, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
        """MissingError where something that counts is not there, UnfitError where it does not fit."""
        return self._root.value(scope)

    def holds(self, scope: Scope) -> bool:
        """Its value where that is true or false; UnfitError otherwise."""
        return truth(self.evaluate(scope), self.text)


@dataclass(frozen=True, slots=True)
class Template:
    """A text in which `${…}` stands for the value of an expression, and `$${` for `${`. Equal where the text is."""

    text: str
    references: References = field(compare=False, repr=False)
    _parts: tuple[Term, ...] = field(compare=False, repr=False)
    """In their order; what is no expression is the constant text between them."""

    @classmethod
    def parse(cls, text: str) -> Template:
        """ExpressionError says what is expected, and at which character."""
        if "\0" in text:
            raise ExpressionError(f"character {text.index(chr(0)) + 1}: a NUL character, which no program takes")
        if "${" not in text:
            return cls(text, frozenset(), (Constant(text),))
        parts: list[Term] = []
        references: set[tuple[str, ...]] = set()
        plain, at = "", 0
        while (found := text.find("${", at)) >= 0:
            if found and text[found - 1] == "$":
                plain += text[at : found - 1] + "${"
                at = found + 2
                continue
            plain += text[at:found]
            if plain:
                parts.append(Constant(plain))
            part, at = _part(text, found, references)
            parts.append(part)
            plain = ""
        if plain + text[at:] or not parts:
            parts.append(Constant(plain + text[at:]))
        return cls(text, frozenset(references), tuple(parts))

    @property
    def constant(self) -> bool:
        """Nothing that a run knows is in it."""
        return not self.references

    @property
    def single(self) -> bool:
        """The whole text is one `${…}`."""
        return len(self._parts) == 1 and self.text.startswith("${")

    def value(self, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
        """What it refers to as it is, where the whole text is one `${…}`; the rendered text otherwise.

        MissingError where something that counts is not there, UnfitError where it does not fit.
        """
        return self._parts[0].value(scope) if len(self._parts) == 1 else self.text_of(scope)

    def text_of(self, scope: Scope) -> str:
        """Texts as they are, everything else as compact JSON. Errors as those of `value`."""
        if len(self._parts) == 1:
            return rendered(self._parts[0].value(scope))
        return joined(rendered(part.value(scope)) for part in self._parts)

    def words(self, scope: Scope) -> tuple[str, ...]:
        """For argv: one word, or one for each element where the whole text refers to a list.

        Errors as those of `value`.
        """
        if len(self._parts) > 1:
            return (self.text_of(scope),)
        found = self._parts[0].value(scope)
        return tuple(map(rendered, found)) if isinstance(found, (list, tuple)) else (rendered(found),)


def _part(text: str, start: int, references: set[tuple[str, ...]]) -> tuple[Term, int]:
    """The expression of the `${…}` that begins there, and where it ends."""
    path = SIMPLE.match(text, start)
    if path is not None and path[1] not in RESERVED:
        steps = tuple(path[0][2:-1].split("."))
        references.add(steps)
        return Path(steps), path.end()
    parser = Parser(text, start + 2)
    part = parser.expression()
    if not parser.token.is_("}"):
        raise parser.expected("}")
    references |= parser.references
    return part, parser.token.end


Filled = None | bool | int | float | Template | dict[str, "Filled"] | list["Filled"]


@dataclass(frozen=True, slots=True)
class Structure:
    """A nested JSON value whose texts are templates: what they refer to fills its place and never changes the rest."""

    text: str
    """As JSON. Structures of the same text are equal."""
    references: References = field(compare=False, repr=False)
    _root: Filled = field(compare=False, repr=False)

    @classmethod
    def parse(cls, written: Any) -> Structure:  # noqa: ANN401 - any JSON value
        """ExpressionError says what is expected in which text of it, or that it is no JSON."""
        references: set[tuple[str, ...]] = set()
        root = _parsed(written, references, MAX_NESTING)
        return cls(json.dumps(written, ensure_ascii=False), frozenset(references), root)

    @property
    def constant(self) -> bool:
        """Nothing that a run knows is in it."""
        return not self.references

    def value(self, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
        """MissingError where something that counts is not there, UnfitError where it does not fit."""
        return within(_filled(self._root, scope)) if self.references else _filled(self._root, scope)


def _parsed(written: object, references: set[tuple[str, ...]], levels: int) -> Filled:
    if levels == 0:
        raise ExpressionError(f"more than {MAX_NESTING} levels of nesting")
    if isinstance(written, str):
        template = Template.parse(written)
        references |= template.references
        return template
    if isinstance(written, dict):
        if (bad := next((key for key in written if "${" in key), None)) is not None:
            raise ExpressionError(f"a key holds no ${{…}}, only a value does: {json.dumps(bad)}")
        return {key: _parsed(value, references, levels - 1) for key, value in written.items()}
    if isinstance(written, (list, tuple)):
        return [_parsed(value, references, levels - 1) for value in written]
    if written is None or isinstance(written, bool):
        return written
    if isinstance(written, (int, float)) and -_LARGEST <= written <= _LARGEST:
        return written
    if isinstance(written, (int, float)):
        raise ExpressionError("expected a number that JSON can hold")
    raise ExpressionError(f"expected a text, a number, true, false, a list or a table, found {type(written).__name__}")


def _filled(node: Filled, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(node, Template):
        return node.value(scope)
    if isinstance(node, dict):
        return {key: _filled(value, scope) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, scope) for value in node]
    return node
