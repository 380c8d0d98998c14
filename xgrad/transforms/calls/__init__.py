"""Compiled functions of labeled arrays: from the arguments of a call to its result, by way of two caches."""
