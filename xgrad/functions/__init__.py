"""Functions of labeled arrays by subject: ``linalg``, ``special``, ``random``, ``signal``, ``fft``, with core dims by name.

Each works on real labeled arrays, eagerly compiled, and on those of a trace.
"""
