"""What users call: compiled functions of labeled arrays, their gradients, and graphs built by hand.

A call of a compiled function passes through these files: ``guard``, ``leaves`` and ``arguments`` (is there a trace for
arguments like these?), ``trace`` (if not), ``cache``, ``program`` (compile and run), ``wrap`` (labels on the result).
Loops and branches are in ``scan`` and ``branches``: ``carry`` and ``sequences`` bring values into and out of a step,
``closing`` makes the step a graph of its own, ``segments`` is checkpointing.
"""
