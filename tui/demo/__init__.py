"""Real work for a first look: scripts that the demo's tasks run."""
