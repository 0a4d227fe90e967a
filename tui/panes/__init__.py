"""What stands on the screen. A pane is handed the replica, and tells what was chosen; it names no application."""
