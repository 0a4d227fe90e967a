"""Reading a coding agent that works in a terminal: its hooks, its screen, and what they say together."""
