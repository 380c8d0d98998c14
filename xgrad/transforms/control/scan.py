"""``scan`` and ``map``: a step of labeled arrays repeated along a dim, as one loop of the compiled program."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

from xgrad.graph import Graph, Var, current_source, located, moment, user_source
from xgrad.labels import open_trace
from xgrad.names import XScan
from xgrad.transforms.calls.jit import Compiled, is_symbolic
from xgrad.transforms.control.carry import Carry, leaves_like, pair, step_words, symbolic
from xgrad.transforms.control.closing import close_over
from xgrad.transforms.control.lags import Past
from xgrad.transforms.control.options import Checkpoint, Loop
from xgrad.transforms.control.segments import run_loop
from xgrad.transforms.control.sequences import Sequences, Stacked
from xgrad.transforms.tree import Structure, flatten, leaf_paths, unflatten


def scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    *,
    dim: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
    checkpoint: Checkpoint = None,
    lags: int | None = None,
    parallel: bool = False,
) -> tuple[Any, Any]:
    """Repeat ``carry, y = step(carry, x)`` along ``dim``: the last carry, and all ``y`` stacked along ``dim``.

    ``init`` and ``xs`` are DataArrays, Datasets, arrays and numbers in any containers. A step sees labeled slices of
    ``xs``: the numeric coords along ``dim`` are 0-d traced coords of them. Arrays without labels are read along their
    first axis. Without ``xs``, ``length`` says how many steps there are, and outputs are stacked along ``dim`` or
    "step". A carry keeps its dims (in any order), sizes and dtype; Python numbers take the dtype that the step gives
    them. Arrays that the step uses from outside may be traced or not.

    ``reverse``: from the last slice to the first; outputs stand where their slices do. ``unroll``: so many steps of the
    program in one of the machine's. ``checkpoint``: what derivatives in reverse mode keep of the way. None keeps the
    carries of all steps, and of each step what costs much to compute again; an int keeps them every so many steps and
    computes those between again; "sqrt" keeps about √n of them; "auto" is "sqrt" where all of them would take more
    than 64 MiB. A policy ("nothing", "dots", "everything", or one of ``jax.checkpoint_policies``) says what is kept of
    each step besides its carry.

    ``lags``: a step sees so many previous values instead of one. ``init`` holds those before the first step along
    ``dim``; the first argument of a step has the dim "lag" in its place, with the labels 1 (the last value), 2, …; the
    step returns one new value. The last carry can be the ``init`` of a loop that goes on.

    ``parallel``: without a loop, by running totals, products, extremes or linear recurrences: a carry becomes
    carry + x, carry * x, np.maximum(carry, x), a * carry + b, or linear in a vector of at most 64 numbers, where x, a
    and b do not depend on it. For long loops on accelerators; the order of additions is another. Raises
    UnsupportedError for other steps when the program is compiled.

    Compile time does not depend on the number of steps. Derivatives of any order are loops again, and few. Outside
    compiled functions, the loop is compiled and run at once.

    Raises DimensionError, SizeMismatchError, UnsupportedTypeError for a carry that changes its dims, size or dtype,
    ArgumentError for one of another structure, DimensionError for a sequence without ``dim``, SizeMismatchError for
    sequences of different lengths, AlignmentError for sequences with different labels.

    >>> import xarray as xr, xgrad as xg
    >>> rain = xr.DataArray([1.0, 0.0, 2.0], dims="day", coords={"day": [10, 11, 12]}, name="rain")
    >>> def step(store, rain):
    ...     store = 0.5 * store + rain
    ...     return store, store
    >>> last, store = xg.scan(step, 0.0, rain, dim="day")
    >>> float(last), store.values.tolist(), store.day.values.tolist()
    (2.25, [1.0, 0.5, 2.25], [10, 11, 12])
    >>> before = xr.DataArray([1.0, 2.0], dims="day")
    >>> def fibonacci(past, _):
    ...     return past.sum("lag"), past.sel(lag=1)
    >>> xg.scan(fibonacci, before, dim="day", length=4, lags=2)[1].values
    array([2., 3., 5., 8.])
    """
    with located(current_source() or user_source()):
        options = Loop(dim, length, reverse, unroll, checkpoint, lags, parallel).checked()
    if is_symbolic(init, xs):
        return _scan(step, init, xs, options)
    run = Compiled(lambda init, xs: _scan(step, init, xs, options))
    return run(init, xs)


def map(fun: Callable[[Any], Any], xs: Any, *, dim: Any = None) -> Any:
    """``fun`` of every slice of ``xs`` along ``dim``, one after the other, stacked along it.

    Needs the memory of one slice at a time. What ``fun`` sees and may return is as in ``scan``.

    >>> import xarray as xr, xgrad as xg
    >>> x = xr.DataArray([[3.0, 1.0], [2.0, 5.0]], dims=("site", "day"))
    >>> xg.map(lambda series: series.max(), x, dim="site").values
    array([3., 5.])
    """

    @wraps(fun)
    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        return carry, fun(x)

    return scan(step, (), xs, dim=dim)[1]


def _scan(step: Callable[..., Any], init: Any, xs: Any, options: Loop) -> tuple[Any, Any]:
    line = user_source()
    with located(line):
        sequences = Sequences(xs, options.dim, options.length, "scan")
        if options.lags is None:
            return _loop(step, init, sequences, options)
        past = Past(init, options.lags, sequences, options.reverse, step_words("scan", step))
        last, ys = _loop(past.stepping(step), past.start, sequences, options)
        return past.end(last), ys


def _loop(
    step: Callable[..., Any], init: Any, sequences: Sequences, options: Loop
) -> tuple[Any, Any]:
    """The loop over ``sequences`` that begins with ``init``. The line of the call is the one that runs now."""
    leaves, structure = flatten(init)
    paths = leaf_paths(structure, "init")
    leaves = [symbolic(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
    leaves = [sequences.without_step_labels(leaf) for leaf in leaves]
    carries = [Carry.of(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
    traced = settle(step, carries, structure, sequences)
    starts = [v for c, leaf in zip(traced.carries, leaves, strict=True) for v in c.start(leaf)]
    counts = (sequences.length, len(starts), len(sequences.rows))
    op = XScan(traced.body, sequences.dim, *counts, options.reverse, options.unroll)
    op = dataclasses.replace(op, parallel=options.parallel)
    results = run_loop(op, (*starts, *sequences.rows, *traced.captured), options.checkpoint)
    last = build_carries(traced.carries, structure, results[: len(starts)])
    return last, traced.stacked.build(results[len(starts) :])


class TracedStep(NamedTuple):
    """A step as a closed body, with the carries in the form that it keeps."""

    body: Graph
    captured: tuple[Var, ...]
    carries: list[Carry]
    stacked: Stacked


def settle(
    step: Callable[..., Any], carries: list[Carry], structure: Structure, sequences: Sequences
) -> TracedStep:
    """Trace the step; once or twice more where Python numbers among the carries find their dtype."""
    for _ in range(2):
        settled = _trace(step, carries, structure, sequences, settling=True)
        if isinstance(settled, TracedStep):
            return settled
        carries = settled
    final = _trace(step, [c.strong() for c in carries], structure, sequences, settling=False)
    assert isinstance(final, TracedStep)
    return final


def _trace(
    step: Callable[..., Any],
    carries: list[Carry],
    structure: Structure,
    sequences: Sequences,
    settling: bool,
) -> "TracedStep | list[Carry]":
    """The step as a body for these carries; or, where Python numbers among them change, the carries to begin with."""
    since, words = moment(), step_words(sequences.verb, step)
    with open_trace(repeats=True):
        before = fresh_vars(carries)
        slices = sequences.slices()
        value = build_carries(carries, structure, before)
        given = sequences.enter(slices)
        with located(None):  # the lines of the step are its own
            result = step(value, given)
        after, ys = pair(result, words)
        leaves = leaves_like(after, structure, words)
        if settling:
            settled = [c.settled(leaf) for c, leaf in zip(carries, leaves, strict=True)]
            if any(kind_changed(a, b) for a, b in zip(carries, settled, strict=True)):
                return settled
            strong = [c.strong() for c in carries]
            if strong != carries:
                return strong
        carried = [
            v for c, leaf in zip(carries, leaves, strict=True) for v in c.follow(leaf, words)
        ]
        stacked = Stacked(ys, sequences)
    closed = close_over([[*carried, *stacked.vars]], [*before, *slices], since)
    return TracedStep(closed.graphs[0], closed.captured, carries, stacked)


def kind_changed(before: Carry, after: Carry) -> bool:
    """Whether a carry has found another dtype, or name."""
    return before.types != after.types or before.example is not after.example


def fresh_vars(carries: Sequence[Carry]) -> list[Var]:
    """A fresh variable for every part of the carries."""
    return [Var(t, name=_name(c)) for c in carries for t in c.types]


def _name(carry: Carry) -> str | None:
    name = getattr(carry.example, "name", None)
    return str(name) if name else None


def build_carries(carries: Sequence[Carry], structure: Structure, vars: Sequence[Var]) -> Any:
    """The carries around some variables, in the user's containers."""
    rest = iter(vars)
    leaves = [c.enter([next(rest) for _ in c.types]) for c in carries]
    return unflatten(structure, leaves)
