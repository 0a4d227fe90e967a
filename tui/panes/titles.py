"""Titles in borders: inert, and drawn again only when they have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from core.text import one_line

if TYPE_CHECKING:
    from textual.widget import Widget

LONGEST = 100


def entitle(widget: Widget, title: str = "", subtitle: str = "") -> None:
    """The only place that writes into a border: a plain text there would be read as markup."""
    wanted = (title, subtitle)
    if getattr(widget, "_entitled", None) != wanted:
        widget._entitled = wanted  # type: ignore[attr-defined]  # noqa: SLF001 - a mark of our own
        widget.border_title = Content(one_line(title, LONGEST))
        widget.border_subtitle = Content(one_line(subtitle, LONGEST))
