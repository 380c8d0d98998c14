"""Which arguments of a function are static, what each is called, and whether a call fits the function at all."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from xgrad.errors import ArgumentError, UnsupportedTypeError, nearest
from xgrad.transforms.calls.arguments import CallGuard, guard_of
from xgrad.transforms.calls.leaves import Guard, StaticGuard

Names = str | Iterable[str] | None
Numbers = int | Iterable[int] | None


class Signature:
    """The parameters of a function to be compiled, with static and donated ones marked."""

    def __init__(
        self,
        fun: Callable[..., Any],
        static_argnums: Numbers,
        static_argnames: Names,
        donate_argnums: Numbers,
    ) -> None:
        self.name = getattr(fun, "__name__", type(fun).__name__)
        self._signature = _signature(fun)
        self._parameters = _positional(self._signature)
        self._keywords = _keywords(self._signature)
        static = {self._number(n, "static_argnums") for n in _tuple(static_argnums)}
        names = {self._checked_name(n) for n in _tuple(static_argnames)}
        self._static_numbers = static | {
            i for i, name in enumerate(self._parameters) if name in names
        }
        self._static_names = names | {self.argument(i) for i in static}
        self._donated = {self._number(n, "donate_argnums") for n in _tuple(donate_argnums)}

    def guard(self, args: tuple, kwargs: dict[str, Any]) -> CallGuard:
        """What a trace of this call assumes.

        Raises ArgumentError where the call does not fit the function, UnsupportedTypeError for an argument that cannot
        be traced.
        """
        self.check(args, kwargs)
        positional = [
            self._guard(value, self.argument(i), i in self._static_numbers)
            for i, value in enumerate(args)
        ]
        keywords = {
            name: self._guard(value, name, name in self._static_names)
            for name, value in kwargs.items()
        }
        return CallGuard(positional, keywords)

    def check(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """Raise ArgumentError where the function cannot be called like this."""
        if self._signature is None:
            return
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(
                f"cannot call `{self.name}` like this: {error}.\n"
                f"Its signature is {self.name}{_plain(self._signature)}."
            ) from None

    def donated(self, guard: CallGuard) -> tuple[int, ...]:
        """The positions, among all arrays of a call, of those whose memory may be reused."""
        positions: list[int] = []
        start = 0
        for i, argument in enumerate(guard.guards):
            count = len(argument.backings)
            if i in self._donated:
                positions += range(start, start + count)
            start += count
        return tuple(positions)

    def _guard(self, value: Any, path: str, static: bool) -> Guard:
        if not static:
            return guard_of(value, path)
        try:
            hash(value)
        except TypeError:
            raise UnsupportedTypeError(
                f"the static argument `{path}` of `{self.name}` is a {type(value).__name__}, which has no hash.\n"
                "Pass something hashable (a tuple for a list, a frozen dataclass for a dict), or let it be traced."
            ) from None
        return StaticGuard(value, path)

    def argument(self, i: int) -> str:
        """What the user calls positional argument ``i``."""
        if i < len(self._parameters):
            return self._parameters[i]
        rest = self._parameters[-1] if self._parameters else "args"
        return f"{rest}[{i}]"

    def _number(self, i: int, where: str) -> int:
        count = len(self._parameters)
        if not -count <= i < count and not self._is_variadic():
            raise ArgumentError(
                f"{where}={i}: `{self.name}{_plain(self._signature)}` has {count} positional parameters."
            )
        return i % count if i < 0 else i

    def _checked_name(self, name: str) -> str:
        if self._keywords is not None and name not in self._keywords:
            raise ArgumentError(
                f"static_argnames={name!r}: `{self.name}{_plain(self._signature)}` has no parameter of that name"
                f"{nearest(name, self._keywords) or '.'}"
            )
        return name

    def _is_variadic(self) -> bool:
        if self._signature is None:
            return True
        kinds = [p.kind for p in self._signature.parameters.values()]
        return inspect.Parameter.VAR_POSITIONAL in kinds


def _tuple(value: Any) -> tuple:
    if value is None:
        return ()
    return (value,) if isinstance(value, str | int) else tuple(value)


def _signature(fun: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(fun)
    except (TypeError, ValueError):  # some builtins have none
        return None


def _positional(signature: inspect.Signature | None) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = signature.parameters.values() if signature else ()
    return [p.name for p in parameters if p.kind in kinds]


def _keywords(signature: inspect.Signature | None) -> list[str] | None:
    """The names that can be passed by keyword; None where any can."""
    parameters = signature.parameters.values() if signature else ()
    if signature is None or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return None
    return [p.name for p in parameters]


def _plain(signature: inspect.Signature | None) -> str:
    """The signature without annotations, which would only be noise in a message."""
    if signature is None:
        return "(...)"
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))
