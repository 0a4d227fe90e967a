"""The outside: SQLite, tmux, the process table, files. Adapters know no rules and not each other."""
