"""NumPy's ufuncs and operators on traced arrays against NumPy: values, dtypes (NEP 50), broadcasting, options."""

import itertools
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

from tests.labels.reference import run
from tests.labels.test_numpy_table import assert_same
from xgrad.axes.elementwise import UFUNCS
from xgrad.errors import UnsupportedError, UnsupportedTypeError
from xgrad.labels import open_trace, wrap
from xgrad.labels.duck.elementwise import OPS
from xgrad.labels.duck.ufuncs import COMPOSED
from xgrad.names.types import XType

NUMBERS = np.array([[-2.0, -0.5, 0.0], [0.3, 1.0, 2.5]])
OTHERS = np.array([[1.5, -2.0, 3.0], [0.0, 1.0, 2.5]])
DTYPES = ["?", "i1", "u1", "i4", "i8", "f2", "f4", "f8", "c8", "c16"]
NAMES = sorted({*UFUNCS, *COMPOSED} - {"matmul", "vecdot", "abs", "conj", "mod", "true_divide"})
NAMES = [n for n in NAMES if isinstance(getattr(np, n, None), np.ufunc)]


def equal_or_both_refuse(function: Callable[..., Any], *args: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = function(*args)
        except (TypeError, ValueError) as error:
            with pytest.raises(type(error)):
                run(function, *args)
            return
        assert_same(run(function, *args), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_values_and_dtypes(name: str, dtype: str) -> None:
    ufunc = getattr(np, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = [x.astype(dtype) for x in (NUMBERS, OTHERS)[: ufunc.nin]]
        if name == "ldexp":
            inputs[-1] = inputs[-1].astype(
                np.int8
            )  # 2**254 is more than the constant's dtype holds
    if name in ("left_shift", "right_shift", "power", "ldexp") and np.dtype(dtype).kind in "iu":
        inputs[1] = np.abs(inputs[1])
    equal_or_both_refuse(ufunc, *inputs)


@pytest.mark.parametrize(("one", "two"), list(itertools.product(DTYPES, DTYPES)))
def test_promotion(one: str, two: str) -> None:
    x, y = np.ones((2, 3)).astype(one), np.ones(3).astype(two)
    equal_or_both_refuse(np.add, x, y)
    equal_or_both_refuse(np.true_divide, x, y)
    equal_or_both_refuse(lambda a, b: np.where(a > 0, a, b), x, y)


SCALARS = [True, 2, 1.5, 1j, np.float64(2), np.float32(2), np.int8(2), np.bool_(True)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scalar", SCALARS, ids=repr)
def test_numbers_are_weak_and_numpy_scalars_are_not(scalar: Any, dtype: str) -> None:
    x = np.ones(3).astype(dtype)
    for function in (operator.add, operator.mul, operator.truediv, operator.gt):
        equal_or_both_refuse(lambda a, f=function: f(a, scalar), x)
        equal_or_both_refuse(lambda a, f=function: f(scalar, a), x)


def test_traced_python_numbers_stay_weak() -> None:
    with open_trace() as trace:
        x = wrap(trace.input(XType(("a",), (3,), np.dtype(np.float32))))
        n = wrap(trace.input(XType((), (), np.dtype(np.float64), weak=True)))
        assert (x * n).dtype == np.float32
        assert (x * (n + 1) ** 2).dtype == np.float32
        assert (x * np.sqrt(n)).dtype == np.float32
        assert (x * n.astype(float)).dtype == np.float64
        assert (n * 2).dtype == np.float64


OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge, divmod,
]  # fmt: skip


@pytest.mark.parametrize("apply", OPERATORS, ids=lambda f: f.__name__)
def test_operators_with_constants_on_either_side(apply: Callable[..., Any]) -> None:
    x, constant = np.abs(NUMBERS) + 1, [[1.0, 2.0, 0.5]]
    for other in (np.array(constant), 2, np.float32(3)):
        equal_or_both_refuse(lambda a, other=other: apply(a, other), x)
        equal_or_both_refuse(lambda a, other=other: apply(other, a), x)


@pytest.mark.parametrize(
    "apply", [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]
)
def test_bitwise_operators(apply: Callable[..., Any]) -> None:
    equal_or_both_refuse(apply, np.array([5, 3, 8]), np.array([1, 2, 3]))
    equal_or_both_refuse(lambda a: apply(6, a), np.array([1, 2, 3]))


@pytest.mark.parametrize("apply", [operator.neg, operator.pos, abs, operator.invert, round])
def test_unary_operators(apply: Callable[..., Any]) -> None:
    equal_or_both_refuse(apply, np.array([5, -3, 8]))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((2, 3), (3,)),
        ((2, 1), (1, 3)),
        ((3,), (2, 1)),
        ((1,), (2, 3)),
        ((), (2,)),
        ((1, 1), (3,)),
        ((0, 3), (1, 3)),
    ],
)
def test_broadcasting(one: tuple[int, ...], two: tuple[int, ...]) -> None:
    x, y = (
        np.arange(np.prod(one, dtype=int)).reshape(one),
        np.arange(np.prod(two, dtype=int)).reshape(two) + 10.0,
    )
    equal_or_both_refuse(np.subtract, x, y)
    equal_or_both_refuse(lambda a: a - y, x)  # a constant of any shape
    equal_or_both_refuse(lambda b: x - b.T.T, y)


def test_names_clash_and_swap() -> None:
    def function(x: Any) -> Any:
        outer = x[:, None] * x
        return outer - outer.T, outer[:, :, None] + outer[None]

    equal_or_both_refuse(function, np.array([1.0, 2.0, 4.0]))


def test_ufunc_options() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([4, 5, 6])
    equal_or_both_refuse(lambda a, b: np.add(a, b, dtype=np.float32), x, y)
    equal_or_both_refuse(lambda a, b: np.add.outer(a, b), x, y)
    expected = np.array([1.0, 7.0, 9.0])
    assert_same(run(lambda a, b: np.add(a, b, out=a, where=b > 4), x, y), expected)


@pytest.mark.parametrize(
    "name", sorted({n for n in set(OPS) - set(UFUNCS) if hasattr(scipy.special, n)})
)
def test_special_functions(name: str) -> None:
    ufunc = getattr(scipy.special, name)
    x = np.array([0.1, 0.4, 0.9], np.float32)
    equal_or_both_refuse(ufunc, *[x, x + 1][: ufunc.nin])
    equal_or_both_refuse(ufunc, *[x.astype(float), x + 1][: ufunc.nin])


def test_a_captured_array_is_shared_until_it_changes() -> None:
    captured = np.arange(1000.0)
    with open_trace() as trace:
        x = wrap(trace.input(XType(("a",), (1000,), np.dtype(float))))
        first, second = x + captured, x * captured
        captured[0] = 5.0
        third = x * captured
    literals = [y.cell.content.inputs[1].op.value for y in (first, second, third)]
    assert literals[0] is literals[1]
    assert (literals[0].value[0], literals[2].value[0]) == (0.0, 5.0)


def _traced(dtype: str = "f8") -> Any:
    return wrap(TRACE.input(XType(("time",), (3,), np.dtype(dtype)), "t"))


@pytest.fixture(autouse=True)
def _open_trace() -> Any:
    global TRACE
    with open_trace() as TRACE:
        yield


def test_objects_that_no_program_has() -> None:
    with pytest.raises(UnsupportedTypeError) as error:
        _traced() + np.array([None, 1, 2])
    assert str(error.value) == (
        "add: data of dtype object cannot take part in a compiled function;"
        " keep it in a coord, or convert it to numbers first"
    )


def test_strings_raise_what_numpy_raises() -> None:
    with pytest.raises(TypeError, match="ufunc 'add' did not contain a loop"):
        _traced() + np.array(["a", "b", "c"])


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(ValueError) as error:
        _traced() + np.ones(4)
    assert error.match(
        r"test_ufuncs.py:\d+: cannot add: arrays of shape \(time: 3\) \(`t`\) and shape \(4,\) do not fit together axis"
        r" by axis. Use named dims \(DataArrays\), or reshape one of them."
    )


def test_a_ufunc_without_traced_form() -> None:
    with pytest.raises(UnsupportedError) as error:
        np.spacing(_traced())
    assert str(error.value) == (
        "the ufunc 'spacing' has no traced form.\n"
        "Write it with NumPy functions that have one, or wrap a JAX function with xgrad.apply_jax."
    )


def test_a_function_without_traced_form() -> None:
    with pytest.raises(UnsupportedError) as error:
        np.setdiff1d(_traced(), [1.0])
    assert str(error.value) == (
        "np.setdiff1d has no traced form.\n"
        "Write it with NumPy functions or xarray methods that have one, or wrap a JAX function with"
        " xgrad.apply_jax."
    )


@pytest.mark.parametrize(
    "write", [lambda a, t: np.add(a, t, out=a), lambda a, t: operator.iadd(a, t)]
)
def test_a_traced_result_into_a_numpy_array(write: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedError) as error:
        write(np.zeros(3), _traced())
    assert str(error.value) == (
        "add: a traced result cannot be written into a NumPy array with out=;\n"
        "use the value that the function returns."
    )


def test_an_option_without_traced_form() -> None:
    with pytest.raises(UnsupportedError, match=r"^np.sum with out= has no traced form$"):
        np.sum(_traced(), out=np.zeros(()))
