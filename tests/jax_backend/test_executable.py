"""Executables: one per structure, 64-bit types in a local scope, and as parts of other JAX programs."""

import gc
import threading
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.jax_backend import graphs
from xgrad.axes.arithmetic import add, multiply
from xgrad.axes.constants import constant
from xgrad.axes.logic import cast
from xgrad.axes.transcendental import exp, sin
from xgrad.errors import PrecisionWarning, UnsupportedError
from xgrad.graph import Graph
from xgrad.jax_backend.arrays import is_jax_array, is_tracer, to_device, to_numpy
from xgrad.jax_backend.emit import lift
from xgrad.jax_backend.executable import (
    CompileOptions,
    ExecutableCache,
    executable_for,
    executables,
)


def call(graph, *arrays):
    lifted, constants = lift(graph)
    return executable_for(lifted)(*arrays, *constants)


# ---- the cache -------------------------------------------------------------------------------------------------------
def test_other_constants_share_an_executable_and_compile_nothing():
    x = np.zeros(3)
    call(graphs.weighted((1.0, 2.0, 3.0)), x)
    before = executables.info()
    (result,) = call(graphs.weighted((4.0, 5.0, 6.0)), x)
    np.testing.assert_array_equal(result, [4.0, 5.0, 6.0])
    after = executables.info()
    assert (after.compiles, after.hits) == (before.compiles, before.hits + 1)


def test_other_options_are_another_executable():
    graph = graphs.elementwise()
    assert executable_for(graph) is executable_for(graphs.elementwise())
    assert executable_for(graph, CompileOptions(donate=(0,))) is not executable_for(graph)


def test_the_cache_forgets_what_was_used_longest_ago():
    cache = ExecutableCache(limit=2)
    options = CompileOptions()
    first, second, third = [graphs.chain(n) for n in (1, 2, 3)]
    kept, dropped = cache.get(first, options), cache.get(second, options)
    cache.get(first, options)
    cache.get(third, options)
    assert cache.get(first, options) is kept
    assert cache.get(second, options) is not dropped
    assert cache.info().size == 2


