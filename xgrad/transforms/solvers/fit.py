"""``xgrad.fit``: labeled parameters that follow an optimiser of optax downhill."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, CostNotScalarError, NonFiniteError, in_short
from xgrad.jax_backend import optimising
from xgrad.jax_backend.own_gradient import with_gradient
from xgrad.transforms.calls.to_jax import to_jax
from xgrad.transforms.derivatives.grad import value_and_grad
from xgrad.transforms.solvers.progress import progress_bar
from xgrad.transforms.solvers.solve import as_float
from xgrad.transforms.tree import flatten, tree_map, unflatten


class Fitted(NamedTuple):
    """What ``fit`` gives: the parameters after the last step, and the loss before each, of dims ``step``."""

    params: Any
    history: xr.DataArray


def fit(
    loss: Callable[..., Any],
    params: Any,
    optimizer: Any,
    steps: int = 1000,
    *,
    args: Sequence[Any] = (),
    key: Any = None,
    progress: bool | None = None,
) -> Fitted:
    """Take ``steps`` steps of an optax ``optimizer`` from ``params`` on, down the 0-d ``loss(params, *args)``.

    ``params`` is a DataArray, a Dataset, a number or containers of them. With a ``key`` of ``xgrad.random`` the loss is
    called ``loss(params, *args, key)``, with a key of each step's own, for minibatches and noise; the same key gives
    the same history. The steps are one compiled loop, run in blocks, with gradients of xgrad's. ``progress`` shows a
    bar; by default there is one in notebooks, and in terminals where rich is installed. Needs optax (``pip install
    'xgrad[fit]'``).

    Raises CostNotScalarError where the loss is not one number, ArgumentError for steps or an optimiser that are none,
    NonFiniteError at the first step with a loss that is NaN or infinite.

    >>> import optax, xarray as xr, xgrad as xg
    >>> target = xr.DataArray([1.0, 2.0], {"site": ["a", "b"]}, "site")
    >>> found = xg.fit(lambda p: ((p["level"] - target) ** 2).sum(), {"level": 0 * target}, optax.sgd(0.25), 30)
    >>> found.params["level"].round(6).values, found.history.dims
    (array([1., 2.]), ('step',))
    """
    _check(optimizer, steps, args)
    leaves, structure = flatten(tree_map(as_float, params))

    def cost(leaves: list[Any], args: tuple, *key: Any) -> Any:
        found = loss(unflatten(structure, leaves), *args, *key)
        if np.shape(found) != ():
            raise CostNotScalarError(
                f"fit: the loss has the dims {getattr(found, 'dims', np.shape(found))}, and must be one number.\n"
                "Reduce it with .sum() or .mean()."
            )
        return found

    examples = (leaves, tuple(args)) if key is None else (leaves, tuple(args), key)
    arrays, words = [_bare(leaf) for leaf in leaves], None if key is None else np.asarray(key)
    blocks = optimising.run(_plain(cost, examples), arrays, optimizer, steps, words)
    losses: list[np.ndarray] = []
    with progress_bar("fit", steps, progress) as report:
        for block in blocks:
            arrays = block.params
            losses.append(block.losses)
            _check_finite(np.concatenate(losses))
            report(len(block.losses), f"loss {block.losses[-1]:.6g}")
    last = [_labeled(leaf, array) for leaf, array in zip(leaves, arrays, strict=True)]
    history = xr.DataArray(np.concatenate(losses), dims="step", name="loss")
    return Fitted(unflatten(structure, last), history)


def _plain(cost: Callable[..., Any], examples: tuple) -> Callable[..., Any]:
    """The cost as a function of JAX arrays: the parameters, and a key if there is one."""
    total, both = to_jax(cost, *examples), to_jax(value_and_grad(cost), *examples)
    args = tree_map(_bare, examples[1])

    def function(params: Any, *key: Any) -> Any:
        call = with_gradient(lambda p: total(p, args, *key), lambda p: both(p, args, *key))
        return call(params)

    return function


def _bare(leaf: Any) -> Any:
    """The arrays of a leaf, as ``to_jax`` takes them."""
    if isinstance(leaf, xr.Dataset):
        return {name: array.data for name, array in leaf.data_vars.items()}
    return leaf.data if isinstance(leaf, xr.DataArray) else leaf


def _labeled(leaf: Any, arrays: Any) -> Any:
    if isinstance(leaf, xr.Dataset):
        return leaf.copy(data=arrays)
    return leaf.copy(data=arrays) if isinstance(leaf, xr.DataArray) else arrays


def _check(optimizer: Any, steps: Any, args: Any) -> None:
    if not (
        callable(getattr(optimizer, "init", None)) and callable(getattr(optimizer, "update", None))
    ):
        raise ArgumentError(
            f"fit: the optimiser is one of optax, such as optax.adam(1e-2); not {in_short(optimizer)}."
        )
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ArgumentError(f"fit: steps is a positive integer, not {steps!r}.")
    if not isinstance(args, tuple | list):
        raise ArgumentError(
            f"fit: args is a tuple of the further arguments of the loss, not {in_short(args)}."
        )


def _check_finite(losses: np.ndarray) -> None:
    bad = ~np.isfinite(losses)
    if bad.any():
        step = int(np.argmax(bad))
        raise NonFiniteError(
            f"fit: the loss is {losses[step]} at step {step}.\n"
            "Start elsewhere, take a smaller learning rate, or find the place with xgrad.checks."
        )
