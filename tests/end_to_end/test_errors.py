"""What a user reads who calls xgrad wrongly. Whole messages, to be read aloud; LINE stands for a line of this file.

Calls of xarray that do not fit are in ``test_malformed_calls``.
"""

import re

import numpy as np
import pytest
import xarray as xr

import xgrad as xg

TEMP = xr.DataArray(
    np.ones((4, 3)), dims=("time", "city"), coords={"city": ["Oslo", "Rome", "Cairo"]}, name="temp"
)
RAIN = xr.DataArray(np.ones((5, 3)), dims=("time", "city"), name="rain")

CASES = {
    "cost with dims": (
        lambda: xg.grad(lambda a: a.mean("city"))(TEMP),
        (xg.errors.CostNotScalarError, TypeError),
        """the cost has dims (time: 4); a gradient needs a 0-d cost.
        Sum or average over them first, or use xgrad.jacobian for the derivative of every element.""",
    ),
    "a shape that depends on the data": (
        lambda: xg.jit(lambda a: a.dropna("time"))(TEMP),
        (xg.errors.UnsupportedError, NotImplementedError),
        """.dropna of `a` (test_errors.py:LINE; time: 4, city: 3) at test_errors.py:LINE: the shape of the result"""
        """ would depend on the data, which are not known while the function is traced.
        Keep the entries and skip the missing: fillna, where, or skipna=True.""",
    ),
    "a NumPy function without a traced form": (
        lambda: xg.jit(lambda a: np.unique(a.data))(TEMP),
        (xg.errors.UnsupportedError, NotImplementedError),
        """np.unique of traced data: the shape of the result would depend on the data.
        Use np.sort, or pass the values as a static argument.""",
    ),
    "an argument that the cost does not use": (
        lambda: xg.grad(lambda a, b: a.sum(), argnums=1)(TEMP, RAIN),
        (xg.errors.DisconnectedInputError, ValueError),
        """the cost does not depend on the values of `b`: it is not used.
        Differentiate with respect to something that the cost uses, or pass disconnected_inputs="ignore" for zeros.""",
    ),
}


def told(error):
    """The message as a reader sees it, without the number of the line in this file."""
    return re.sub(r"test_errors\.py:\d+", "test_errors.py:LINE", str(error))


@pytest.mark.parametrize("name", CASES)
def test_whole_message(name):
    call, classes, message = CASES[name]
    with pytest.raises(classes[0]) as caught:
        call()
    assert told(caught.value) == re.sub(r"\n +", "\n", message)
    assert all(isinstance(caught.value, c) for c in classes)


def test_a_leaf_that_is_no_array():
    with pytest.raises(xg.errors.UnsupportedTypeError) as caught:
        xg.jit(lambda a, options: a)(TEMP, {"log": [bytearray(b"x")]})
    assert told(caught.value) == (
        "`options['log'][0]` is a bytearray, which can be neither traced nor compared between calls.\n"
        "Pass DataArrays, Datasets, NumPy or JAX arrays, numbers, containers of them, or hashable constants;"
        " an object that is fixed for the call can be named in static_argnames."
    )


def test_other_errors_of_xarray_carry_the_line_in_a_note():
    with pytest.raises(ValueError) as caught:
        xg.jit(lambda a: xr.polyval(a, a))(TEMP)
    assert [told(note) for note in caught.value.__notes__] == [
        "raised while xgrad traced test_errors.py:LINE"
    ]


def test_errors_of_the_user_pass_untouched():
    def own(a):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$") as caught:
        xg.jit(own)(TEMP)
    assert not hasattr(caught.value, "__notes__")
