"""What a trace does to the world around it: hooks come and go, values end with their trace, numbers are refused."""

import gc
import operator
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import xarray as xr

from xgrad.errors import TracedValueError
from xgrad.graph import Source, Var
from xgrad.labels import (
    FREE,
    TracedArray,
    current_trace,
    free_symbol,
    is_traced,
    open_trace,
    unwrap,
    wrap,
)
from xgrad.labels.methods.hooks import _STATE, HOOKS, install, remove
from xgrad.names import XConstant, XRename
from xgrad.names.types import XType

TYPE = XType(("time", "lat"), (4, 3), np.dtype(np.float64))
MODEL = Source("/home/someone/model.py", 12)


def labeled(trace: Any, name: str = "t") -> xr.DataArray:
    data = wrap(trace.input(TYPE, name, MODEL))
    return xr.DataArray(data, dims=TYPE.dims, coords={"time": np.arange(4)}, name=name)


# ---- wrapping ------------------------------------------------------------------------------------------------------


def test_wrap_and_unwrap_are_inverse() -> None:
    with open_trace() as trace:
        var = trace.input(TYPE, "t")
        array = wrap(var)
        assert trace.inputs == [var]
        assert unwrap(array) is var
        assert (array.shape, array.dtype, array.ndim, array.size, array.nbytes) == (
            (4, 3),
            TYPE.dtype,
            2,
            12,
            96,
        )
        assert repr(array) == "<TracedArray `t` float64(time: 4, lat: 3)>"
        assert repr(array[None]) == "<TracedArray `t` float64(1, time: 4, lat: 3)>"


def test_unwrap_has_the_dims_in_the_order_of_the_axes() -> None:
    with open_trace() as trace:
        array = wrap(trace.input(TYPE, "t"))
        assert unwrap(array.T).type.dims == ("lat", "time")
        assert unwrap(array.T, ("a", "b")).type == XType(("a", "b"), (3, 4), TYPE.dtype)
        assert unwrap(np.broadcast_to(array, (2, 4, 3)), "abc").type.sizes == {
            "a": 2,
            "b": 4,
            "c": 3,
        }
        assert isinstance(unwrap(np.ones(3), ("x",)).op, XConstant)


def test_layouts_add_no_node() -> None:
    with open_trace() as trace:
        array = wrap(trace.input(TYPE, "t"))
        arranged = np.broadcast_to(array.T[:, None].transpose(2, 1, 0), (5, 4, 1, 3))
        assert arranged.value is array.value
        assert array.T.T.shape == array.shape
        assert array[...] is array


def test_is_traced() -> None:
    with open_trace() as trace:
        array = labeled(trace)
        dataset = array.to_dataset(name="a").assign(b=1)
        tree = xr.DataTree.from_dict({"/": xr.Dataset(), "/child": dataset})
        for traced in (array, array.variable, array.data, dataset, tree):
            assert is_traced(traced)
        coordinate = xr.DataArray(np.ones(4), dims="time").assign_coords(m=array.mean("lat"))
        assert is_traced(coordinate)
        for concrete in (array.time, dataset[["b"]], np.ones(3), 1.0, "t", xr.DataTree()):
            assert not is_traced(concrete)


# ---- names ---------------------------------------------------------------------------------------------------------


def test_results_bear_the_names_that_xarray_gave() -> None:
    with open_trace() as trace:
        t = labeled(trace)
        results = [
            t - t.mean("time"),
            xr.concat([t, t], "member"),
            t.rename(lat="latitude"),
            t.rolling(time=2).construct("window"),
            t.stack(point=("time", "lat")),
            t.isel(time=xr.DataArray([0, 1], dims="pick")),
            t.expand_dims("run"),
            t.rename(time="lat", lat="time"),
            xr.dot(t, t.rename(time="other"), dim="lat"),
        ]
        for result in results:
            assert set(result.data.value.type.dims) <= set(result.dims)


def test_names_fold_into_the_op_that_made_the_dim() -> None:
    with open_trace() as trace:
        t = labeled(trace)
        for result in (
            t.stack(point=("time", "lat")),
            xr.concat([t, t], "member"),
            t.rolling(lat=2).construct("w"),
        ):
            assert not isinstance(result.data.value.op, XRename)


