"""The JSON Schema of workflow files, for editors."""

from __future__ import annotations

import ast
import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.boundary import adapter
from core.workflows import file, tasktable
from core.workflows.tasktable import key_of

if TYPE_CHECKING:
    from types import ModuleType


def schema() -> dict[str, Any]:
    """Draft 2020-12. What a key means is what its field says in the source."""
    found = adapter(file.WorkflowFile).json_schema(by_alias=True)
    definitions = found.get("$defs", {})
    for name, described in _described().items():
        shape = found if name == "WorkflowFile" else definitions.get(name, {})
        if described.whole:
            shape["description"] = described.whole
        for key, words in described.keys.items():
            if key in shape.get("properties", {}):
                shape["properties"][key]["description"] = words
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "A workflow of muxdeck"}


class _Described:
    """The words of one class."""

    def __init__(self, written: ast.ClassDef) -> None:
        self.whole = _line(ast.get_docstring(written) or "")
        self.keys = {
            key_of(entry.target.id): _line(words.value.value)
            for entry, words in zip(written.body, written.body[1:], strict=False)
            if isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and isinstance(words, ast.Expr)
            and isinstance(words.value, ast.Constant)
            and isinstance(words.value.value, str)
        }


@lru_cache
def _described() -> dict[str, _Described]:
    modules: tuple[ModuleType, ...] = (tasktable, file)
    trees = (ast.parse(inspect.getsource(module)) for module in modules)
    return {one.name: _Described(one) for tree in trees for one in tree.body if isinstance(one, ast.ClassDef)}


def _line(text: str) -> str:
    return " ".join(text.split())
