"""NumPy's sums of products: einsum and what is an einsum (dot, matmul, tensordot, inner, outer, vecdot), cross, kron.

An axis of an operand is given a label; labels become dims, named by the first operand that has a dim there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from xgrad.errors import SizeMismatchError, UnsupportedError
from xgrad.labels.core import (
    AbstractTraced,
    Name,
    New,
    is_new,
    is_traced_array,
    make,
    real,
    trace_of,
)
from xgrad.labels.duck.elementwise import as_traced, cast, conform, result_dtype
from xgrad.labels.scope import fresh
from xgrad.names import build

Array = Any
Labels = Sequence[Any]

# ---- the one contraction -------------------------------------------------------------------------------------------


def contract(
    operands: Sequence[Array], labels: Sequence[Labels], output: Labels, dtype: Any = None
) -> Array:
    """The product of the operands summed over the labels that are not in ``output``. Axes of size 1 broadcast."""
    dtype = np.dtype(dtype) if dtype is not None else result_dtype(operands)
    like = next(x for x in operands if is_traced_array(x))
    distinct = [
        _without_repeats(as_traced(x, like), own) for x, own in zip(operands, labels, strict=True)
    ]
    arrays, labels = [x for x, _ in distinct], [own for _, own in distinct]
    sizes = _sizes(arrays, labels)
    names = _names_of_labels(arrays, labels, sizes)
    parts = []
    for x, own in zip(arrays, labels, strict=True):
        target, shape = [names[k] for k in own], [sizes[k] for k in own]
        parts.append(conform(_with_summed_dims(x, own, output), target, shape, dtype))
    kept = [names[k] for k in output]
    present = dict.fromkeys([d for v in parts for d in v.type.dims])
    summed = [d for d in present if d not in kept]
    out = _any_product(parts, summed) if dtype.kind == "b" else build.dot(parts, summed)
    shown = [n if n in out.type.dims else New(sizes[k]) for n, k in zip(kept, output, strict=True)]
    return make(out, shown, trace_of(operands))


def _any_product(parts: Sequence[Any], summed: Sequence[Any]) -> Any:
    """For booleans the product is ``and``, the sum is ``or``."""
    counts = [cast(v, np.dtype(np.int64)) for v in parts]
    return cast(build.dot(counts, summed), np.dtype(bool))


def _without_repeats(x: Array, own: Labels) -> tuple[Array, Labels]:
    """The diagonal where an operand has a label twice."""
    while len(set(own)) < len(own):
        twice = next(c for c in own if own.count(c) > 1)
        i, j = [n for n, c in enumerate(own) if c == twice][:2]
        x = np.diagonal(x, axis1=i, axis2=j)
        own = [*[c for n, c in enumerate(own) if n not in (i, j)], twice]
    return x, own


def _sizes(arrays: Sequence[AbstractTraced], labels: Sequence[Labels]) -> dict[Any, int]:
    sizes: dict[Any, int] = {}
    for x, own in zip(arrays, labels, strict=True):
        if len(own) != x.ndim:
            raise ValueError(f"einsum: an operand has {x.ndim} axes, and {len(own)} subscripts")
        for label, n in zip(own, x.shape, strict=True):
            if sizes.setdefault(label, n) == 1:
                sizes[label] = n
            if n not in (1, sizes[label]):
                raise SizeMismatchError(
                    f"cannot sum a product: an axis has size {sizes[label]} in one operand and {n} in another."
                )
    return sizes


def _names_of_labels(
    arrays: Sequence[AbstractTraced], labels: Sequence[Labels], sizes: dict[Any, int]
) -> dict[Any, Name]:
    """A dim for each label: the first operand's own one, or one of another name where two labels would share it."""
    names: dict[Any, Name] = {}
    taken = {n for x in arrays for n in x.names}
    for x, own in zip(arrays, labels, strict=True):
        for label, name, n in zip(own, x.names, x.shape, strict=True):
            if label not in names and n == sizes[label] and not is_new(name):
                clash = name in names.values()
                names[label] = fresh(name, taken.union(names.values())) if clash else name
    for k in sizes:
        if k not in names:
            names[k] = fresh("new", taken.union(names.values()))
    return names


def _with_summed_dims(x: AbstractTraced, own: Labels, output: Labels) -> AbstractTraced:
    """``x`` with a dim behind each axis that is summed: what only repeats a value there still counts."""
    summed = [n for n, k in zip(x.names, own, strict=True) if k not in output]
    if not any(is_new(n) and n != New(1) for n in summed):
        return x
    var, dims = real(x)
    return make(var, dims, x.scope)


# ---- einsum --------------------------------------------------------------------------------------------------------

_DOTS = "…"  # stands for an ellipsis among the letters of a term


def einsum(*operands: Any, out: Any = None, dtype: Any = None, **options: Any) -> Array:
    if isinstance(operands[0], str):
        text, arrays = operands[0].replace(" ", ""), operands[1:]
        terms, arrow, output = text.partition("->")
        inputs: list[Labels] = [_letters(term) for term in terms.split(",")]
        result = _letters(output) if arrow else None
    else:
        given = len(operands) % 2
        arrays, result = operands[0 : len(operands) - given : 2], operands[-1] if given else None
        inputs = list(operands[1::2])
    labels, result = _with_broadcast_axes([np.ndim(x) for x in arrays], inputs, result)
    return contract(arrays, labels, result, dtype)


