"""``cond``, ``switch`` and ``while_loop``: decisions of the running program, where Python's own cannot be taken."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from xgrad.errors import ArgumentError, UnsupportedTypeError
from xgrad.graph import Graph, Var, located, moment, user_source
from xgrad.labels import open_trace
from xgrad.names import XSwitch, XWhile, build
from xgrad.transforms.calls.jit import Compiled, is_symbolic
from xgrad.transforms.control.carry import (
    Carry,
    Words,
    branch_words,
    here,
    leaves_like,
    parts,
    symbolic,
)
from xgrad.transforms.control.closing import close_over
from xgrad.transforms.control.scan import build_carries, fresh_vars, scan, settle
from xgrad.transforms.control.sequences import Sequences
from xgrad.transforms.tree import Structure, flatten, leaf_paths


def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """``true_fun(*operands)`` if ``pred`` holds, else ``false_fun(*operands)``; only that one is computed.

    ``pred`` is a 0-d boolean, traced or not. Both functions give results of the same containers, dims (in any order),
    sizes and dtype; the labels are those of ``true_fun``'s. A gradient is that of the branch taken.

    Raises ArgumentError, DimensionError, SizeMismatchError and UnsupportedTypeError where the results differ.

    >>> import xarray as xr, xgrad as xg
    >>> @xg.jit
    ... def root(x):
    ...     return xg.cond(x >= 0, lambda x: x**0.5, lambda x: abs(x), x)
    >>> float(root(xr.DataArray(4.0))), float(root(xr.DataArray(-4.0)))
    (2.0, 4.0)
    """
    if isinstance(pred, bool | np.bool_):
        return true_fun(*operands) if pred else false_fun(*operands)
    return _choose(pred, [false_fun, true_fun], operands, "cond")


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """``branches[index](*operands)``; an index out of range is taken to be the nearest one in it.

    ``index`` is a 0-d integer. Results and errors as for ``cond``; the labels are those of the first branch's result.

    >>> import xarray as xr, xgrad as xg
    >>> x = xr.DataArray([1.0, 2.0], dims="x")
    >>> xg.switch(1, [lambda x: x, lambda x: x**2, lambda x: x**3], x).values
    array([1., 4.])
    """
    branches = list(branches)
    if not branches:
        raise ArgumentError(f"xgrad.switch needs at least one branch{here()}.")
    if isinstance(index, int | np.integer):
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    return _choose(index, branches, operands, "switch")


def while_loop(
    cond: Callable[[Any], Any],
    body: Callable[[Any], Any],
    init: Any,
    max_steps: int | None = None,
) -> Any:
    """Repeat ``carry = body(carry)`` from ``init`` as long as ``cond(carry)`` holds; the last carry.

    The carry keeps its form as in ``scan``. How often the body runs is known only when the program does, so a gradient
    in reverse mode needs a bound: with ``max_steps`` the loop ends after so many steps at the latest, and keeps the
    carries of that many.

    Raises ArgumentError, DimensionError, SizeMismatchError, UnsupportedTypeError for a carry that changes its form or
    a condition that is not a 0-d boolean. Differentiating without ``max_steps`` raises GradNotImplementedError.

    >>> import xgrad as xg
    >>> float(xg.while_loop(lambda x: x < 100.0, lambda x: 2 * x, 3.0))
    192.0
    """
    if not is_symbolic(init):
        run = Compiled(lambda init: while_loop(cond, body, init, max_steps))
        return run(init)
    if max_steps is not None:
        return _bounded(cond, body, init, max_steps)
    return _while(cond, body, init)


def _bounded(cond_: Callable[[Any], Any], body: Callable[[Any], Any], init: Any, steps: int) -> Any:
    """A scan whose steps do nothing once the condition fails."""

    @wraps(body)
    def step(carry: Any, _: Any) -> tuple[Any, None]:
        return cond(cond_(carry), body, lambda carry: carry, carry), None

    return scan(step, init, length=steps)[0]


def _while(cond: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Any:
    line = user_source()
    with located(line):
        sequences = Sequences(None, None, 0, "while_loop")
        leaves, structure = flatten(init)
        paths = leaf_paths(structure, "init")
        leaves = [symbolic(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        carries = [Carry.of(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        traced = settle(_step(cond, body), carries, structure, sequences)
        starts = [v for c, leaf in zip(traced.carries, leaves, strict=True) for v in c.start(leaf)]
        inputs, outs = traced.body.inputs, traced.body.outputs
        tests = outs[len(starts) :]
        if len(tests) != 1 or tests[0].type.dims or tests[0].type.dtype != np.dtype(bool):
            raise _no_bool("the condition of xgrad.while_loop", tests)
        step = Graph(inputs, outs[: len(starts)])
        loop = XWhile(Graph(inputs, tests), step, len(starts))
        results = loop.apply(*starts, *traced.captured)
        return build_carries(traced.carries, structure, results)


def _step(cond: Callable[[Any], Any], body: Callable[[Any], Any]) -> Callable[..., Any]:
    """The body and the condition as one step."""

    @wraps(body)
    def step(carry: Any, _: Any) -> tuple[Any, Any]:
        return body(carry), cond(carry)

    return step


def _no_bool(what: str, found: Sequence[Var]) -> UnsupportedTypeError:
    is_ = f"is {found[0].type}" if len(found) == 1 else "is not one array"
    where = here(found[0].source if found else None)
    return UnsupportedTypeError(
        f"{what} {is_}; it must be a 0-d boolean{where}.\nCompare, and reduce with .any() or .all()."
    )


def _choose(index: Any, branches: Sequence[Callable[..., Any]], operands: tuple, verb: str) -> Any:
    """One of the branches, by a traced index (or truth value); compiled at once outside of traces."""
    if not is_symbolic(index, operands):
        return Compiled(lambda index, operands: _choose(index, branches, operands, verb))(
            index, operands
        )
    line = user_source()
    with located(line):
        place = _index(index, verb)
        leaves, structure = flatten(operands)
        paths = leaf_paths(structure, "operands")
        leaves = [symbolic(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        given = [Carry.of(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        values = [
            p.var for leaf, path in zip(leaves, paths, strict=True) for p in parts(leaf, path)
        ]
    inputs, since = fresh_vars(given), moment()
    with open_trace():
        results = [b(*build_carries(given, structure, inputs)) for b in branches]
        with located(line):
            forms, found, outs = _matched(results, branch_words(verb))
    closed = close_over(outs, inputs, since)
    with located(line):
        chosen = XSwitch(closed.graphs).apply(place, *values, *closed.captured)
        return build_carries(forms, found, chosen)


def _index(index: Any, verb: str) -> Var:
    """The number of the branch, as a 32-bit integer."""
    found = parts(symbolic(index, "index"), "index")
    kinds = "b" if verb == "cond" else "iub"
    if len(found) != 1 or found[0].var.type.dims or found[0].var.type.dtype.kind not in kinds:
        vars_ = [p.var for p in found]
        if verb == "cond":
            raise _no_bool("the predicate of xgrad.cond", vars_)
        shown = f"is {vars_[0].type}" if len(vars_) == 1 else "is not one array"
        where = here(vars_[0].source if vars_ else None)
        raise UnsupportedTypeError(
            f"the index of xgrad.switch {shown}; it must be a 0-d integer{where}.\n"
            "Reduce it, or cast it with .astype(int)."
        )
    return build.cast(found[0].var, np.int32)


def _matched(
    results: Sequence[Any], words: Words
) -> tuple[list[Carry], Structure, list[list[Var]]]:
    """The form that the results of all branches have, its containers, and the variables of each branch in it."""
    first = (
        results[-1] if words.verb == "cond" else results[0]
    )  # of cond the branch that is written first
    leaves, structure = flatten(first)
    paths = leaf_paths(structure, "result")
    forms = [Carry.of(symbolic(leaf, path), path) for leaf, path in zip(leaves, paths, strict=True)]
    each = [leaves_like(result, structure, words) for result in results]
    for found in each:
        forms = [form.settled(leaf) for form, leaf in zip(forms, found, strict=True)]
    forms = [form.strong() for form in forms]
    outs = [
        [v for form, leaf in zip(forms, found, strict=True) for v in form.follow(leaf, words)]
        for found in each
    ]
    return forms, structure, outs
