"""Sessions in private tmux servers, driven over persistent control-mode connections."""
