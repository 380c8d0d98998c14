"""Crediting what an operation records to the user's line that called for it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from xgrad.graph import current_source, located, user_source

F = TypeVar("F", bound=Callable[..., Any])


def recorded(function: F) -> F:
    """``function`` with its nodes credited to the user's line, unless a caller within xgrad does so already."""

    @wraps(function)
    def with_source(*args: Any, **kwargs: Any) -> Any:
        if current_source() is not None:
            return function(*args, **kwargs)
        with located(user_source()):
            return function(*args, **kwargs)

    return with_source  # pyright: ignore[reportReturnType]
