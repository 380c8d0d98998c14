"""Options of xgrad: an immutable record in force per thread and task, set for good or within a ``with`` block.

Anything that changes what a traced program becomes is here, so that the caches can hold the record in their keys. This
module imports nothing from xgrad but the errors. From the environment it reads ``XGRAD_*`` alone.
"""

import os
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args

from xgrad.errors import ArgumentError, nearest

AD = Literal["auto", "symbolic", "jax"]
CHECKS = ("indices", "finite", "definite", "converged")


class Options(NamedTuple):
    """The options in force.

    ``ad``: how gradients are made where the call does not say (``"auto"``, ``"symbolic"``, ``"jax"``);
    ``check_passes``: whether every pass is followed by a type check of the whole graph; ``disable``: names of
    rewrite rules that stay unused; ``show``: what is printed while compiling (``"rewrites"``); ``jacobian_bytes``: how
    large a Jacobian may be; ``fast_math``: whether rules hold that are right for real numbers and only roughly for
    floating-point ones; ``checks``: which run-time checks compiled functions make (see ``xgrad.checks``).
    """

    ad: AD = "auto"
    check_passes: bool = False
    disable: tuple[str, ...] = ()
    show: tuple[str, ...] = ()
    jacobian_bytes: int = 2**33
    fast_math: bool = False
    checks: tuple[str, ...] = ()


def _from_environment() -> Options:
    shown = os.environ.get("XGRAD_SHOW", "")
    checked = os.environ.get("XGRAD_CHECK_PASSES", "")
    return Options(
        check_passes=checked not in ("", "0"), show=tuple(w for w in shown.split(",") if w)
    )


_default = _from_environment()
_LOCAL: ContextVar[Options | None] = ContextVar("xgrad_options", default=None)


def current_options() -> Options:
    """The record in force here: the innermost ``with options(…)`` of this thread or task, else the global one."""
    return _LOCAL.get() or _default


def option(name: str) -> Any:
    """One option in force here, by name."""
    return getattr(current_options(), name)


class options(AbstractContextManager[None]):
    """Set options for good, or inside a ``with`` block for this thread or task alone.

    >>> with options(ad="symbolic"):
    ...     current_options().ad
    'symbolic'
    >>> current_options().ad
    'auto'
    """

    def __init__(self, **changes: Any) -> None:
        global _default
        self._changes = {name: _checked(name, value) for name, value in changes.items()}
        self._before, self._token = _default, None
        _default = _default._replace(**self._changes)

    def __enter__(self) -> None:
        global _default
        _default = self._before  # inside a block the change is local: take the global one back
        self._token = _LOCAL.set(current_options()._replace(**self._changes))

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            _LOCAL.reset(self._token)


_rule_names: Callable[[], Collection[str]] = tuple


def look_up_rules(names: Callable[[], Collection[str]]) -> None:
    """Let ``names`` tell the rewrite rules that there are. Their tables stand far above this module."""
    global _rule_names
    _rule_names = names


def _checked(name: str, value: Any) -> Any:
    if name not in Options._fields:
        known = Options._fields
        raise ArgumentError(
            f"the options are {', '.join(known)}; there is none called {name!r}{nearest(name, known) or '.'}"
        )
    if name == "ad" and value not in get_args(AD):
        raise ArgumentError(f"option 'ad' must be one of {get_args(AD)}, not {value!r}.")
    if name == "checks":
        return _checked_kinds(value)
    if name == "disable":
        return _checked_rules(value)
    return tuple(value) if name == "show" else value


def _checked_rules(value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value or ())
    known = _rule_names() if names else ()
    for name in names:
        if name not in known:
            raise ArgumentError(
                f"option 'disable' names rewrite rules, and there is none called {name!r}"
                f"{_close(str(name), sorted(known))} docs/rewrites.md lists them."
            )
    return names


def _close(name: str, known: Sequence[str]) -> str:
    """The names most like ``name``, as the end of a sentence."""
    found = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"; near it are {', '.join(map(repr, found))}." if found else "."


def _checked_kinds(value: Any) -> tuple[str, ...]:
    """``True`` is all checks, ``False`` none."""
    kinds = CHECKS if value is True else tuple(value or ())
    for kind in kinds:
        if kind not in CHECKS:
            raise ArgumentError(
                f"the run-time checks are {', '.join(CHECKS)}; there is none called {kind!r}"
                f"{nearest(kind, CHECKS) or '.'}"
            )
    return kinds
