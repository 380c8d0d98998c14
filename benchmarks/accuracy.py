"""How many digits are right: values and gradients at extreme arguments against mpmath.

The error is relative, in units of the condition number: an error of 1 at the last digit of the arguments is not held
against anybody. ``python -m benchmarks.accuracy`` prints the table of docs/accuracy.md. PyTensor has a column where it
is installed.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import mpmath
import numpy as np
import scipy.special as sp
import xarray as xr

import xgrad
from benchmarks.accuracy_table import TABLE, Expression, Number

TARGET = 1e-13
DIM = "k"


class Errors(NamedTuple):
    """Relative errors over condition numbers; infinite where a number is not finite."""

    value: float
    gradient: float


class Computed(NamedTuple):
    """A value, and the derivative by each number among the arguments, in order."""

    value: Any
    gradient: Sequence[Any]


# ---- the libraries ---------------------------------------------------------------------------------------------------
XARRAY = SimpleNamespace(
    **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "sinh", "cosh", "cos")},
    **{name: getattr(sp, name) for name in ("erf", "erfc", "gammaln", "ndtr", "log_ndtr", "gamma")},
    **{name: lambda x, name=name: getattr(x, name)(DIM) for name in ("sum", "prod", "max", "mean")},
    dot=lambda x, y: xr.dot(x, y, dim=DIM),
    first=lambda x: x.isel({DIM: 0}),
)
JAX = SimpleNamespace(
    **{name: getattr(jnp, name) for name in ("exp", "log", "sqrt", "sinh", "cosh", "cos")},
    **{
        name: getattr(jsp, name) for name in ("erf", "erfc", "gammaln", "ndtr", "log_ndtr", "gamma")
    },
    **{name: getattr(jnp, name) for name in ("sum", "prod", "max", "mean", "dot")},
    first=lambda x: x[0],
)


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    ufunc = np.frompyfunc(function, 1, 1)
    return lambda x: ufunc(x) if isinstance(x, np.ndarray) else function(x)


MPMATH = SimpleNamespace(
    **{name: _each(getattr(mpmath, name)) for name in ("exp", "sqrt", "sinh", "cosh", "cos")},
    **{name: _each(getattr(mpmath, name)) for name in ("log", "erf", "erfc", "gamma")},
    gammaln=_each(mpmath.loggamma),
    ndtr=_each(lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2),
    log_ndtr=_each(lambda x: mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)),
    sum=np.sum,
    prod=np.prod,
    max=max,
    mean=lambda x: np.sum(x) / len(x),
    dot=lambda x, y: np.sum(x * y),
    first=lambda x: x[0],
)


# ---- computing -------------------------------------------------------------------------------------------------------
def by_xgrad(e: Expression, ad: str = "auto") -> Computed:
    arguments = [_labeled(a) for a in e.arguments]
    which = tuple(range(len(arguments)))
    function = xgrad.value_and_grad(lambda *x: e.function(XARRAY, *x), argnums=which, ad=ad)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, gradient = function(*arguments)
    return Computed(float(value), np.concatenate([np.ravel(g.values) for g in gradient]))


def _labeled(argument: Number) -> xr.DataArray:
    return xr.DataArray(np.array(argument), dims=DIM if isinstance(argument, tuple) else ())


def by_jax(e: Expression) -> Computed:
    with jax.enable_x64(True):
        arguments = [jnp.asarray(a, float) for a in e.arguments]
        which = tuple(range(len(arguments)))
        function = jax.jit(jax.value_and_grad(lambda *x: e.function(JAX, *x), argnums=which))
        value, gradient = function(*arguments)
    return Computed(float(value), np.concatenate([np.ravel(g) for g in gradient]))


def by_pytensor(e: Expression) -> Computed:
    pytensor, pt = import_module("pytensor"), import_module("pytensor.tensor")
    library = SimpleNamespace(
        **{name: getattr(pt, name) for name in ("exp", "log", "sqrt", "sinh", "cosh", "cos")},
        **{name: getattr(pt, name) for name in ("erf", "erfc", "gammaln", "gamma")},
        **{name: getattr(pt, name) for name in ("sum", "prod", "max", "mean", "dot")},
        ndtr=lambda x: 0.5 * pt.erfc(-x / np.sqrt(2)),
        log_ndtr=lambda x: pt.log(0.5 * pt.erfc(-x / np.sqrt(2))),
        first=lambda x: x[0],
    )
    inputs = [pt.dvector() if isinstance(a, tuple) else pt.dscalar() for a in e.arguments]
    cost = e.function(library, *inputs)
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_run")
    function = pytensor.function(inputs, [cost, *pytensor.grad(cost, inputs)], mode=mode)
    with np.errstate(all="ignore"):
        value, *gradient = function(*[np.asarray(a, float) for a in e.arguments])
    return Computed(float(value), np.concatenate([np.ravel(g) for g in gradient]))


# ---- the truth -------------------------------------------------------------------------------------------------------
class Truth(NamedTuple):
    """The exact value and gradient, and the condition number of each."""

    value: Any
    gradient: list[Any]
    value_condition: Any
    gradient_condition: Any


DIGITS = 700  # enough for exp(-800) beside 1


@cache
def truth(e: Expression) -> Truth:
    """By mpmath: the derivatives are differences with far more digits than are asked for."""
    with mpmath.workdps(DIGITS):
        numbers = [mpmath.mpf(v) for a in e.arguments for v in _numbers(a)]

        def function(*flat: Any) -> Any:
            return e.function(MPMATH, *_packed(e.arguments, flat))

        value = function(*numbers)
        steps = [max(abs(x), mpmath.mpf("1e-300")) * mpmath.mpf(10) ** -150 for x in numbers]
        gradient = [_slope(function, numbers, i, steps[i]) for i in range(len(numbers))]
        curved = [
            sum(
                abs(
                    x
                    * _slope(lambda *v, i=i: _slope(function, v, i, steps[i]), numbers, j, steps[j])
                )
                for j, x in enumerate(numbers)
            )
            for i in range(len(numbers))
        ]
        moved = sum(abs(x * g) for x, g in zip(numbers, gradient, strict=True))
        largest = max(map(abs, gradient))
        return Truth(value, gradient, moved / abs(value), max(curved) / largest)


def _slope(function: Callable[..., Any], at: Sequence[Any], i: int, step: Any) -> Any:
    """A central difference: 300 digits of the derivative are right."""
    ahead, behind = list(at), list(at)
    ahead[i], behind[i] = at[i] + step, at[i] - step
    return (function(*ahead) - function(*behind)) / (2 * step)


def _numbers(argument: Number) -> tuple[float, ...]:
    return argument if isinstance(argument, tuple) else (argument,)


def _packed(arguments: Sequence[Number], flat: Sequence[Any]) -> list[Any]:
    packed, rest = [], list(flat)
    for a in arguments:
        mine, rest = rest[: len(_numbers(a))], rest[len(_numbers(a)) :]
        packed.append(np.array(mine, dtype=object) if isinstance(a, tuple) else mine[0])
    return packed


def errors(e: Expression, computed: Computed) -> Errors:
    """The errors of value and gradient (by its largest component), over their condition numbers."""
    with mpmath.workdps(DIGITS):
        exact = truth(e)
        if not np.isfinite(computed.value):
            value = mpmath.inf
        else:
            off = abs(mpmath.mpf(computed.value) - exact.value) / abs(exact.value)
            value = off / max(exact.value_condition, 1)
        if not np.all(np.isfinite(computed.gradient)):
            return Errors(float(value), float("inf"))
        pairs = zip(computed.gradient, exact.gradient, strict=True)
        off = max(abs(mpmath.mpf(float(g)) - t) for g, t in pairs)
        size = max(map(abs, exact.gradient)) * max(exact.gradient_condition, 1)
        return Errors(float(value), float(off / size))


# ---- the table -------------------------------------------------------------------------------------------------------
def columns() -> dict[str, Callable[[Expression], Computed]]:
    found = {"xgrad": by_xgrad, "JAX": by_jax}
    return {**found, "PyTensor": by_pytensor} if find_spec("pytensor") else found


def rows() -> Iterator[tuple[str, ...]]:
    for e in TABLE:
        measured = [errors(e, compute(e)) for compute in columns().values()]
        yield str(e), *[f"{_text(m.value)} · {_text(m.gradient)}" for m in measured]


def _text(error: float) -> str:
    if not np.isfinite(error):
        return "none"
    return "exact" if error < 1e-17 else f"{error:.0e}"


def main() -> None:
    """Print the table in Markdown."""
    names = list(columns())
    print(f"| expression | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for row in rows():
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
