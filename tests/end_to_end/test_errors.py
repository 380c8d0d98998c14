"""What a user reads who calls xgrad wrongly. Whole messages, to be read aloud; LINE stands for a line of this file."""

import re

import numpy as np
import pytest
import xarray as xr

import xgrad as xg

TEMP = xr.DataArray(
    np.ones((4, 3)), dims=("time", "city"), coords={"city": ["Oslo", "Rome", "Cairo"]}, name="temp"
)
RAIN = xr.DataArray(np.ones((5, 3)), dims=("time", "city"), name="rain")
KEPT = []


def keep(temp):
    KEPT.append(temp)
    return temp.sum()


def leaked():
    xg.jit(keep)(TEMP)
    return KEPT.pop() + 1


CASES = {
    "sizes of a dim differ": (
        lambda: xg.jit(lambda a, b: a + b)(TEMP, RAIN),
        (xg.errors.SizeMismatchError, xr.AlignmentError, ValueError),
        """test_errors.py:LINE: dim 'time' has size 4 in one array and 5 in another.
        Select the same entries of both first, or give the dim labels in both, by which they are aligned.""",
    ),
    "unknown dim in a reduction": (
        lambda: xg.jit(lambda a: a.mean("tim"))(TEMP),
        (xg.errors.DimensionError, ValueError),
        "test_errors.py:LINE: there is no dim 'tim' among (time, city); did you mean 'time'?",
    ),
    "unknown dim in a selection": (
        lambda: xg.jit(lambda a: a.isel(towns=0))(TEMP),
        (xg.errors.DimensionError, ValueError),
        "test_errors.py:LINE: there is no dim 'towns' among (time, city).",
    ),
    "unknown label": (
        lambda: xg.jit(lambda a: a.sel(city="Rom"))(TEMP),
        (xg.errors.LabelNotFoundError, KeyError),
        """test_errors.py:LINE: 'Rom' is not among the labels of dim 'city'.
        See .indexes['city'] for its labels; numbers and dates may also be looked up with method='nearest'.""",
    ),
    "position out of range": (
        lambda: xg.jit(lambda a: a.isel(time=9))(TEMP),
        (IndexError,),
        "cannot index dim 'time' of `a` (test_errors.py:LINE) at 9: it has size 4.",
    ),
    "cost with dims": (
        lambda: xg.grad(lambda a: a.mean("city"))(TEMP),
        (xg.errors.CostNotScalarError, TypeError),
        """the cost has dims (time: 4); a gradient needs a 0-d cost.
        Sum or average over them first, or use xgrad.jacobian for the derivative of every element.""",
    ),
    "a truth value": (
        lambda: xg.jit(lambda a: a if a.sum() > 0 else -a)(TEMP),
        (xg.errors.TracedValueError, RuntimeError),
        """bool(), `if` or `while` needs the numbers in a traced value (test_errors.py:LINE; no dims) at"""
        """ test_errors.py:LINE, which are not known while the function is traced.
        Choose between values with xr.where(condition, a, b), between branches with xgrad.cond,"""
        """ and repeat with xgrad.scan.""",
    ),
    "a Python number": (
        lambda: xg.jit(lambda a: float(a[0, 0]))(TEMP),
        (xg.errors.TracedValueError, RuntimeError),
        """float() needs the numbers in a traced value (test_errors.py:LINE; no dims) at test_errors.py:LINE,"""
        """ which are not known while the function is traced.
        Stay with the array (xarray methods, operators and NumPy functions are traced),"""
        """ or return it and use its values outside.""",
    ),
    "the values": (
        lambda: xg.jit(lambda a: a.values)(TEMP),
        (xg.errors.TracedValueError, RuntimeError),
        """a NumPy array (.values, np.asarray, plotting, SciPy) needs the numbers in `a` (test_errors.py:LINE;"""
        """ time: 4, city: 3) at test_errors.py:LINE, which are not known while the function is traced.
        Stay with the array (xarray methods, operators and NumPy functions are traced),"""
        """ or return it and use its values outside.""",
    ),
    "a size from an argument": (
        lambda: xg.jit(lambda a, n: [a.isel(time=i) for i in range(n)])(TEMP, 3),
        (xg.errors.TracedValueError, RuntimeError),
        """an index, size or range needs the numbers in `n` (test_errors.py:LINE; no dims) at test_errors.py:LINE,"""
        """ which are not known while the function is traced.
        A size, position or option that is fixed for a call: name it in static_argnames.""",
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
    "too many arguments": (
        lambda: xg.jit(lambda a: a)(TEMP, TEMP),
        (xg.errors.ArgumentError, TypeError),
        """cannot call `<lambda>` like this: too many positional arguments.
        Its signature is <lambda>(a).""",
    ),
    "a traced array after its trace": (
        leaked,
        (xg.errors.TracedValueError, RuntimeError),
        "`temp` (test_errors.py:LINE) was made inside a traced function that has returned;"
        " return it from the function instead of keeping it",
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
        xg.jit(lambda a: a.expand_dims("time"))(TEMP)
    assert [told(note) for note in caught.value.__notes__] == [
        "raised while xgrad traced test_errors.py:LINE"
    ]


def test_errors_of_the_user_pass_untouched():
    def own(a):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$") as caught:
        xg.jit(own)(TEMP)
    assert not hasattr(caught.value, "__notes__")
