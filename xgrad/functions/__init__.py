"""Functions of labeled arrays by subject, with core dims by name: linear algebra, random numbers, transforms, and more.

Each works on real labeled arrays, eagerly compiled, and on those of a trace.
"""
