"""The command line: short verbs over the socket. Nothing here imports the console."""
