"""From rows to lines: pure functions that sort, count and word. They know no widget."""
