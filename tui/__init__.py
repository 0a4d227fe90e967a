"""The clients of muxdeck: the command line, and the console."""
