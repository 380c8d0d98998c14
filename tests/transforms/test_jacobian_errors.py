"""Mistakes with ``jacobian``, ``hessian`` and ``hessian_vector_product``: every message, whole."""

import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.jacobians import N, decay, energy, rates, signal
from xgrad.errors import (
    AlignmentError,
    ArgumentError,
    DimensionError,
    DisconnectedInputError,
    GradUndefinedError,
    JacobianSizeError,
    SizeMismatchError,
)


def message(cls, call) -> str:
    with pytest.raises(cls) as error:
        call()
    return str(error.value)


def here(line: int) -> str:
    return f"test_jacobian_errors.py:{line}"


def mixing(x):
    return x.cumsum("time") * 2


LINE = mixing.__code__.co_firstlineno + 1


def test_a_mixing_dim_is_refused_with_its_op():
    assert message(DimensionError, lambda: xg.jacobian(mixing, pointwise="time")(signal())) == (
        "the Jacobian of `result` by `x` is not pointwise along 'time':"
        f" XCumReduce sum(time) mixes its entries ({here(LINE)}).\n"
        "Take 'time' out of pointwise, or let pointwise='auto' find the dims."
    )

    def curved(x):
        return (mixing(x) ** 2).sum()

    assert message(DimensionError, lambda: xg.hessian(curved, pointwise="time")(signal())) == (
        "the Hessian by `x` and `x` is not pointwise along 'time':"
        f" XCumReduce sum(time) mixes its entries ({here(LINE)}).\n"
        "Take 'time' out of pointwise, or let pointwise='auto' find the dims."
    )

    def renamed(x):
        return x.rename(time="t") ** 2

    assert message(DimensionError, lambda: xg.jacobian(renamed, pointwise="time")(signal())) == (
        "the Jacobian of `result` by `x` is not pointwise along 'time': in the result its entries lie along 't'.\n"
        "Take 'time' out of pointwise, or let pointwise='auto' find the dims."
    )


MISTAKES = {
    "unknown dim": (
        DimensionError,
        lambda: xg.jacobian(mixing, pointwise="tim")(signal()),
        "pointwise names the dim 'tim'; the inputs have the dims ('time',); did you mean 'time'?",
    ),
    "disconnected": (
        DisconnectedInputError,
        lambda: xg.jacobian(lambda x, y: x**2, 1)(signal(), rates()),
        "the result does not depend on the values of `y`: it is not used.\n"
        "Differentiate with respect to something that the result uses,"
        ' or pass disconnected_inputs="ignore" for zeros.',
    ),
    "mode": (
        ArgumentError,
        lambda: xg.jacobian(mixing, mode="forwards"),
        "mode must be one of 'auto', 'forward', 'reverse'; got 'forwards'; did you mean 'forward'?",
    ),
    "chunk": (
        ArgumentError,
        lambda: xg.jacobian(mixing, chunk=0),
        "chunk must be 'auto', None or a positive int; got 0.",
    ),
    "suffix": (
        ArgumentError,
        lambda: xg.hessian(mixing, suffix=""),
        "suffix must not be empty: it tells the dims of the input from the output's.",
    ),
    "ad": (
        ArgumentError,
        lambda: xg.jacobian(mixing, ad="torch"),
        "ad must be one of 'auto', 'symbolic', 'jax'; got 'torch'.",
    ),
    "constant": (
        ArgumentError,
        lambda: xg.jacobian(lambda x: (x, "text"))(signal()),
        "`result[1]` is a constant; return only what depends on the arguments.",
    ),
    "no direction": (
        ArgumentError,
        lambda: xg.hessian_vector_product(energy)(signal()),
        "the Hessian product of energy takes its arguments and then the direction, by position;"
        " it was called with 1 positional arguments.",
    ),
    "directions": (
        ArgumentError,
        lambda: xg.hessian_vector_product(decay, (0, 1))(signal(), rates(), signal()),
        "the directions must be a tuple with one for each of the 2 arguments in argnums.",
    ),
    "dims of the direction": (
        DimensionError,
        lambda: xg.hessian_vector_product(energy)(signal(), rates()),
        "the directions of `x` have the dims ('k',); `x` has ('time',).",
    ),
    "size of the direction": (
        SizeMismatchError,
        lambda: xg.hessian_vector_product(energy)(signal(), signal()[:2]),
        "the directions of `x` have size 2 along 'time'; `x` has 5.",
    ),
    "labels of the direction": (
        AlignmentError,
        lambda: xg.hessian_vector_product(energy)(signal(), signal().assign_coords(time=range(N))),
        "the directions of `x` have other labels along 'time' than `x`.\n"
        "Align them first: values.reindex_like(array).",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    cls, call, expected = MISTAKES[name]
    assert message(cls, call) == expected


def test_a_jacobian_that_is_too_large():
    with xg.options(jacobian_bytes=100):
        assert message(JacobianSizeError, lambda: xg.jacobian(mixing)(signal())) == (
            "the Jacobian of float64(time: 5) by float64(time: 5) would take 200 bytes; the limit is 100 bytes.\n"
            "Name the dims that do not mix (pointwise='auto'), use products with it (xgrad.pushforward, xgrad.pullback,"
            " xgrad.hessian_vector_product), or raise the limit: xgrad.options(jacobian_bytes=...)."
        )
        assert xg.jacobian(lambda x: x**2, pointwise="auto")(signal()).dims == ("time",)


def test_undefined_derivatives_are_refused():
    def picked(x, n):
        return x.isel(time=n) ** 2

    n = xr.DataArray([0, 1], dims="p")
    with pytest.raises(DisconnectedInputError, match="does not depend on the values of `n`"):
        xg.jacobian(picked, 1)(signal().drop_vars("time"), n)
    with pytest.raises(GradUndefinedError, match="with respect to `n` is undefined"):
        xg.jacobian(lambda x, n: xg.undefined_grad(n) * x, 1)(signal(), n.rename(p="time")[0])
