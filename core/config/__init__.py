"""The configuration file: read whole or refused whole, with every fault by line and key."""
