"""Pure rules: no clock, no disk, no randomness, no await. Time is an argument."""
