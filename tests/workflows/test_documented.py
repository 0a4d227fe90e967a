"""The workflows that the documentation shows, and those to try, are sound as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.workflows.reading import read

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
EXAMPLES = sorted((ROOT / "tests" / "examples").rglob("*.toml"))


def test_the_readme_shows_workflows() -> None:
    assert len(BLOCKS) == 2


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.findall('name = "(.*)"', block)[0])
def test_a_workflow_of_the_readme_has_no_faults(block: str) -> None:
    assert read(block, "readme.toml", lambda _: None)[1] == ()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_faults(path: Path) -> None:
    assert read(path.read_text(), path.name, lambda file: (path.parent / file).read_text())[1] == ()


def test_links_of_the_readme_to_examples_lead_somewhere() -> None:
    linked = re.findall(r"\]\((tests/examples[^)]*)\)", (ROOT / "README.md").read_text())
    assert len(linked) >= 9
    assert [link for link in linked if not (ROOT / link).exists()] == []
