"""What ``xgrad.jit`` says to those who call it wrongly: the whole messages, to be read aloud."""

import datetime

import jax
import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain
from xgrad.errors import ArgumentError, TracedValueError, UnsupportedTypeError


@xg.jit
def model(params, scale=1.0):
    return params


class Opaque:
    """Compared by identity, like an open file."""


LEAVES = {
    "a masked array": (
        (np.ma.masked_array([1.0], [True]),),
        "`params[0]` holds a numpy.MaskedArray, which cannot be traced; convert it to a NumPy or JAX array first.",
    ),
    "an object": (
        {"k": (Opaque(),)},
        f"`params['k'][0]` is a {__name__}.Opaque, which can be neither traced nor compared between calls.\n"
        "Pass DataArrays, Datasets, NumPy or JAX arrays, numbers, containers of them, or hashable constants;"
        " an object that is fixed for the call can be named in static_argnames.",
    ),
    "a set": (
        {1, 2},
        "`params` is a set, which can be neither traced nor compared between calls.\n"
        "Pass DataArrays, Datasets, NumPy or JAX arrays, numbers, containers of them, or hashable constants;"
        " an object that is fixed for the call can be named in static_argnames.",
    ),
}


@pytest.mark.parametrize("name", LEAVES)
def test_leaves_that_cannot_be_traced(name):
    value, expected = LEAVES[name]
    with pytest.raises(UnsupportedTypeError) as error:
        model(value)
    assert str(error.value) == expected


@pytest.mark.parametrize(
    "value", ["s", None, datetime.date(2001, 1, 1), np.sin, slice(3), np.dtype("f4"), ...]
)
def test_constants_are_no_mistake(value):
    assert model({"c": value}) == {"c": value}


CALLS = {
    "too few": ((), {}, "missing a required argument: 'params'"),
    "too many": ((1, 2, 3), {}, "too many positional arguments"),
    "unknown": ((1,), {"scal": 2}, "got an unexpected keyword argument 'scal'"),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_that_do_not_fit(name):
    args, kwargs, reason = CALLS[name]
    with pytest.raises(ArgumentError) as error:
        model(*args, **kwargs)
    assert str(error.value) == (
        f"cannot call `model` like this: {reason}.\nIts signature is model(params, scale=1.0)."
    )


def test_static_arguments_need_a_hash():
    compiled = xg.jit(model.fun, static_argnames="params")
    with pytest.raises(UnsupportedTypeError) as error:
        compiled([1, 2])
    assert str(error.value) == (
        "the static argument `params` of `model` is a list, which has no hash.\n"
        "Pass something hashable (a tuple for a list, a frozen dataclass for a dict), or let it be traced."
    )


OPTIONS = {
    "name": (
        {"static_argnames": "scal"},
        "static_argnames='scal': `model(params, scale=1.0)` has no parameter of that name; did you mean 'scale'?",
    ),
    "number": (
        {"static_argnums": 2},
        "static_argnums=2: `model(params, scale=1.0)` has 2 positional parameters.",
    ),
    "ad": ({"ad": "numeric"}, "ad must be one of ('auto', 'symbolic', 'jax'), not 'numeric'."),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_do_not_fit(name):
    options, expected = OPTIONS[name]
    with pytest.raises(ArgumentError) as error:
        xg.jit(model.fun, **options)
    assert str(error.value) == expected


def test_a_device_that_is_not_there():
    with pytest.raises(ArgumentError, match=r"^there is no device 'cpu:99'; JAX has: "):
        xg.jit(lambda x: x, device="cpu:99")(1.0)


def test_coords_must_be_known():
    def body(height):
        return xg.jit(lambda x: x * 2)(
            rain().drop_vars("height").assign_coords(height=("city", height))
        ).data

    with pytest.raises(UnsupportedTypeError) as error:
        jax.jit(body)(np.ones(4))
    assert str(error.value) == (
        "`x.coords['height']` is being traced by JAX, but coords must be known while a function is traced;"
        " drop it (`drop_vars`), or pass it as an argument of its own."
    )


def test_a_number_that_is_needed_while_tracing():
    with pytest.raises(TracedValueError) as error:
        xg.jit(lambda x, n: [x for _ in range(n)])(rain(), 3)
    assert str(error.value).endswith(
        "A size, position or option that is fixed for a call: name it in static_argnames."
    )


def test_a_traced_array_that_outlives_its_trace():
    kept = []
    xg.jit(lambda x: kept.append(x) or x)(rain())
    with pytest.raises(
        TracedValueError, match=r"`x` .* was made inside a traced function that has returned"
    ):
        kept[0] + 1
    with pytest.raises(TracedValueError):
        xr.Dataset({"a": kept[0]}).mean()


def test_an_error_in_the_function_is_the_users_own():
    def broken(x):
        raise KeyError("mine")

    compiled = xg.jit(broken)
    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            compiled(rain())
    assert compiled.cache_info().entries == 0
