"""NumPy's indexing of traced arrays against NumPy's own: reading, writing, views, and what is out of range."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.labels.reference import run
from xgrad.errors import UnsupportedError
from xgrad.labels import open_trace, wrap
from xgrad.names.types import XType

X = np.arange(2 * 5 * 4.0).reshape(2, 5, 4)
ROWS, COLUMNS = np.array([4, 0, -1]), np.array([3, 1, 0])
BASIC = [
    np.s_[0],
    np.s_[-1, 2],
    np.s_[..., 1],
    np.s_[:, 1:4],
    np.s_[:, ::-2, None],
    np.s_[None, 1, ..., None, 2:0:-1],
    np.s_[1, 2, 3],
    np.s_[:, 5:],
    np.s_[...],
    np.s_[()],
    np.s_[:, -3:-1, ::3],
]
ADVANCED = [
    np.s_[:, ROWS],
    np.s_[:, [0, 2, 4]],
    np.s_[:, [3, 2, 1]],
    np.s_[:, [2]],
    np.s_[:, []],
    np.s_[:, ROWS, COLUMNS],
    np.s_[1, ROWS, COLUMNS],
    np.s_[1, :, COLUMNS],
    np.s_[[True, False], 1:3, 2],
    np.s_[[1, 0, 0], :, COLUMNS],
    np.s_[:, ROWS[:, None], COLUMNS],
    np.s_[np.ix_([0, 1], [0, 2, 4], [1])],
    np.s_[np.ix_([1, 0], ROWS, COLUMNS)],
    np.s_[:, None, ROWS, 0],
    np.s_[X > 7],
    np.s_[:, np.array([True, False, True, True, False])],
    np.s_[[[0, 1], [1, 0]]],
    np.s_[1, ROWS],
    np.s_[..., np.array(2)],
]
KEYS = [*BASIC, *ADVANCED]


def laid_out(x: Any) -> Any:
    """The same array in a layout that is not its dims in order."""
    return x.transpose(2, 0, 1)[:, None].transpose(2, 3, 0, 1)[..., 0]


@pytest.mark.parametrize("layout", [lambda x: x, laid_out], ids=["plain", "transposed"])
@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_reading(key: Any, layout: Callable[[Any], Any]) -> None:
    got = run(lambda x: layout(x)[key], X)
    np.testing.assert_array_equal(got, X[key])
    assert got.shape == X[key].shape


@pytest.mark.parametrize("layout", [lambda x: x, laid_out], ids=["plain", "transposed"])
@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_writing(key: Any, layout: Callable[[Any], Any]) -> None:
    shape = X[key].shape
    for value in (9, -np.arange(1.0 + np.prod(shape))[1:].reshape(shape)):
        expected = X.copy()
        expected[key] = value

        def write(x: Any, value: Any = value) -> Any:
            part = layout(x)
            part[key] = value
            return x

        np.testing.assert_array_equal(run(write, X), expected)


@pytest.mark.parametrize("seed", range(60))
def test_chains_of_random_keys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    keys = [_random_key(rng) for _ in range(3)]

    def chain(x: Any) -> Any:
        for key in keys:
            x = x[tuple([_fitted(k, n) for k, n in zip(key, x.shape, strict=False)])]
        return x

    np.testing.assert_array_equal(run(chain, X), chain(X))


def _random_key(rng: np.random.Generator) -> list[Any]:
    choices = [
        lambda: int(rng.integers(-9, 9)),
        lambda: slice(
            *[None if rng.random() < 0.5 else int(rng.integers(-4, 5)) for _ in range(2)]
        ),
        lambda: slice(None, None, int(rng.choice([-2, -1, 2]))),
        lambda: rng.integers(-9, 9, 3),
        lambda: rng.integers(-9, 9, (2, 1)),
    ]
    return [choices[rng.integers(len(choices))]() for _ in range(rng.integers(1, 4))]


def _fitted(key: Any, size: int) -> Any:
    if isinstance(key, slice):
        return key
    if size == 0:
        return slice(None)
    return np.remainder(key, size) if isinstance(key, np.ndarray) else key % size


@pytest.mark.parametrize(
    "read",
    [
        lambda x, i: x[:, i],
        lambda x, i: x[i, i, i],
        lambda x, i: x[:, i[:, None], i],
        lambda x, i: x[0, i, [1, 2]],
        lambda x, i: x[:, i[0]],
        lambda x, i: x[:, :, i - 2],
    ],
)
def test_traced_positions(read: Callable[..., Any]) -> None:
    i = np.array([1, 0])
    np.testing.assert_array_equal(run(read, X, i), read(X, i))


def test_traced_positions_are_written() -> None:
    def write(x: Any, i: Any, v: Any) -> Any:
        x[:, i] = v
        x[0, i, i] = 7
        return x

    i, v = np.array([3, 0]), np.array([1.0, 2, 3, 4])
    np.testing.assert_array_equal(run(write, X, i, v), write(X.copy(), i, v))


# ---- views and writes ----------------------------------------------------------------------------------------------


def _through_an_item(x: Any) -> Any:
    y = x[0]
    y[:] = 9
    return x, y


def _through_a_chain(x: Any) -> Any:
    y = x[0][1:3].T
    y[1] = -1
    return x, y


def _siblings_see_it(x: Any) -> Any:
    a, b = x[:, 1], x[..., ::2]
    a[...] = 5
    return x, a, b


def _through_a_reshape(x: Any) -> Any:
    y = x.reshape(10, 4)
    y[3] = [1, 2, 3, 4]
    z = y.ravel()
    z[-1] = 0
    return x, y, z


def _through_expand_and_squeeze(x: Any) -> Any:
    y = np.expand_dims(x, 1)
    y[:, 0, 2] = 1
    np.squeeze(y)[1, 1, 1] = 2
    return x, y


def _in_place_operators(x: Any) -> Any:
    y = x[1]
    y += 1
    y *= y
    x -= 3
    np.add(x, 1, out=x)
    return x, y


def _copies_are_apart(x: Any) -> Any:
    a, b, c, d = x.copy(), x + 0, x[[0, 1]], x.astype(x.dtype)
    x[...] = 0
    return x, a, b, c, d


def _copy_of_a_view(x: Any) -> Any:
    y = x[0].copy()
    x[0] = 1
    y[1] = 2
    return x, y


def _overlapping_copy(x: Any) -> Any:
    x[:, 1:] = x[:, :-1]
    return x


def _masked_writes(x: Any) -> Any:
    x[x > 10] = 0
    x[0][x[0] == 3] = -1
    return x


def _sorts_in_place(x: Any) -> Any:
    y = x[0]
    y[...] = -y
    y.sort(axis=0)
    np.copyto(x[1], 3.5, where=x[1] > 30)
    return x


@pytest.mark.parametrize(
    "write",
    [
        _through_an_item,
        _through_a_chain,
        _siblings_see_it,
        _through_a_reshape,
        _through_expand_and_squeeze,
        _in_place_operators,
        _copies_are_apart,
        _copy_of_a_view,
        _overlapping_copy,
        _masked_writes,
        _sorts_in_place,
    ],
)
def test_writes_reach_what_they_reach_in_numpy(write: Callable[[Any], Any]) -> None:
    before = X.copy()
    got, expected = run(write, X), write(X.copy())
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_array_equal(g, e)
    np.testing.assert_array_equal(X, before)


def test_integers_stay_integers_when_written() -> None:
    def write(x: Any) -> Any:
        x[0] = 1.7
        return x

    got = run(write, np.zeros(3, np.int8))
    np.testing.assert_array_equal(got, np.array([1, 0, 0], np.int8))


def test_a_loop_of_views_is_linear() -> None:
    def shrink(x: Any) -> Any:
        for _ in range(3000):
            x = x[1:]
        x[0] = 5
        return x

    assert run(shrink, np.zeros(3001)).tolist() == [5]


# ---- errors --------------------------------------------------------------------------------------------------------


def _array(name: str = "t") -> Any:
    return wrap(TRACE.input(XType(("time", "lat"), (4, 3), np.dtype(float)), name))


@pytest.fixture(autouse=True)
def _open_trace() -> Any:
    global TRACE
    with open_trace() as TRACE:
        yield


@pytest.mark.parametrize("key", [np.s_[:, 3], np.s_[:, [0, 3]], np.s_[:, np.array([[0], [3]])]])
def test_position_out_of_range(key: Any) -> None:
    with pytest.raises(IndexError) as error:
        _array()[key]
    assert str(error.value) == "cannot index dim 'lat' of `t` at 3: it has size 3."


def test_new_axis_out_of_range() -> None:
    with pytest.raises(IndexError, match=r"^index 1 is out of bounds for an axis of size 1$"):
        _array()[None][1]


def test_too_many_indices() -> None:
    with pytest.raises(
        IndexError, match=r"^too many indices: the array has 2 axes, and 3 were indexed$"
    ):
        _array()[0, 0, 0]


def test_traced_mask() -> None:
    x = _array()
    with pytest.raises(UnsupportedError) as error:
        x[x > 0]
    assert str(error.value) == (
        "indexing with a traced boolean array: the shape of the result would depend on the data.\n"
        "Use array.where(mask), or xr.where(mask, array, fill), which keep the shape."
    )


def test_several_values_through_a_traced_mask() -> None:
    x = _array()
    with pytest.raises(UnsupportedError) as error:
        x[x > 0] = np.arange(5.0)
    assert str(error.value) == (
        "assigning several values through a traced boolean mask: how many are used would depend on the data.\n"
        "Use xr.where(mask, values, array)."
    )


def test_writing_to_a_broadcast_array() -> None:
    with pytest.raises(ValueError, match=r"^assignment destination is read-only"):
        np.broadcast_to(_array(), (2, 4, 3))[0] = 1


def test_in_place_cast() -> None:
    x = wrap(TRACE.input(XType(("a",), (3,), np.dtype(int))))
    with pytest.raises(TypeError) as error:
        x += 0.5
    assert str(error.value) == (
        "cannot cast the result of 'add' from float64 to int64 in place;"
        " write `x = x op y` instead of `x op= y`, or convert with .astype first"
    )
