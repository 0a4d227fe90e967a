"""Kinds of agents: how each is started, what its stream says, and what became of a run."""
