"""The themes that come with muxdeck: one TOML file each."""
