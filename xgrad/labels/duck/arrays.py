"""``TracedArray``: the duck array inside the DataArrays of a traced function. It records XOps instead of computing.

It has no ``__array_namespace__``: xarray then calls NumPy's functions on it, which come here by ``__array_function__``
and ``__array_ufunc__``, and are looked up in the tables of ``numpy_table`` and ``ufuncs``.
"""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from xgrad.graph import Graph, format_graph, markup
from xgrad.labels.core import AbstractTraced, detached, is_new
from xgrad.labels.duck import ufuncs
from xgrad.labels.duck.elementwise import cast_array
from xgrad.labels.duck.indexing import getitem, setitem
from xgrad.labels.duck.numpy_table import call_function
from xgrad.labels.messages import escapes
from xgrad.labels.messages.escapes import escape
from xgrad.labels.recording import recorded

NP: Any = (
    np  # untyped: NumPy's overloads know no array of ours, and checkers take minutes to find out
)

_MOST_SHOWN = 200  # operations of a graph that is written out in a notebook
_OPERANDS = (AbstractTraced, np.ndarray, np.generic, bool, int, float, complex, list, tuple)


def _operand(other: Any) -> Any:
    """``other`` as an operand; NotImplemented where it is an array of another kind, which then has its turn."""
    if isinstance(other, _OPERANDS):
        return other
    kind = type(other)
    foreign = getattr(kind, "__array_ufunc__", None) or not getattr(kind, "__array__", None)
    return NotImplemented if foreign else np.asarray(other)


def _binary(ufunc: np.ufunc) -> Callable[..., Any]:
    @recorded
    def operate(self: "TracedArray", other: Any) -> Any:
        other = _operand(other)
        return other if other is NotImplemented else ufuncs.call(ufunc, (self, other))

    return operate


def _reflected(ufunc: np.ufunc) -> Callable[..., Any]:
    @recorded
    def operate(self: "TracedArray", other: Any) -> Any:
        other = _operand(other)
        return other if other is NotImplemented else ufuncs.call(ufunc, (other, self))

    return operate


def _in_place(ufunc: np.ufunc) -> Callable[..., Any]:
    @recorded
    def operate(self: "TracedArray", other: Any) -> Any:
        other = _operand(other)
        if other is NotImplemented:
            return other
        return ufuncs.assign(self, ufuncs.call(ufunc, (self, other)), ufunc.__name__)

    return operate


def _operators(ufunc: np.ufunc) -> tuple[Callable[..., Any], ...]:
    """The operator of a ufunc, with the traced array on its left, on its right, and in place."""
    return _binary(ufunc), _reflected(ufunc), _in_place(ufunc)


def _unary(ufunc: np.ufunc) -> Callable[..., Any]:
    @recorded
    def operate(self: "TracedArray") -> Any:
        return ufuncs.call(ufunc, (self,))

    return operate


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """The array method that is a NumPy function of its array."""

    @recorded
    def call(self: "TracedArray", *args: Any, **kwargs: Any) -> Any:
        return call_function(function, (self, *args), kwargs)

    return call


def _host(how: escapes.Escape) -> Callable[..., NoReturn]:
    """A method that needs the numbers themselves."""

    def refuse(self: "TracedArray", *args: Any, **kwargs: Any) -> NoReturn:
        raise escape(self, how)

    return refuse


