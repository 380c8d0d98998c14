"""Derivatives, loops, branches, maps and functions of one's own, nested in each other, by both routes, against JAX.

Each program stands twice: with labels, and in JAX. The quick tests take a sample of them, ``-m slow`` all.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import xgrad as xg

RNG = np.random.default_rng(0)
X, W = RNG.uniform(0.5, 1.5, (4, 3)), RNG.uniform(0.5, 1.5, 3)
LABELS = {"t": [1, 2, 3, 4], "c": list("abc")}
x = xr.DataArray(X, LABELS, ("t", "c"), name="x")
w = xr.DataArray(W, {"c": LABELS["c"]}, name="w")
DATASET = xr.Dataset({"x": x, "w": w})
TREE = {"a": x, "b": (w, 1.5)}


# ---- what is nested: with labels and in JAX ------------------------------------------------------------------------
def curve(x: Any, w: Any) -> Any:
    """A result along c."""
    return (np.sin(x) * w**2).sum("t")


def curve_(x: Any, w: Any) -> Any:
    return (jnp.sin(x) * w**2).sum(0)


def total(x: Any, w: Any) -> Any:
    """A cost of any dims."""
    return (np.sin(x) * w**2).sum()


def total_(x: Any, w: Any) -> Any:
    return (jnp.sin(x) * w**2).sum()


def path(x: Any, w: Any) -> Any:
    """A loop: its end, and what it went through."""

    def step(c: Any, row: Any) -> Any:
        c = np.tanh(c * w + row)
        return c, c

    return xg.scan(step, w * 0.1, x, dim="t")


def path_(x: Any, w: Any) -> Any:
    def step(c: Any, row: Any) -> Any:
        c = jnp.tanh(c * w + row)
        return c, c

    return jax.lax.scan(step, w * 0.1, x)


def cost(x: Any, w: Any) -> Any:
    """A cost of a loop."""
    return (path(x, w)[1] ** 2).sum()


def cost_(x: Any, w: Any) -> Any:
    return (path_(x, w)[1] ** 2).sum()


cube = xg.custom_gradient(lambda z: z**3, pullback=lambda args, out, ct: (ct * 3 * args[0] ** 2,))
either = lambda pred, a, b, z: xg.cond(pred, a, b, z)  # noqa: E731
sine = lambda z: xg.apply_jax(jnp.sin, z)  # noqa: E731
length = lambda z: xg.apply_jax(jnp.linalg.norm, z, input_core_dims=[["c"]])  # noqa: E731


def looped(step: Callable[[Any, Any], Any], **options: Any) -> Callable[[Any, Any], Any]:
    """The sum of squares of where a step along t ends, by w."""
    return lambda x, w: (
        xg.scan(lambda c, r: (step(c, r), None), w, x, dim="t", **options)[0] ** 2
    ).sum()


def looped_(step: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, w: (jax.lax.scan(lambda c, r: (step(c, r), None), w, x)[0] ** 2).sum()


def descent(x: Any, w: Any) -> Any:
    """Gradient descent of every row, in a loop."""
    slope = xg.vmap(xg.grad(lambda r: np.sin(r * w).sum()), "t")
    return (xg.scan(lambda c, _: (c - 0.1 * slope(c), None), x, length=3)[0] ** 2).sum()


def descent_(x: Any, w: Any) -> Any:
    slope = jax.vmap(jax.grad(lambda r: jnp.sin(r * w).sum()))
    end, _ = jax.lax.scan(lambda c, _: (c - 0.1 * slope(c), None), x, None, length=3)
    return (end**2).sum()


def bounded(x: Any, w: Any) -> Any:
    """A loop that ends by a condition."""
    return (xg.while_loop(lambda c: c.sum() < 20, lambda c: c * 1.5 + w, w, 9) ** 2).sum()


def bounded_(x: Any, w: Any) -> Any:
    c = w
    for _ in range(9):
        c = jnp.where(c.sum() < 20, c * 1.5 + w, c)
    return (c**2).sum()


def in_tree(p: Any) -> Any:
    return cost(p["a"], p["b"][0]) * p["b"][1]


def in_tree_(a: Any, b: Any, k: Any) -> Any:
    return cost_(a, b) * k


def trace_of_hessian(x: Any, w: Any) -> Any:
    return xg.linalg.trace(xg.hessian(cost, 1)(x, w), dims=("c", "c_wrt"))


def squared_slope(x: Any, w: Any) -> Any:
    return (xg.grad(xg.jit(cost), 1)(x, w) ** 2).sum()


def squared_slope_(x: Any, w: Any) -> Any:
    return (jax.grad(cost_, 1)(x, w) ** 2).sum()


def with_aux(x: Any, w: Any) -> Any:
    slope, aux = xg.grad(lambda w: (cost(x, w), w * 2), has_aux=True)(w)
    return (slope * aux).sum()


def pulled(w: Any) -> Any:
    out, back = xg.pullback(lambda w: curve(x, w), w)
    return back(out)[0]


def pulled_(w: Any) -> Any:
    out, back = jax.vjp(lambda w: curve_(X, w), w)
    return back(out)[0]


def pushed(w: Any) -> Any:
    return xg.pushforward(lambda w: curve(x, w), (w,), (w * 2,))[1]


def pushed_(w: Any) -> Any:
    return jax.jvp(lambda w: curve_(X, w), (w,), (w * 2,))[1]


class Nested(NamedTuple):
    """One program: with labels, in JAX; results are compared as they come."""

    ours: Callable[[Any, Any], Any]
    theirs: Callable[[Any, Any], Any]


def by_w(ours: Any, theirs: Any) -> Nested:
    """The gradient by ``w`` of a cost."""
    return Nested(xg.grad(ours, 1), jax.grad(theirs, 1))


def hessian_by_w(ours: Any, theirs: Any) -> Nested:
    return Nested(xg.hessian(ours, 1), jax.hessian(theirs, 1))


def product_by_w(ours: Any, theirs: Any) -> Nested:
    """The product of the Hessian by ``w`` with ``w``."""
    return Nested(
        lambda x, w: xg.hessian_vector_product(ours, 1)(x, w, w),
        lambda x, w: jax.hessian(theirs, 1)(x, w) @ w,
    )


def rows(ours: Any, theirs: Any) -> Nested:
    """At every row of ``x``."""
    return Nested(xg.vmap(ours, "t"), jax.vmap(theirs, (0, None)))


GROWTH = (lambda c, r: np.tanh(c * r), lambda c, r: jnp.tanh(c * r))
PROGRAMS = {
    "vmap of grad": rows(xg.grad(total), jax.grad(total_)),
    "vmap of grad by what is shared": rows(xg.grad(total, 1), jax.grad(total_, 1)),
    "vmap of hessian": rows(xg.hessian(total, 1), jax.hessian(total_, 1)),
    "vmap of jacobian of custom_gradient": rows(
        xg.jacobian(lambda r, w: cube(r) * w), jax.jacobian(lambda r, w: r**3 * w)
    ),
    "vmap of grad of cond": rows(
        xg.grad(
            lambda r, w: either(r.sum() > 3, lambda r: (r * w).sum(), lambda r: (r**2).sum(), r)
        ),
        jax.grad(lambda r, w: jnp.where(r.sum() > 3, (r * w).sum(), (r**2).sum())),
    ),
    "vmap of hessian of apply_jax": rows(
        xg.hessian(lambda r, w: length(r * w)), jax.hessian(lambda r, w: jnp.linalg.norm(r * w))
    ),
    "vmap of vmap of grad": Nested(
        lambda x, w: xg.vmap(xg.vmap(xg.grad(lambda a, b: np.sin(a * b)), "t"), "c")(x, w).T,
        lambda x, w: w * jnp.cos(x * w),
    ),
    "grad of vmap": by_w(
        lambda x, w: (xg.vmap(lambda r: total(r, w), "t")(x) ** 2).sum(),
        lambda x, w: (jax.vmap(lambda r: total_(r, w))(x) ** 2).sum(),
    ),
    "jacobian of grad": Nested(
        lambda x, w: xg.jacobian(xg.grad(total), 1)(x, w), jax.jacobian(jax.grad(total_), 1)
    ),
    "jacobian of jacobian": Nested(
        lambda x, w: xg.jacobian(xg.jacobian(curve, 1), 1, suffix="_2")(x, w),
        jax.jacobian(jax.jacobian(curve_, 1), 1),
    ),
    "jacobian of scan": Nested(
        xg.jacobian(lambda x, w: path(x, w)[0], 1), jax.jacobian(lambda x, w: path_(x, w)[0], 1)
    ),
    "hessian of scan": hessian_by_w(cost, cost_),
    "hessian product of scan": product_by_w(cost, cost_),
    "grad of trace of hessian of scan": by_w(
        trace_of_hessian, lambda x, w: jnp.trace(jax.hessian(cost_, 1)(x, w))
    ),
    "grad of hessian product of scan": by_w(
        lambda x, w: xg.hessian_vector_product(cost, 1)(x, w, w * 0 + 1).sum(),
        lambda x, w: (jax.hessian(cost_, 1)(x, w) @ jnp.ones(3)).sum(),
    ),
    "grad of scan of grad": by_w(
        looped(lambda c, r: c - 0.1 * xg.grad(lambda c: np.cos(c * r).sum())(c)),
        looped_(lambda c, r: c - 0.1 * jax.grad(lambda c: jnp.cos(c * r).sum())(c)),
    ),
    "grad of scan of vmap of grad": Nested(xg.grad(descent), jax.grad(descent_)),
    "grad of scan of cond of grad": by_w(
        looped(
            lambda c, r: either(
                c.sum() > 2,
                lambda c: c - 0.1 * xg.grad(lambda c: np.sin(c).sum())(c),
                lambda c: c + r * 0.5,
                c,
            )
        ),
        looped_(lambda c, r: jnp.where(c.sum() > 2, c - 0.1 * jnp.cos(c), c + r * 0.5)),
    ),
    "grad of scan of custom_gradient": by_w(
        looped(lambda c, r: cube(c) * 0.5 + r), looped_(lambda c, r: c**3 * 0.5 + r)
    ),
    "hessian of scan of apply_jax": hessian_by_w(
        looped(lambda c, r: sine(c) + r), looped_(lambda c, r: jnp.sin(c) + r)
    ),
    "hessian product of scan of checkpoint": product_by_w(
        looped(xg.checkpoint(GROWTH[0])), looped_(GROWTH[1])
    ),
    "hessian product of scan with checkpoints": product_by_w(
        looped(GROWTH[0], checkpoint="sqrt"), looped_(GROWTH[1])
    ),
    "hessian of checkpoint": hessian_by_w(xg.checkpoint(cost), cost_),
    "hessian of cond": hessian_by_w(
        lambda x, w: either(w.sum() > 0, lambda z: cost(x, z), lambda z: total(x, z), w), cost_
    ),
    "hessian of while_loop": hessian_by_w(bounded, bounded_),
    "hessian of custom_gradient": hessian_by_w(
        lambda x, w: (cube(w) * x).sum(), lambda x, w: (w**3 * x).sum()
    ),
    "hessian product of custom_gradient": product_by_w(
        lambda x, w: (cube(w) * x).sum(), lambda x, w: (w**3 * x).sum()
    ),
    "grad of jit of grad of jit": by_w(xg.jit(squared_slope), squared_slope_),
    "grad of grad with aux": by_w(with_aux, lambda x, w: (jax.grad(cost_, 1)(x, w) * 2 * w).sum()),
    "grad of switch of scan": by_w(
        lambda x, w: xg.switch((x.sum() > 0).astype(int), [total, cost], x, w), cost_
    ),
    "grad of pointwise jacobian": Nested(
        xg.grad(lambda x, w: (xg.jacobian(lambda x: cube(x) * w, pointwise="auto")(x) ** 2).sum()),
        lambda x, w: 36 * x**3 * w**2,
    ),
    "pushforward of pullback": Nested(
        lambda x, w: xg.pushforward(pulled, (w,), (w,)),
        lambda x, w: jax.jvp(pulled_, (w,), (w,)),
    ),
    "pullback of pushforward": Nested(
        lambda x, w: xg.pullback(pushed, w)[1](w), lambda x, w: jax.vjp(pushed_, w)[1](w)
    ),
    "pullback of scan by a Dataset": Nested(
        lambda x, w: tuple(xg.pullback(lambda d: path(d.x, d.w), DATASET)[1]((w, x))[0].values()),
        lambda x, w: jax.vjp(path_, x, w)[1]((w, x)),
    ),
    "value_and_grad of scan by a Dataset": Nested(
        lambda x, w: [
            tuple(part.values()) if isinstance(part, xr.Dataset) else part
            for part in xg.value_and_grad(lambda d: cost(d.x, d.w))(DATASET)
        ],
        lambda x, w: list(jax.value_and_grad(cost_, (0, 1))(x, w)),
    ),
    "hessian of scan by a Dataset": Nested(
        lambda x, w: xg.hessian(lambda d: cost(d.x, d.w))(DATASET)["x_wrt_w"],
        lambda x, w: jax.hessian(cost_, (0, 1))(x, w)[0][1],
    ),
    "grad of scan by a tree": Nested(
        lambda x, w: xg.grad(in_tree)(TREE),
        lambda x, w: dict(
            zip("ab", _paired(jax.grad(in_tree_, (0, 1, 2))(x, w, 1.5)), strict=True)
        ),
    ),
    "hessian product of scan by a tree": Nested(
        lambda x, w: xg.hessian_vector_product(in_tree)(TREE, TREE)["b"],
        lambda x, w: jax.jvp(jax.grad(in_tree_, (0, 1, 2)), (x, w, 1.5), (x, w, 1.5))[1][1:],
    ),
    "gradient of an intermediate value of a scan": Nested(
        lambda x, w: _of_intermediate(x, w), lambda x, w: 2 * path_(x, w)[1]
    ),
    "map of hessian": Nested(
        lambda x, w: xg.map(xg.hessian(lambda r: np.exp(r * w).sum()), x, dim="t"),
        lambda x, w: jax.vmap(jax.hessian(lambda r: jnp.exp(r * w).sum()))(x),
    ),
    "third derivative of scan": Nested(
        lambda x, w: xg.grad(xg.grad(xg.grad(lambda k: _powers(k))))(w.sum() / 3),
        lambda x, w: jax.grad(jax.grad(jax.grad(lambda k: k**15)))(w.sum() / 3),
    ),
}
QUICK = (
    "vmap of grad of cond",
    "jacobian of jacobian",
    "grad of scan of cond of grad",
    "value_and_grad of scan by a Dataset",
    "grad of pointwise jacobian",
    "pullback of pushforward",
)


def _paired(found: Any) -> Any:
    a, *b = found
    return a, tuple(b)


def _powers(k: Any) -> Any:
    """k¹⁵, by squaring in a loop."""
    return xg.scan(lambda c, _: (c**2 * k, None), k, length=3)[0]


@xg.jit
def _of_intermediate(x: Any, w: Any) -> Any:
    ys = path(x, w)[1]
    return xg.grad((ys**2).sum(), ys)


def test_there_are_forty():
    assert len(PROGRAMS) >= 40


@pytest.mark.parametrize(
    "name", [p if p in QUICK else pytest.param(p, marks=pytest.mark.slow) for p in PROGRAMS]
)
@pytest.mark.parametrize("ad", ["symbolic", "jax"])
def test_nested_programs(name: str, ad: str):
    program = PROGRAMS[name]
    with jax.enable_x64(True):
        expected = jax.tree.leaves(program.theirs(jnp.asarray(X), jnp.asarray(W)))
    with xg.options(ad=ad):
        for run in (program.ours, xg.jit(program.ours)):
            found = jax.tree.leaves(run(x, w))
            assert len(found) == len(expected)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(np.asarray(one), other, rtol=1e-8, atol=1e-11)
