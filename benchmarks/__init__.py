"""Benchmarks: xgrad against hand-written JAX and its peers, as ratios in one run."""
