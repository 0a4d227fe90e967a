"""Long trials of the installed program, from outside: the command line, the socket, files, signals, tmux, /proc."""
