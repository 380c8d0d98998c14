"""Tensor ops: axis numbers, static shapes, dtypes. One class per op with its inference, emission and gradient."""
