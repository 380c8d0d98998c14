"""The model whose ``with`` block is being run."""

from contextvars import ContextVar
from typing import Any

from xgrad.errors import ModelContextError

_OPEN: ContextVar[tuple[Any, ...]] = ContextVar("open models", default=())


def enter(model: Any) -> None:
    """``model`` receives what is declared from now on."""
    _OPEN.set((*_OPEN.get(), model))


def leave() -> None:
    """The model entered last receives no more declarations."""
    _OPEN.set(_OPEN.get()[:-1])


def current_model(what: str) -> Any:
    """The innermost open model. Raises ModelContextError where there is none; ``what`` is named in the message."""
    models = _OPEN.get()
    if not models:
        raise ModelContextError(
            f"{what} is declared outside a model; write it in a `with Model(...):` block,"
            " or use .dist(...) for a distribution by itself."
        )
    return models[-1]
