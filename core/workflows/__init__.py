"""Workflows as files: what they may say, what they mean, and what is wrong with one."""
