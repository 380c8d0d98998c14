"""``checkpoint``: a part of a program that the way back computes again instead of keeping it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from xgrad.errors import ArgumentError
from xgrad.gradient.again import Checkpoint
from xgrad.graph import located, moment, user_source
from xgrad.jax_backend.policies import Policy
from xgrad.labels import open_trace
from xgrad.transforms.calls.jit import is_symbolic
from xgrad.transforms.control.carry import Carry, here, parts, symbolic
from xgrad.transforms.control.closing import close_over
from xgrad.transforms.control.options import Policy as Wanted
from xgrad.transforms.control.options import is_policy
from xgrad.transforms.control.scan import build_carries, fresh_vars
from xgrad.transforms.derivatives.functions import inner_function
from xgrad.transforms.tree import flatten, leaf_paths


def checkpoint(fun: Callable[..., Any], policy: Wanted | None = None) -> Callable[..., Any]:
    """``fun``, of which derivatives in reverse mode keep the arguments alone, and compute the rest again.

    So that a gradient needs less memory and more time; its numbers do not change. ``policy`` says what is kept besides:
    "nothing" (as None), "dots" (products of matrices), "everything", or one of ``jax.checkpoint_policies``. For
    the steps of a loop see ``scan(..., checkpoint=...)``. Arguments and results are as those of ``jit``; results have
    no traced coords. Outside of compiled functions, and in forward mode, it changes nothing.

    Raises ArgumentError for another policy.

    >>> import numpy as np, xarray as xr, xgrad as xg
    >>> layer = xg.checkpoint(lambda x: np.sin(np.exp(x)))
    >>> float(xg.grad(lambda x: layer(layer(x)))(xr.DataArray(0.0)).round(6))
    -0.853417
    """
    if policy is not None and not is_policy(policy):
        raise ArgumentError(
            "xgrad.checkpoint: policy must be None, 'nothing', 'dots', 'everything' or one of"
            f" jax.checkpoint_policies, not {policy!r}{here()}."
        )
    kept = None if policy is None else Policy.of(policy)
    inner = inner_function(fun)

    @wraps(inner)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not is_symbolic(args, kwargs):
            return fun(*args, **kwargs)
        return _call(inner, args, kwargs, kept)

    return checkpointed


def _call(fun: Callable[..., Any], args: tuple, kwargs: dict, policy: Policy | None) -> Any:
    line = user_source()
    with located(line):
        leaves, structure = flatten((args, kwargs))
        paths = leaf_paths(structure, "")
        leaves = [symbolic(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        pairs = list(zip(leaves, paths, strict=True))
        forms = [Carry.of(leaf, path) for leaf, path in pairs]
        values = [part.var for leaf, path in pairs for part in parts(leaf, path)]
    inputs, since = fresh_vars(forms), moment()
    with open_trace():
        inside_args, inside_kwargs = build_carries(forms, structure, inputs)
        results, found = flatten(fun(*inside_args, **inside_kwargs))
        with located(line):
            named = list(zip(results, leaf_paths(found, "result"), strict=True))
            ends = [Carry.of(symbolic(leaf, path), path) for leaf, path in named]
            outs = [part.var for end in ends for part in parts(end.example, end.path)]
            ends = [end.without_traced_coords() for end in ends]
    closed = close_over([outs], inputs, since)
    with located(line):
        made = Checkpoint(closed.graphs[0], policy).apply(*values, *closed.captured)
        return build_carries(ends, found, made)
