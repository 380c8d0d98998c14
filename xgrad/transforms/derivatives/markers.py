"""Functions that leave values as they are and change derivatives, of symbolic arrays; others pass through."""

from typing import Any

from xgrad.errors import ArgumentError
from xgrad.gradient.markers import (
    AbstractMarker,
    DisconnectedGrad,
    GradClip,
    GradScale,
    UndefinedGrad,
    ZeroGrad,
)
from xgrad.graph import located, user_source
from xgrad.labels import unwrap, wrap
from xgrad.transforms.parts import parts_of, with_parts
from xgrad.transforms.tree import tree_map


def disconnected_grad(x: Any) -> Any:
    """``x``, held constant by derivatives: what is above is not connected to the cost through it.

    ``x`` is an array, a Dataset or any container of them; its values, labels and name stay. Cheaper than ``zero_grad``:
    nothing above is differentiated. Where ``x`` is the only way to what a gradient is asked by, ``grad`` says so.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([2.0, 3.0], dims="x")
    >>> xg.grad(lambda x: (x * xg.disconnected_grad(x)).sum())(x).values
    array([2., 3.])
    """
    return _apply(DisconnectedGrad(), x)


def zero_grad(x: Any) -> Any:
    """``x`` with a derivative of zero: what is above counts as connected, and gets zeros through it.

    >>> import xgrad as xg, xarray as xr
    >>> xg.grad(lambda x: xg.zero_grad(x).sum())(xr.DataArray([2.0, 3.0], dims="x")).values
    array([0., 0.])
    """
    return _apply(ZeroGrad(), x)


def undefined_grad(x: Any) -> Any:
    """``x``, by which nothing can be differentiated: a gradient through it raises GradUndefinedError.

    >>> import xgrad as xg
    >>> x = xg.xtensor("x")
    >>> xg.grad_status(xg.undefined_grad(x), x).definition.value
    'undefined'
    """
    return _apply(UndefinedGrad(), x)


def grad_clip(x: Any, lo: float, hi: float) -> Any:
    """``x``, whose cotangents are clipped to ``lo`` and ``hi``, element by element (in forward mode, its tangents).

    Raises ArgumentError where ``lo`` is greater than ``hi``, or one of them is no number.

    >>> import xgrad as xg, xarray as xr
    >>> x = xr.DataArray([1.0, 10.0], dims="x")
    >>> xg.grad(lambda x: (xg.grad_clip(x, -5, 5) ** 2).sum())(x).values
    array([2., 5.])
    """
    low, high = _number("grad_clip", "lo", lo), _number("grad_clip", "hi", hi)
    if not low <= high:
        raise ArgumentError(f"grad_clip needs lo <= hi; got lo={lo!r} and hi={hi!r}.")
    return _apply(GradClip(low, high), x)


def grad_scale(x: Any, k: float) -> Any:
    """``x``, whose cotangents (in forward mode, tangents) are multiplied by ``k``; -1 reverses the gradient.

    Raises ArgumentError where ``k`` is no number.

    >>> import xgrad as xg, xarray as xr
    >>> xg.grad(lambda x: xg.grad_scale(x, -1.0).sum())(xr.DataArray([1.0, 2.0], dims="x")).values
    array([-1., -1.])
    """
    return _apply(GradScale(_number("grad_scale", "k", k)), x)


def _apply(op: AbstractMarker, x: Any) -> Any:
    with located(user_source()):
        return tree_map(lambda leaf: _apply_to_leaf(op, leaf), x)


def _apply_to_leaf(op: AbstractMarker, leaf: Any) -> Any:
    parts = parts_of(leaf)
    return with_parts(leaf, [wrap(op(unwrap(part))) for part in parts]) if parts else leaf


def _number(function: str, name: str, value: Any) -> float:
    """A parameter of a marker, which is part of the program."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise ArgumentError(
            f"{function}(x, ...): {name} must be a number known while tracing, not {type(value).__name__}."
        ) from None
