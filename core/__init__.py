"""The engine of muxdeck: pure rules over an indexed world, and the adapters that carry them out."""

__version__ = "0.1.0"
