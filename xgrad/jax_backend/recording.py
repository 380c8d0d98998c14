"""The other ``xp`` of the backend: it writes down what emissions call, instead of computing it.

Every call is also carried out on shapes alone (``jax.eval_shape``), so that results have their
shapes and structure, and functions handed to JAX (the step of a scan, the operator of an
``associative_scan``) are recorded too.
"""

from collections.abc import Callable
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

import jax
import numpy as np

from xgrad.jax_backend.namespace import jax_namespace


class Value:
    """An array that will exist when the program runs; ``name`` is its name in the source."""

    __slots__ = ("aval", "call", "name")

    def __init__(
        self, aval: jax.ShapeDtypeStruct, call: "Call | None" = None, name: str = ""
    ) -> None:
        self.aval = aval
        self.call = call
        self.name = name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def ndim(self) -> int:
        return len(self.aval.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.aval.dtype)


class Call:
    """One call of a JAX function; ``result`` is its structure with a ``Value`` at each array."""

    __slots__ = ("args", "function", "kwargs", "result")

    def __init__(self, function: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None

    @property
    def values(self) -> list[Value]:
        """The arrays that the call returns."""
        return leaves(self.result)


class Function:
    """A Python function that a call hands to JAX: what it calls for ``params``, and returns."""

    __slots__ = ("calls", "params", "result")

    def __init__(self, params: tuple, calls: list[Call], result: Any) -> None:
        self.params = params
        self.calls = calls
        self.result = result


class Recorder:
    """``xp`` for one node: ``calls`` fills up in the order in which the emission calls."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._on_shapes = False  # while JAX runs a handed function: compute, do not record

    def __getattr__(self, name: str) -> Any:
        return _recorded(self, getattr(jax_namespace, name))

    def call(self, function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
        """Write a call down; its result, with a ``Value`` for every array."""
        if self._on_shapes:
            return function(*args, **kwargs)
        shapes, handed = self._outline(function, (args, kwargs))
        call = Call(function, *self._with_functions((args, kwargs), handed))
        call.result = jax.tree.map(lambda aval: Value(aval, call), shapes)
        self.calls.append(call)
        return call.result

    def _outline(self, function: Callable[..., Any], arguments: tuple) -> tuple[Any, "_Handed"]:
        """The shapes of the result, and those that each function among the arguments was given."""
        flat, structure = jax.tree.flatten(arguments, is_leaf=_is_value)
        handed: _Handed = {}
        values = {i: x for i, x in enumerate(flat) if isinstance(x, Value)}

        def on_shapes(*arrays: Any) -> Any:
            filled = [_noting(x, handed) if _is_function(x) else x for x in flat]
            for i, array in zip(values, arrays, strict=True):
                filled[i] = array
            args, kwargs = jax.tree.unflatten(structure, filled)
            return function(*args, **kwargs)

        self._on_shapes = True
        try:
            return jax.eval_shape(on_shapes, *[v.aval for v in values.values()]), handed
        finally:
            self._on_shapes = False

    def _with_functions(self, arguments: tuple, handed: "_Handed") -> tuple:
        """``arguments`` with every Python function that JAX called replaced by its recording."""

        def replaced(x: Any) -> Any:
            return self._function(x, handed[x]) if _is_function(x) and x in handed else x

        return jax.tree.map(replaced, arguments, is_leaf=_is_value)

    def _function(self, function: Callable[..., Any], shapes: tuple) -> Function:
        params = jax.tree.map(Value, shapes)
        outside, self.calls = self.calls, []
        result = function(*params)
        recorded = Function(params, self.calls, result)
        self.calls = outside
        return recorded


_Handed = dict[Callable[..., Any], tuple]  # the shapes that a function was first called with


class Name:
    """A function or module of JAX, waiting to be called or looked into."""

    __slots__ = ("_recorder", "real")

    def __init__(self, recorder: Recorder, real: Any) -> None:
        self._recorder = recorder
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return _recorded(self._recorder, getattr(self.real, name))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._recorder.call(self.real, args, kwargs)


def _recorded(recorder: Recorder, real: Any) -> Any:
    """Functions and modules of JAX wrapped, our own functions stepped into, the rest as it is."""
    if isinstance(real, FunctionType) and real.__module__.startswith("xgrad."):
        return _stepped_into(recorder, real)
    if isinstance(real, type) or not (callable(real) or _is_jax(real)):
        return real
    return Name(recorder, real)


def _stepped_into(recorder: Recorder, function: FunctionType) -> FunctionType:
    """``function`` with ``lax`` and ``jnp`` wrapped in its module: what it calls is recorded."""
    scope = dict(function.__globals__)
    scope.update({name: Name(recorder, x) for name, x in scope.items() if _is_jax(x)})
    return FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
    )


def _is_jax(x: Any) -> bool:
    return isinstance(x, ModuleType) and x.__name__.partition(".")[0] == "jax"


def _noting(function: Callable[..., Any], handed: _Handed) -> Callable[..., Any]:
    """``function``, noting the shapes of the arguments when it is first called."""

    def noted(*args: Any) -> Any:
        handed.setdefault(function, jax.tree.map(_shape_of, args))
        return function(*args)

    return noted


def _shape_of(x: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(x.shape, x.dtype)


def _is_function(x: Any) -> bool:
    return isinstance(x, FunctionType | partial)


def leaves(tree: Any) -> list[Any]:
    """The arrays and other leaves of a structure."""
    return jax.tree.leaves(tree, is_leaf=_is_value)


def _is_value(x: Any) -> bool:
    return isinstance(x, Value)
