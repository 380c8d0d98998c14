"""Loops and branches of the running program, on labeled arrays."""
