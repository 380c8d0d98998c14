"""Warnings about results, shown with the line of the user that asked for them."""

import warnings

from xgrad.errors import ConvergenceWarning
from xgrad.graph import user_source


def notice(text: str) -> None:
    """Warn that a result is not what was hoped for (ConvergenceWarning)."""
    at = user_source()
    if at is None:
        warnings.warn(text, ConvergenceWarning, stacklevel=2)
    else:
        warnings.warn_explicit(text, ConvergenceWarning, at.file, at.line)
