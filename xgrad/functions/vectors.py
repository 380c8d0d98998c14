"""Draws with core dims: of shares, positions, vectors and matrices, and entries of arrays taken at random."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, DimensionError, SizeMismatchError, nearest
from xgrad.functions.calls import apply, core_dims, one_dim
from xgrad.functions.draws import Plan, draw
from xgrad.functions.keys import as_key, split

Sizes = Mapping[Any, int] | None
Coords = Mapping[Any, Any] | None

_INT64 = np.dtype(np.int64)


def categorical(
    key: Any,
    sizes: Sizes = None,
    logits: Any = None,
    *,
    dim: Hashable | None = None,
    coords: Coords = None,
) -> xr.DataArray:
    """Positions along ``dim`` with probabilities softmax(``logits``); the result lacks ``dim``.

    >>> import xgrad as xg
    >>> logits = xr.DataArray([0.0, -float("inf")], dims="kind")
    >>> categorical(xg.random.key(0), {"n": 3}, logits, dim="kind").values
    array([0, 0, 0])
    """
    dim = one_dim("categorical", logits, dim)
    plan = Plan("categorical", cores=((dim,),), discrete=True, dtype=_INT64)
    return draw(plan, key, sizes, coords, {"logits": logits})


def multinomial(
    key: Any,
    sizes: Sizes = None,
    n: Any = None,
    p: Any = None,
    *,
    dim: Hashable | None = None,
    coords: Coords = None,
) -> xr.DataArray:
    """How many of ``n`` fall on each entry along ``dim``, with probabilities ``p``, which sum to one along it.

    >>> import xgrad as xg
    >>> p = xr.DataArray([0.25, 0.75], dims="kind")
    >>> multinomial(xg.random.key(0), None, 8, p, dim="kind").sum().item()
    8
    """
    dim = one_dim("multinomial", p, dim)
    plan = Plan(
        "multinomial", cores=((), (dim,)), out=((dim, p.sizes[dim]),), discrete=True, dtype=_INT64
    )
    return draw(plan, key, sizes, coords, {"n": n, "p": p})


def dirichlet(
    key: Any,
    sizes: Sizes = None,
    alpha: Any = None,
    *,
    dim: Hashable | None = None,
    coords: Coords = None,
    dtype: Any = None,
) -> xr.DataArray:
    """Shares along ``dim``, which sum to one, of concentrations ``alpha``.

    >>> import xgrad as xg
    >>> alpha = xr.DataArray([2.0, 3.0], dims="kind")
    >>> round(dirichlet(xg.random.key(0), None, alpha).sum().item(), 6)
    1.0
    """
    dim = one_dim("dirichlet", alpha, dim)
    given = None if dtype is None else np.dtype(dtype)
    plan = Plan("dirichlet", cores=((dim,),), out=((dim, alpha.sizes[dim]),), given=given)
    return draw(plan, key, sizes, coords, {"alpha": alpha})


def multivariate_normal(
    key: Any,
    sizes: Sizes = None,
    mean: Any = 0.0,
    cov: Any = None,
    *,
    dims: tuple[Hashable, Hashable],
    cholesky: Any = None,
    coords: Coords = None,
    dtype: Any = None,
) -> xr.DataArray:
    """mean + L z with covariance ``cov`` = L Lᵀ, or L given as ``cholesky``; ``dims`` are rows and columns of both.

    The result lies along the first of ``dims``, as the mean does. Raises DimensionError where the matrix lacks them.

    >>> import xgrad as xg
    >>> cov = xr.DataArray([[2.0, 1.0], [1.0, 2.0]], dims=("x", "y"))
    >>> multivariate_normal(xg.random.key(0), {"n": 5}, cov=cov, dims=("x", "y")).dims
    ('n', 'x')
    """
    if (cov is None) == (cholesky is None):
        raise ArgumentError("multivariate_normal takes either cov or its factor cholesky.")
    matrix = cov if cholesky is None else cholesky
    row, column = core_dims("draw from a covariance", matrix, dims)
    if matrix.sizes[row] != matrix.sizes[column]:
        raise SizeMismatchError(
            f"multivariate_normal: a covariance is square, and {row!r} has size {matrix.sizes[row]},"
            f" {column!r} {matrix.sizes[column]}."
        )
    factor = matrix
    if cholesky is None:
        factor = apply(np.linalg.cholesky, matrix, core=[(row, column)], out=[(row, column)])
    shared = {
        d: n
        for x in (mean, matrix)
        for d, n in getattr(x, "sizes", {}).items()
        if d not in (row, column)
    }
    asked = {**_asked(sizes, coords), **shared, column: matrix.sizes[column]}
    z = draw(Plan("normal", given=None if dtype is None else np.dtype(dtype)), key, asked, None, {})
    result = mean + xr.dot(factor, z, dim=[column])
    ordered = [d for d in z.dims if d != column]
    return result.transpose(*ordered, row).assign_coords(coords or {})


def _asked(sizes: Sizes, coords: Coords) -> dict[Hashable, int]:
    """The sizes asked for, those that coords say among them."""
    asked = dict(sizes or {})
    return {**asked, **{d: np.size(v) for d, v in (coords or {}).items() if d not in asked}}


def ball(
    key: Any,
    sizes: Sizes = None,
    *,
    core: Mapping[Any, int],
    p: float = 2.0,
    coords: Coords = None,
    dtype: Any = None,
) -> xr.DataArray:
    """Points evenly distributed in the unit ball of the p-norm; ``core`` is the dim of their components with its size.

    >>> import xgrad as xg
    >>> bool((abs(ball(xg.random.key(0), {"n": 5}, core={"xy": 2})) <= 1).all())
    True
    """
    ((dim, n),) = _core_sizes("ball", core, 1)
    given = None if dtype is None else np.dtype(dtype)
    plan = Plan("ball", out=((dim, n),), given=given, options=(("p", float(p)),))
    return draw(plan, key, sizes, coords, {})


def orthogonal(
    key: Any,
    sizes: Sizes = None,
    *,
    core: Mapping[Any, int],
    coords: Coords = None,
    dtype: Any = None,
) -> xr.DataArray:
    """Orthogonal matrices, evenly distributed; ``core`` has the dims of rows and columns with their sizes.

    >>> import xgrad as xg
    >>> q = orthogonal(xg.random.key(0), core={"row": 2, "col": 2})
    >>> round(float((q**2).sum()), 6)
    2.0
    """
    out = _core_sizes("orthogonal", core, 2)
    plan = Plan("orthogonal", out=out, given=None if dtype is None else np.dtype(dtype))
    return draw(plan, key, sizes, coords, {})


def _core_sizes(name: str, core: Mapping[Any, int], count: int) -> tuple[tuple[Hashable, int], ...]:
    if not isinstance(core, Mapping) or len(core) != count:
        word = "dim" if count == 1 else "dims"
        raise ArgumentError(
            f"{name}: core= names {count} {word} of the result with their sizes, as in"
            f" core={{{', '.join([repr(d) + ': 3' for d in ('row', 'col')[:count]])}}}; it is {core!r}."
        )
    return tuple([(d, int(n)) for d, n in core.items()])


def choice(
    key: Any,
    x: Any,
    dim: Hashable,
    sizes: Sizes = None,
    *,
    replace: bool = True,
    p: Any = None,
) -> Any:
    """Entries of a DataArray or Dataset taken at random along ``dim``, with their labels.

    ``sizes`` has the new dims in place of ``dim`` (which may have its name); without it one entry is taken. ``p`` are
    probabilities along ``dim``. Raises DimensionError for a dim that ``x`` lacks, SizeMismatchError where more entries
    are wanted than there are, without replacement.

    >>> import xgrad as xg
    >>> x = xr.DataArray([1.0, 2.0, 3.0], {"city": ["a", "b", "c"]}, "city")
    >>> sorted(choice(xg.random.key(0), x, "city", {"city": 3}, replace=False).city.values.tolist())
    ['a', 'b', 'c']
    """
    (dim,) = core_dims("choose", x, dim)
    n = x.sizes[dim]
    wanted = int(np.prod(list((sizes or {}).values()), dtype=int))
    if not replace and wanted > n:
        raise SizeMismatchError(
            f"choice: {wanted} entries without replacement, and there are {n} along {dim!r}; pass replace=True."
        )
    if p is not None and (not isinstance(p, xr.DataArray) or p.dims != (dim,)):
        raise DimensionError(f"choice: p must be a DataArray along {dim!r} alone.")
    plan = Plan(
        "choice",
        cores=() if p is None else ((dim,),),
        discrete=True,
        dtype=_INT64,
        options=(("n", n), ("replace", bool(replace))),
        spread=False,
    )
    places = draw(plan, key, sizes, None, {} if p is None else {"p": p})
    return x.isel({dim: places.variable})


def permutation(
    key: Any, x: Any, dim: Hashable, *, labels: str = "move", independent: bool = False
) -> Any:
    """A DataArray or Dataset in random order along ``dim``.

    The labels along it move with the values; with ``labels="stay"`` the values alone are permuted, for tests of whether
    labels matter. With ``independent`` each row of a DataArray along ``dim`` has an order of its own, so that labels
    have to stay. Raises DimensionError for a dim that ``x`` lacks.

    >>> import xgrad as xg
    >>> x = xr.DataArray([1.0, 2.0, 3.0], {"city": ["a", "b", "c"]}, "city")
    >>> permutation(xg.random.key(0), x, "city", labels="stay").city.values.tolist()
    ['a', 'b', 'c']
    """
    if labels not in ("move", "stay"):
        raise ArgumentError(
            f"permutation: labels either 'move' or 'stay', not {labels!r}{nearest(labels, ('move', 'stay'))}."
        )
    (dim,) = core_dims("permute", x, dim)
    if independent:
        return _rows_permuted(key, x, dim, labels)
    plan = Plan("permutation", out=((dim, x.sizes[dim]),), discrete=True, dtype=_INT64)
    moved = x.isel({dim: draw(plan, key, None, None, {}).variable})
    if labels == "move":
        return moved
    along = [name for name, c in x.coords.items() if dim in c.dims]
    return moved.drop_vars(along).assign_coords({name: x.coords[name] for name in along})


def _rows_permuted(key: Any, x: Any, dim: Hashable, labels: str) -> xr.DataArray:
    if labels != "stay" or not isinstance(x, xr.DataArray):
        raise ArgumentError(
            "permutation: orders that differ from row to row leave no labels to move, and are those of one DataArray;"
            ' pass labels="stay" and independent=True with one.'
        )
    rows = {d: n for d, n in x.sizes.items() if d != dim}
    keys = split(key, rows) if rows else as_key(key)
    plan = Plan("permutation", out=((dim, x.sizes[dim]),), discrete=True, dtype=_INT64)
    order = draw(plan, keys, None, None, {})
    return apply(_taken, x, order, core=[[dim], [dim]], out=[[dim]]).transpose(*x.dims)


def _taken(values: Any, order: Any) -> Any:
    return np.take_along_axis(values, order, axis=-1)
