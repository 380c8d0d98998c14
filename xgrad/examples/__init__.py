"""Complete programs on real data, each run as ``python -m xgrad.examples.<name>``."""
