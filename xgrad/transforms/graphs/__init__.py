"""Graphs built by hand: symbolic arrays, functions of them, updates, and their printing."""
