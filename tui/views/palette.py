"""The styles of a theme's roles and of the cursor.

They come straight from the theme: as rules of the stylesheet, one for each role of each widget, they would take a good
part of the time to the first frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style

from tui.wording import ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping


def role_styles(variables: Mapping[str, str]) -> dict[str, Style]:
    """Foregrounds only. `variables` are those of `tui.themes`."""
    return {role: Style(color=variables[f"role-{role}"]) for role in ROLES}


def cursor_style(variables: Mapping[str, str], *, focused: bool) -> Style:
    """The row that keys act on; paler where another widget has the keys."""
    if focused:
        return Style(bgcolor=variables["selection"], color=variables["role-strong"])
    return Style(bgcolor=variables["raised"])