class TracedArray(AbstractTraced):
    """An array of symbols: NumPy's shape, dtype, operators, functions, indexing and assignment; no numbers."""

    __slots__ = ()
    __array_priority__ = 1000.0  # NumPy's scalars and arrays leave operators to us
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    # ---- protocols -----------------------------------------------------------------------------------------------

    @recorded
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        operands = [_operand(x) for x in inputs]
        if any(x is NotImplemented for x in operands):
            return NotImplemented
        return ufuncs.dispatch(ufunc, method, operands, kwargs)

    @recorded
    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call_function(function, args, kwargs)

    # ---- shape and layout ----------------------------------------------------------------------------------------

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> Any:
        return NP.transpose(self)

    @property
    def mT(self) -> Any:
        return NP.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        return NP.real(self)

    @property
    def imag(self) -> Any:
        return NP.imag(self)

    @property
    def flat(self) -> Any:
        return iter(NP.ravel(self))

    def transpose(self, *axes: Any) -> Any:
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return NP.transpose(self, order or None)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        size = shape[0] if len(shape) == 1 else shape
        return NP.reshape(self, size, order=order)

    def flatten(self, order: str = "C") -> Any:
        return self.reshape(-1, order=order).copy()

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # ---- values --------------------------------------------------------------------------------------------------

    @recorded
    def astype(
        self,
        dtype: Any,
        order: Any = "K",
        casting: Any = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Any:
        dtype = np.dtype(dtype)
        if not np.can_cast(self.dtype, dtype, casting):
            raise TypeError(
                f"cannot cast an array from {self.dtype} to {dtype} by the rule {casting!r}"
            )
        if dtype == self.dtype and not copy and not self.weak:
            return self
        return cast_array(self, dtype)

    def copy(self, order: str = "C") -> Any:
        return detached(self)

    def __copy__(self) -> Any:
        return detached(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return detached(self)

    @recorded
    def __getitem__(self, key: Any) -> Any:
        return getitem(self, key)

    @recorded
    def __setitem__(self, key: Any, value: Any) -> None:
        setitem(self, key, value)

    @recorded
    def sort(self, axis: int = -1, **kwargs: Any) -> None:
        setitem(self, ..., NP.sort(self, axis, **kwargs))

    @recorded
    def fill(self, value: Any) -> None:
        setitem(self, ..., value)

    def __repr__(self) -> str:
        sizes = [
            str(n) if is_new(d) else f"{d}: {n}"
            for d, n in zip(self.names, self.shape, strict=True)
        ]
        name = self.cell.content.name
        return f"<TracedArray{f' `{name}`' if name else ''} {self.dtype}({', '.join(sizes)})>"

    def _repr_html_(self) -> str:
        graph = Graph((), [self.cell.content])
        count = len(graph.nodes)
        tree = format_graph(graph) if count <= _MOST_SHOWN else f"{count} operations"
        return markup.part(repr(self), markup.text(tree))

    # ---- what needs numbers --------------------------------------------------------------------------------------

    __array__ = _host(escapes.ARRAY)
    __bool__ = _host(escapes.BOOL)
    __float__ = _host(escapes.FLOAT)
    __int__ = _host(escapes.INT)
    __index__ = _host(escapes.INDEX)
    __complex__ = _host(escapes.COMPLEX)
    __contains__ = _host(escapes.CONTAINS)
    item = _host(escapes.ITEM)
    tolist = _host(escapes.TOLIST)
    tobytes = _host(escapes.ARRAY)

    # ---- operators -----------------------------------------------------------------------------------------------

    __neg__, __pos__ = _unary(np.negative), _unary(np.positive)
    __abs__, __invert__ = _unary(np.absolute), _unary(np.invert)
    __add__, __radd__, __iadd__ = _operators(np.add)
    __sub__, __rsub__, __isub__ = _operators(np.subtract)
    __mul__, __rmul__, __imul__ = _operators(np.multiply)
    __truediv__, __rtruediv__, __itruediv__ = _operators(np.divide)
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operators(np.floor_divide)
    __mod__, __rmod__, __imod__ = _operators(np.remainder)
    __divmod__, __rdivmod__, _ = _operators(np.divmod)
    __pow__, __rpow__, __ipow__ = _operators(np.power)
    __matmul__, __rmatmul__, __imatmul__ = _operators(np.matmul)
    __and__, __rand__, __iand__ = _operators(np.bitwise_and)
    __or__, __ror__, __ior__ = _operators(np.bitwise_or)
    __xor__, __rxor__, __ixor__ = _operators(np.bitwise_xor)
    __lshift__, __rlshift__, __ilshift__ = _operators(np.left_shift)
    __rshift__, __rrshift__, __irshift__ = _operators(np.right_shift)
    __eq__, __ne__ = _binary(np.equal), _binary(np.not_equal)  # pyright: ignore[reportAssignmentType]
    __lt__, __le__ = _binary(np.less), _binary(np.less_equal)
    __gt__, __ge__ = _binary(np.greater), _binary(np.greater_equal)

    # ---- methods that are NumPy functions ------------------------------------------------------------------------

    sum, prod, max, min, any, all = map(_method, (NP.sum, NP.prod, NP.max, NP.min, NP.any, NP.all))
    mean, std, var, argmax, argmin = map(_method, (NP.mean, NP.std, NP.var, NP.argmax, NP.argmin))
    cumsum, cumprod, round, clip = map(_method, (NP.cumsum, NP.cumprod, NP.round, NP.clip))
    argsort, searchsorted, nonzero = map(_method, (NP.argsort, NP.searchsorted, NP.nonzero))
    squeeze, swapaxes, ravel, dot = map(_method, (NP.squeeze, NP.swapaxes, NP.ravel, NP.dot))
    diagonal, trace, take, repeat = map(_method, (NP.diagonal, NP.trace, NP.take, NP.repeat))
    conj, conjugate = _unary(NP.conjugate), _unary(NP.conjugate)
