"""Runs of workflows: what lets each node begin, what it does, and how the run ends. Pure, like all rules."""