def test_threads_share_one_executable_that_compiles_once():
    cache = ExecutableCache(limit=8)
    barrier = threading.Barrier(4)
    found, results = [], []

    def work():
        barrier.wait()
        executable = cache.get(graphs.elementwise(), CompileOptions())
        found.append(executable)
        results.append(executable(np.ones(3), np.ones(3))[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert cache.info().compiles == 1
    assert len({x.tobytes() for x in map(np.asarray, results)}) == 1


def test_captured_arrays_are_held_by_no_executable():
    lifted, (array,) = lift(graphs.captured(1000))
    executable_for(lifted)(np.zeros(1000), array)[0].block_until_ready()
    held = weakref.ref(array)
    del array
    gc.collect()
    assert held() is None


# ---- types, devices, reports -----------------------------------------------------------------------------------------
def test_64_bit_types_are_on_inside_alone():
    (result,) = call(graphs.weighted(), np.zeros(3))
    assert result.dtype == np.float64
    assert not jax.config.jax_enable_x64
    assert jnp.ones(3).dtype == np.float32


def test_results_stay_on_the_device_and_constants_are_placed_once():
    lifted, constants = lift(graphs.weighted((1.0, 2.0, 3.0)))
    placed = to_device(constants)
    (result,) = executable_for(lifted)(to_device([np.zeros(3)])[0], *placed)
    assert is_jax_array(result)
    assert not result.committed
    assert placed[0].dtype == np.float64


def test_constants_placed_during_a_trace_are_concrete():
    placed = []
    jax.jit(lambda x: placed.extend(to_device([np.ones(3)])) or x)(1.0)
    assert not is_tracer(placed[0])


def test_numpy_results_may_be_written_into():
    (result,) = call(graphs.weighted((1.0, 2.0, 3.0)), np.zeros(3))
    array = to_numpy(result)
    array[0] = 7
    assert (array[0], np.asarray(result)[0]) == (7, 1)


def test_donated_inputs_give_their_memory():
    graph = graphs.chain(1)
    lifted, constants = lift(graph)
    (x,) = to_device([np.zeros(2)])
    executable_for(lifted, CompileOptions(donate=(0,)))(x, *constants)
    assert x.is_deleted()


def test_an_executable_reports_its_program_and_its_cost():
    executable = executable_for(lift(graphs.weighted())[0])
    assert executable.hlo().startswith("HloModule jit_xgrad_program")
    assert executable.cost().bytes_accessed >= 3 * 3 * 8
    assert executable.memory().outputs == 3 * 8


# ---- inside other JAX programs ---------------------------------------------------------------------------------------
def double(x):
    """A program on float32 that computes in float64 on the way."""
    inside = cast(x, np.float64)
    weighted = multiply(sin(inside), constant(np.array([1.0, 2.0, 3.0])))
    return cast(add(weighted, exp(inside)), np.float32)


def single(x):
    return add(sin(x), exp(x))


def compiled(make, dtype):
    x = graphs.var(3, dtype=dtype)
    lifted, constants = lift(Graph((x,), (make(x),)))
    executable, placed = executable_for(lifted), to_device(constants)
    return lambda x: executable(x, *placed)[0]


def written_single(x):
    return jnp.sin(x) + jnp.exp(x)


def written_double(x):
    return jnp.sin(x) * jnp.array([1.0, 2.0, 3.0], x.dtype) + jnp.exp(x)


X = np.array([0.1, 0.2, 0.3])
MANY = np.stack([X, 2 * X])

COMPOSITIONS = {
    "jit": lambda f, x, xs: jax.jit(f)(x),
    "vmap": lambda f, x, xs: jax.vmap(f)(xs),
    "grad": lambda f, x, xs: jax.grad(lambda x: f(x).sum())(x),
    "jit of grad": lambda f, x, xs: jax.jit(jax.grad(lambda x: f(x).sum()))(x),
    "grad of vmap": lambda f, x, xs: jax.grad(lambda xs: jax.vmap(f)(xs).sum())(xs),
    "vmap of grad": lambda f, x, xs: jax.vmap(jax.grad(lambda x: f(x).sum()))(xs),
    "jvp": lambda f, x, xs: jax.jvp(f, (x,), (x,))[1],
    "jacfwd": lambda f, x, xs: jax.jacfwd(f)(x),
    "jacrev": lambda f, x, xs: jax.jacrev(f)(x),
    "hessian": lambda f, x, xs: jax.hessian(lambda x: f(x).sum())(x),
    "checkpoint": lambda f, x, xs: jax.grad(lambda x: jax.checkpoint(f)(x).sum())(x),
    "scan": lambda f, x, xs: jax.grad(
        lambda xs: jax.lax.scan(lambda c, x: (c, f(x)), 0.0, xs)[1].sum()
    )(xs),
    "mixed": lambda f, x, xs: jax.grad(lambda x: (f(x) * x + 1).sum())(x),
}
each_composition = pytest.mark.parametrize("compose", COMPOSITIONS.values(), ids=COMPOSITIONS)


@each_composition
def test_in_a_trace_with_64_bit_types(compose):
    with jax.enable_x64(True):
        got = compose(compiled(single, "float64"), X, MANY)
        expected = compose(written_single, X, MANY)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-14)


@each_composition
def test_in_a_trace_without_64_bit_types_a_float32_program_is_itself(compose):
    got = compose(compiled(single, "float32"), X.astype("f4"), MANY.astype("f4"))
    expected = compose(written_single, X.astype("f4"), MANY.astype("f4"))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@each_composition
def test_in_a_trace_without_64_bit_types_float64_is_narrowed_with_a_warning(compose):
    with pytest.warns(PrecisionWarning):
        got = compose(compiled(double, "float32"), X.astype("f4"), MANY.astype("f4"))
    expected = compose(written_double, X.astype("f4"), MANY.astype("f4"))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_float64_arrays_in_a_trace_without_64_bit_types():
    f = compiled(single, "float64")
    (x,) = to_device([X])
    with pytest.warns(PrecisionWarning):
        assert jax.jit(f)(x).dtype == np.float32
    with pytest.warns(PrecisionWarning):
        assert jax.vmap(f)(MANY).dtype == np.float32


@pytest.mark.parametrize("make", graphs.DELEGATED, ids=lambda make: make.__name__)
def test_delegated_derivatives_in_a_trace_without_64_bit_types(make, rng):
    lifted, constants = lift(make())
    arrays = graphs.arrays_for(make(), rng)
    executable = executable_for(lifted)
    with pytest.warns(PrecisionWarning):
        got = jax.jit(lambda *arrays: executable(*arrays, *constants))(*arrays)
    for one, other in zip(got, executable(*arrays, *constants), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_warning_names_what_is_narrowed_and_the_way_out():
    with pytest.warns(PrecisionWarning) as caught:
        jax.jit(compiled(single, "float64"))(X)
    assert str(caught[0].message) == (
        "called inside a JAX trace with 64-bit types off: result 0 (float64[3]) is computed in 32 bits. "
        "Turn 64-bit types on around it: with jax.enable_x64(True): ..."
    )
    assert caught[0].filename == __file__


def test_integers_that_do_not_fit_are_refused():
    nanoseconds = constant(np.array([1_577_836_800_000_000_000]))
    x = graphs.var(1, dtype="int64")
    lifted, constants = lift(Graph((x,), (add(x, nanoseconds),)))
    with pytest.raises(UnsupportedError) as caught:
        jax.jit(lambda x: executable_for(lifted)(x, *constants))(np.array([1]))
    assert str(caught.value) == (
        "called inside a JAX trace with 64-bit types off, with integers that need them: "
        "int64[1] from 1577836800000000000 to 1577836800000000000. "
        "Turn 64-bit types on around it: with jax.enable_x64(True): ..."
    )