def test_a_rename_does_not_rename_the_original() -> None:
    with open_trace() as trace:
        t = labeled(trace)
        other = t.rename(time="t2")
        assert unwrap(t.data).type.dims == ("time", "lat")
        assert unwrap(other.data).type.dims == ("t2", "lat")
        other[0] = 1.0  # a shallow copy shares its data, as in xarray
        assert unwrap(t.data).op is not None


# ---- hooks ---------------------------------------------------------------------------------------------------------


class Bare:
    """The hooks of a process in which nothing is traced, whatever symbols other tests of this process still hold."""

    def __enter__(self) -> None:
        gc.collect()
        with _STATE.lock:
            self.users = _STATE.users
            for _ in range(self.users):
                remove()

    def __exit__(self, *exc_info: object) -> None:
        for _ in range(self.users):
            install()


@pytest.fixture
def bare() -> Iterator[None]:
    with Bare():
        yield


def originals() -> list[Any]:
    return [vars(hook.owner).get(hook.name) for hook in HOOKS]


def test_every_hooked_name_exists_in_xarray(bare: None) -> None:
    for hook in HOOKS:
        added = hook.name == "__array_function__"  # which xarray does not have
        assert hasattr(hook.owner, hook.name) != added, hook


def test_hooks_are_there_while_a_trace_is_open(bare: None) -> None:
    before = originals()
    with open_trace():
        during = originals()
        with open_trace():
            assert originals() == during
        assert originals() == during
    assert not [hook.name for hook, a, b in zip(HOOKS, before, during, strict=True) if a is b]
    assert originals() == before


def test_hooks_go_when_the_function_fails(bare: None) -> None:
    before = originals()
    with pytest.raises(ZeroDivisionError), open_trace():
        _ = 1 / 0
    assert originals() == before
    assert current_trace() is FREE


def test_hooks_stay_while_a_free_symbol_exists(bare: None) -> None:
    before = originals()
    x = free_symbol(Var(TYPE, name="x"))
    y = x + 1
    del x
    assert originals() != before
    assert y.scope is FREE
    del y
    gc.collect()
    assert originals() == before


def test_eager_code_in_another_thread_is_as_ever() -> None:
    array = xr.DataArray(
        np.arange(12.0).reshape(4, 3), dims=("time", "lat"), coords={"time": np.arange(4)}
    )

    def work() -> xr.DataArray:
        return (
            (array.rename(time="t") - array.mean("time"))
            .rolling(t=2)
            .mean()
            .cumsum("t")
            .transpose()
        )

    expected, found = work(), []
    with open_trace() as trace:
        t = labeled(trace)
        thread = threading.Thread(target=lambda: found.append(work()))
        thread.start()
        thread.join()
        assert is_traced(t + 1)
    xr.testing.assert_identical(found[0], expected)


# ---- the end of a trace --------------------------------------------------------------------------------------------


def _kept() -> Any:
    with open_trace() as trace:
        return labeled(trace)


@pytest.mark.parametrize(
    "use", [lambda t: t + 1, lambda t: t[0], lambda t: np.sum(t.data), lambda t: t.rename(time="s")]
)
def test_a_value_used_after_its_trace(use: Callable[[Any], Any]) -> None:
    t = _kept()
    with open_trace(), pytest.raises(TracedValueError) as error:
        use(t)
    assert str(error.value) == (
        "`t` (model.py:12) was made inside a traced function that has returned;"
        " return it from the function instead of keeping it"
    )


def test_a_value_without_a_name_used_after_its_trace() -> None:
    with open_trace() as trace:
        kept = labeled(trace).data + 1
    with pytest.raises(
        TracedValueError, match=r"^a traced value \(test_trace.py:\d+\) was made inside a traced"
    ):
        kept + 1


def test_a_value_used_in_another_thread() -> None:
    errors = []

    def use() -> None:
        try:
            t + 1
        except TracedValueError as error:
            errors.append(str(error))

    with open_trace() as trace:
        t = labeled(trace)
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    assert errors == [
        "`t` (model.py:12) belongs to a function that another thread is tracing;"
        " pass values between threads as arguments and results of compiled functions"
    ]