def _letters(term: str) -> Labels:
    return list(term.replace("...", _DOTS))


def _with_broadcast_axes(
    ndims: Sequence[int], inputs: Sequence[Labels], output: Labels | None
) -> tuple[list[Labels], Labels]:
    """Numbers in place of the ellipses, counted from the end; and the output's labels where they were left out."""
    dots = (_DOTS, Ellipsis)
    extra = [n - len(own) + 1 for n, own in zip(ndims, inputs, strict=True)]
    has = [any(k in dots for k in own) for own in inputs]
    widest = max([n for n, h in zip(extra, has, strict=True) if h], default=0)
    axes = [("axis", i) for i in range(-widest, 0)]

    def spread(own: Labels, count: int) -> list[Any]:
        shown = axes[len(axes) - count :]
        return [k for label in own for k in (shown if label in dots else [label])]

    labels = [spread(own, n) for own, n in zip(inputs, extra, strict=True)]
    if output is not None:
        return labels, spread(output, widest)  # pyright: ignore[reportReturnType]
    single = [k for own in inputs for k in own if k not in dots]
    return labels, [*axes, *sorted({k for k in single if single.count(k) == 1})]  # pyright: ignore


# ---- products that are einsums -------------------------------------------------------------------------------------


def _axes(x: Array, prefix: str) -> list[Any]:
    return [(prefix, i) for i in range(np.ndim(x))]


def _batch(x: Array, core: int) -> list[Any]:
    return [("batch", i) for i in range(core - np.ndim(x), 0)]


def matmul(x1: Array, x2: Array, /, **options: Any) -> Array:
    if not np.ndim(x1) or not np.ndim(x2):
        raise ValueError("matmul: an operand has no axes; use * for a product with a number")
    rows = ["i"] if np.ndim(x1) > 1 else []
    columns = ["k"] if np.ndim(x2) > 1 else []
    one, two = _batch(x1, len(rows) + 1), _batch(x2, len(columns) + 1)
    widest = max(one, two, key=len)
    return contract(
        [x1, x2], [[*one, *rows, "j"], [*two, "j", *columns]], [*widest, *rows, *columns]
    )


def dot(a: Array, b: Array, out: Any = None) -> Array:
    if not np.ndim(a) or not np.ndim(b):
        return np.multiply(a, b)
    one, two = _axes(a, "a"), _axes(b, "b")
    two[-2 if np.ndim(b) > 1 else -1] = one[-1]
    return contract([a, b], [one, two], [*one[:-1], *[k for k in two if k != one[-1]]])


def inner(a: Array, b: Array, /) -> Array:
    if not np.ndim(a) or not np.ndim(b):
        return np.multiply(a, b)
    one, two = _axes(a, "a"), _axes(b, "b")
    return contract([a, b], [one, [*two[:-1], one[-1]]], [*one[:-1], *two[:-1]])


def vdot(a: Array, b: Array, /) -> Array:
    return inner(np.conj(np.ravel(a)), np.ravel(b))


def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    one, two = _batch(x1, 1), _batch(x2, 1)
    return contract([np.conj(x1), x2], [[*one, "i"], [*two, "i"]], max(one, two, key=len))


def outer(a: Array, b: Array, out: Any = None) -> Array:
    return np.multiply(np.ravel(a)[:, None], np.ravel(b)[None, :])


def tensordot(a: Array, b: Array, axes: Any = 2) -> Array:
    if np.ndim(axes) == 0:
        first, second = range(np.ndim(a) - axes, np.ndim(a)), range(axes)
    else:
        first, second = [
            normalize_axis_tuple(k, np.ndim(x)) for k, x in zip(axes, (a, b), strict=True)
        ]
    one, two = _axes(a, "a"), _axes(b, "b")
    for i, j in zip(first, second, strict=True):
        two[j] = one[i]
    kept = [k for i, k in enumerate(one) if i not in first]
    return contract([a, b], [one, two], [*kept, *[k for j, k in enumerate(two) if j not in second]])


def kron(a: Array, b: Array) -> Array:
    ndim = max(np.ndim(a), np.ndim(b))
    a, b = (np.reshape(x, (1,) * (ndim - np.ndim(x)) + np.shape(x)) for x in (a, b))
    odd, even = tuple(range(1, 2 * ndim, 2)), tuple(range(0, 2 * ndim, 2))
    product = np.expand_dims(a, odd) * np.expand_dims(b, even)
    return np.reshape(product, [m * n for m, n in zip(a.shape, b.shape, strict=True)])


def cross(
    a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if {a.shape[-1], b.shape[-1]} != {3}:
        raise UnsupportedError(
            "np.cross: both arrays need three components; pad the third with zeros"
        )
    turned = [[(i + 1) % 3 for i in range(3)], [(i + 2) % 3 for i in range(3)]]
    one, two = (a[..., k] for k in turned)
    three, four = (b[..., k] for k in turned)
    return np.moveaxis(one * four - two * three, -1, axisc)
