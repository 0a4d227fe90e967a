"""The benchmark: what muxdeck promises, each figure beside its floor in the same run."""
