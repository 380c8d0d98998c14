"""``xgrad.at``: functional updates. The oracle is assignment in place, on a copy."""

import numpy as np
import pytest
import xarray as xr

import xgrad as xg
from tests.transforms.samples import rain
from xgrad.errors import DimensionError, UnsupportedTypeError

PARTS = {
    "int": {"time": 0},
    "negative": {"time": -1},
    "slice": {"city": slice(1, 3)},
    "step": {"time": slice(None, None, 2), "city": 1},
    "orthogonal": {"time": [2, 0], "city": np.array([3, 1])},
    "pointwise": {
        "time": xr.DataArray([0, 1, 2], dims="point"),
        "city": xr.DataArray([3, 1, 0], dims="point"),
    },
    "all": {},
}
KINDS = {
    "set": lambda old, new: xr.zeros_like(old) + new,
    "add": lambda old, new: old + new,
    "multiply": lambda old, new: old * new,
    "min": np.minimum,
    "max": np.maximum,
}


def in_place(x, part, kind, new):
    x = x.copy(deep=True)
    x[part] = KINDS[kind](x[part], new).drop_vars(list(x[part].coords))
    return x


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
def test_updates_eager_and_traced(part, kind):
    expected = in_place(rain(), PARTS[part], kind, 5.0)

    def update(x, v):
        return getattr(xg.at(x)[PARTS[part]], kind)(v)

    x = rain()
    xr.testing.assert_identical(update(x, 5.0), expected)
    xr.testing.assert_identical(x, rain())
    xr.testing.assert_identical(xg.jit(update)(x, 5.0), expected)


def test_new_values_broadcast_by_name():
    new = xr.DataArray([10.0, 20.0], dims="city")
    x = rain()
    expected = x.copy(deep=True)
    expected[{"city": slice(2)}] = new
    xr.testing.assert_identical(xg.at(x)[{"city": slice(2)}].set(new), expected)
    xr.testing.assert_identical(xg.at(x)[{"city": slice(2)}].set(np.array([10.0, 20.0])), expected)


def test_positions_may_be_traced():
    update = xg.jit(lambda x, i: xg.at(x)[{"time": i}].set(0.0))
    for i in (0, 2, np.array([0, 2])):
        expected = rain()
        expected[{"time": i}] = 0.0
        xr.testing.assert_identical(update(rain(), i), expected)
    assert update.cache_info().traces == 2


def test_each_of_several_values_at_one_place_counts():
    counts = xr.DataArray(np.zeros(3), dims="bin")
    result = xg.at(counts)[{"bin": [0, 2, 0, 0]}].add(1.0)
    np.testing.assert_array_equal(result, [3.0, 0.0, 1.0])


def test_gradients_flow_to_both():

    def cost(x, v):
        return (xg.at(x)[{"time": 0}].set(v) ** 2).sum()

    dx, dv = xg.grad(cost, argnums=(0, 1))(rain(), 3.0)
    expected = 2 * rain()
    expected[{"time": 0}] = 0.0
    xr.testing.assert_identical(dx, expected)
    assert dv == 24.0


def test_mistakes():
    with pytest.raises(DimensionError) as error:
        xg.at(rain())[{"cty": 0}]
    assert str(error.value) == (
        "cannot update at dim 'cty': the array has the dims ('time', 'city'); did you mean 'city'?"
    )
    with pytest.raises(DimensionError) as error:
        xg.at(rain())[0]
    assert str(error.value) == (
        "xgrad.at is indexed by name: at(x)[{'time': 0}] or at(x)[dict(time=slice(1, None))]"
        " with the dims ('time', 'city')."
    )
    with pytest.raises(DimensionError) as error:
        xg.at(rain())[{"city": 0}].set(np.ones((3, 3)))
    assert str(error.value) == (
        "the new values have 2 axes, the part to be changed only the dims ('time',)."
    )
    with pytest.raises(UnsupportedTypeError) as error:
        xg.at(np.ones(3))
    assert str(error.value) == "xgrad.at takes a DataArray, whose dims have names, not a ndarray."