def test_values_of_an_outer_trace_are_used_in_an_inner_one() -> None:
    with open_trace() as outer:
        t = labeled(outer)
        with open_trace() as inner:
            s = labeled(inner, "s")
            assert (t * s).data.scope is inner
            twice = t * 2
        assert twice.data.scope is outer
        assert is_traced(twice + 1)


def test_every_node_is_credited_to_the_line_of_the_user() -> None:
    with open_trace() as trace:
        t = labeled(trace)
        line = t.std("time") + 1  # the line of every node of both operations
        nodes = [line.data.value]
        while nodes:
            var = nodes.pop()
            if var.node is not None:
                assert var.source.file == __file__
                nodes.extend(var.inputs)


# ---- host escapes --------------------------------------------------------------------------------------------------

CHOOSE = (
    "Choose between values with xr.where(condition, a, b), between branches with xgrad.cond,"
    " and repeat with xgrad.scan."
)
STATIC = "A size, position or option that is fixed for a call: name it in static_argnames."
STAY = (
    "Stay with the array (xarray methods, operators and NumPy functions are traced),"
    " or return it and use its values outside."
)
ARRAY = "a NumPy array (.values, np.asarray, plotting, SciPy)"


@pytest.mark.parametrize(
    ("use", "doing", "instead"),
    [
        (bool, "bool(), `if` or `while`", CHOOSE),
        (int, "int()", STATIC),
        (operator.index, "an index, size or range", STATIC),
        (range, "an index, size or range", STATIC),
        (float, "float()", STAY),
        (complex, "complex()", STAY),
        (lambda x: x.item(), ".item()", STAY),
        (lambda x: x.tolist(), ".tolist()", STAY),
        (np.asarray, ARRAY, STAY),
        (np.array, ARRAY, STAY),
        (lambda x: 3.0 in x, "`in`", "Compare instead: (array == value).any() is traced."),
        (
            lambda x: np.allclose(x, x + 1),
            "a comparison of whole arrays (equals, allclose, array_equal)",
            CHOOSE,
        ),
        (
            lambda x: np.array_equal(1.0, x),
            "a comparison of whole arrays (equals, allclose, array_equal)",
            CHOOSE,
        ),
    ],
)
def test_numbers_that_are_not_known(use: Callable[[Any], Any], doing: str, instead: str) -> None:
    with open_trace() as trace:
        x = wrap(trace.input(TYPE, "t", MODEL))
        with pytest.raises(TracedValueError) as error:
            use(x)
        text = str(error.value)
        assert text.startswith(
            f"{doing} needs the numbers in `t` (model.py:12; time: 4, lat: 3) at test_trace.py:"
        )
        assert text.endswith(f", which are not known while the function is traced.\n{instead}")


@pytest.mark.parametrize(
    "use",
    [
        lambda t: t.values,
        lambda t: float(t.sum()),
        lambda t: "big" if t.mean() > 0 else "small",
        lambda t: t.equals(t + 1),
        lambda t: t.to_numpy(),
        lambda t: t.to_dataframe(),
        lambda t: xr.DataArray(np.zeros((4, 3)), dims=t.dims).__setitem__(0, t[0]),
    ],
)
def test_numbers_that_xarray_asks_for(use: Callable[[Any], Any]) -> None:
    with (
        open_trace() as trace,
        pytest.raises(TracedValueError, match="which are not known while the function is traced"),
    ):
        use(labeled(trace))


def test_labels_are_concrete() -> None:
    with open_trace() as trace:
        t = labeled(trace) * 2
        assert [int(k) for k in t.time.values] == [0, 1, 2, 3]
        assert t.sel(time=2).time.item() == 2
        assert t.equals(t.copy(deep=False))
        assert "time" in t.coords and t.sizes == {"time": 4, "lat": 3}
        assert repr(t).startswith("<xarray.DataArray 't' (time: 4, lat: 3)>")


def test_a_traced_array_is_a_duck_array_for_xarray() -> None:
    with open_trace() as trace:
        assert type(labeled(trace).data) is TracedArray
        assert not hasattr(TracedArray, "__array_namespace__")
