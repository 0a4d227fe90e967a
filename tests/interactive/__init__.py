"""The reading of interactive agents: rules on recorded screens, hooks, and how they are merged."""
