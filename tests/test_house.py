"""The house rules that a linter does not know: who may import whom, and what may reach a screen."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tui import themes
from tui.wording import ROLES

ROOT = Path(__file__).parents[1]
SOURCES = [*ROOT.glob("core/**/*.py"), *ROOT.glob("tui/**/*.py")]


def test_everybody_imports_only_downwards() -> None:
    told = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Calls with the last part of what is called."""
    return [
        (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.is_relative_to(ROOT / "tui")], ids=lambda path: path.name
)
def test_no_text_from_outside_reaches_a_widget_as_plain_text(path: Path) -> None:
    """A widget reads markup in plain text, and lets escape sequences through: only constants and Content may go in."""
    tree = ast.parse(path.read_text())
    for name, call in calls(tree):
        first = call.args[0] if call.args else None
        if name in ("Static", "Label") or (name == "update" and "Static" in ast.unparse(call.func)):
            constant = first is None or isinstance(first, ast.Constant)
            assert constant or ast.unparse(first).startswith("Content("), ast.unparse(call)
        if name == "notify":
            assert any(word.arg == "markup" for word in call.keywords), ast.unparse(call)
    if path.name != "titles.py":
        written = [
            node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        ]
        assert not {"border_title", "border_subtitle", "tooltip"} & set(written)


def test_there_is_no_colour_outside_the_themes() -> None:
    import re

    colour = re.compile(r"#[0-9a-fA-F]{6}\b|\brgb\(")
    sheet = (ROOT / "tui" / "console.tcss").read_text()
    assert not colour.search(sheet)
    allowed = {"themes.py", "app.py"}
    for path in SOURCES:
        if path.name not in allowed:
            assert not colour.search(path.read_text()), path


def test_every_theme_that_comes_with_muxdeck_is_whole_and_legible() -> None:
    found = themes.load(ROOT / "nowhere")
    assert found.faults == []
    kinds = [theme.dark for theme in found.themes.values()]
    assert kinds.count(True) >= 3
    assert kinds.count(False) >= 1
    for file in (ROOT / "themes").glob("*.toml"):
        written = tomllib.loads(file.read_text())
        surfaces, roles = written["surfaces"], written["roles"]
        least = 7.0 if file.stem == "beacon" else 4.5
        assert contrast(surfaces["foreground"], surfaces["surface"]) >= least, file.stem
        for role in set(ROLES) - {"faint"}:
            enough = least if role not in ("muted", "cancelled", "succeeded") else 3.5
            for surface in ("surface", "selection"):
                assert contrast(roles[role], surfaces[surface]) >= enough - (1.0 if surface == "selection" else 0), (
                    file.stem,
                    role,
                )


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_theme_with_a_fault_says_which() -> None:
    good = (ROOT / "themes" / "harbour.toml").read_text()
    for broken, said in (
        (good.replace("muted =", "mutde ="), "mutde is unknown"),
        (good.replace('accent = "#', 'accent = "x#'), "expected a colour"),
        (good + "\n[extra]\n", "unknown key 'extra'"),
        ("dark = ?", "line 1"),
        ("", "surfaces"),
    ):
        with pytest.raises(ValueError, match=said):
            themes.parse("x", broken)


def test_every_file_says_in_its_first_line_what_it_is() -> None:
    for path in SOURCES:
        words = ast.get_docstring(ast.parse(path.read_text()))
        assert words, path
        first = words.splitlines()[0]
        assert first.endswith((".", ":")) or ":  " in first, f"{path}: a sentence, or a script's use after a colon"


def test_nothing_of_the_makers_is_in_the_project() -> None:
    told = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    for name in told:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".sh", ".tcss", ".sql") and path.exists():
            text = path.read_text()
            assert not any(mark in text for mark in marks), name
            assert "/ro" + "ot/" not in text, name
