"""``TracedArray``: the duck array inside the DataArrays of a traced function. It records XOps instead of computing.

It has no ``__array_namespace__``: xarray then calls NumPy's functions on it, which come here by ``__array_function__``
and ``__array_ufunc__``, and are looked up in the tables of ``numpy_table`` and ``ufuncs``.
"""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from xgrad.labels import escapes, ufuncs
from xgrad.labels.core import AbstractTraced, detached
from xgrad.labels.elementwise import cast_array
from xgrad.labels.escapes import escape
from xgrad.labels.indexing import getitem, setitem
from xgrad.labels.numpy_table import call_function
from xgrad.labels.recording import recorded
from xgrad.labels.scope import subject

_OPERANDS = (AbstractTraced, np.ndarray, np.generic, bool, int, float, complex, list, tuple)


def _operand(other: Any) -> Any:
    """``other`` as an operand; NotImplemented where it is an array of another kind, which then has its turn."""
    if isinstance(other, _OPERANDS):
        return other
    if hasattr(type(other), "__array_ufunc__") or not hasattr(other, "__array__"):
        return NotImplemented
    return np.asarray(other)


def _binary(ufunc: np.ufunc) -> Callable[..., Any]:
    @recorded
    def operate(self: "TracedArray", other: Any) -> Any:
        other = _operand(other)
        return other if other is NotImplemented else ufuncs.call(ufunc, "__call__", (self, other), {})

    return operate


def _reflected(ufunc: np.ufunc) -> Callable[..., Any]:
    @recorded
    def operate(self: "TracedArray", other: Any) -> Any:
        other = _operand(other)
        return other if other is NotImplemented else ufuncs.call(ufunc, "__call__", (other, self), {})

    return operate


def _in_place(ufunc: np.ufunc) -> Callable[..., Any]:
    @recorded
    def operate(self: "TracedArray", other: Any) -> Any:
        other = _operand(other)
        if other is NotImplemented:
            return other
        return ufuncs.assign(self, ufuncs.call(ufunc, "__call__", (self, other), {}), ufunc.__name__)

    return operate


def _unary(ufunc: np.ufunc) -> Callable[..., Any]:
    @recorded
    def operate(self: "TracedArray") -> Any:
        return ufuncs.call(ufunc, "__call__", (self,), {})

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
        return ufuncs.call(ufunc, method, operands, kwargs)

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
        return np.transpose(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @property
    def mT(self) -> Any:
        return np.swapaxes(self, -1, -2)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @property
    def real(self) -> Any:
        return np.real(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @property
    def imag(self) -> Any:
        return np.imag(self)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @property
    def flat(self) -> Any:
        return iter(np.ravel(self))  # pyright: ignore[reportArgumentType, reportCallIssue]

    def transpose(self, *axes: Any) -> Any:
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return np.transpose(self, order or None)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        size = shape[0] if len(shape) == 1 else shape
        return np.reshape(self, size, order=order)  # pyright: ignore[reportArgumentType, reportCallIssue]

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
            raise TypeError(f"cannot cast an array from {self.dtype} to {dtype} by the rule {casting!r}")
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
        setitem(self, ..., np.sort(self, axis, **kwargs))  # pyright: ignore[reportArgumentType, reportCallIssue]

    @recorded
    def fill(self, value: Any) -> None:
        setitem(self, ..., value)

    def __repr__(self) -> str:
        var = self.cell.content
        return f"<traced {subject(var, dims=True)} {self.dtype}{list(self.shape)}>"

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

    # ---- operators: (NumPy's ufunc, reflected, in place) ---------------------------------------------------------

    __neg__, __pos__ = _unary(np.negative), _unary(np.positive)
    __abs__, __invert__ = _unary(np.absolute), _unary(np.invert)

    __add__, __radd__, __iadd__ = _binary(np.add), _reflected(np.add), _in_place(np.add)
    __sub__, __rsub__, __isub__ = _binary(np.subtract), _reflected(np.subtract), _in_place(np.subtract)
    __mul__, __rmul__, __imul__ = _binary(np.multiply), _reflected(np.multiply), _in_place(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.divide), _reflected(np.divide)
    __itruediv__ = _in_place(np.divide)
    __floordiv__, __rfloordiv__ = _binary(np.floor_divide), _reflected(np.floor_divide)
    __ifloordiv__ = _in_place(np.floor_divide)
    __mod__, __rmod__, __imod__ = _binary(np.remainder), _reflected(np.remainder), _in_place(np.remainder)
    __divmod__, __rdivmod__ = _binary(np.divmod), _reflected(np.divmod)
    __pow__, __rpow__, __ipow__ = _binary(np.power), _reflected(np.power), _in_place(np.power)
    __matmul__, __rmatmul__ = _binary(np.matmul), _reflected(np.matmul)
    __and__, __rand__, __iand__ = _binary(np.bitwise_and), _reflected(np.bitwise_and), _in_place(np.bitwise_and)
    __or__, __ror__, __ior__ = _binary(np.bitwise_or), _reflected(np.bitwise_or), _in_place(np.bitwise_or)
    __xor__, __rxor__, __ixor__ = _binary(np.bitwise_xor), _reflected(np.bitwise_xor), _in_place(np.bitwise_xor)
    __lshift__, __rlshift__ = _binary(np.left_shift), _reflected(np.left_shift)
    __ilshift__ = _in_place(np.left_shift)
    __rshift__, __rrshift__ = _binary(np.right_shift), _reflected(np.right_shift)
    __irshift__ = _in_place(np.right_shift)
    __eq__, __ne__ = _binary(np.equal), _binary(np.not_equal)  # pyright: ignore[reportAssignmentType]
    __lt__, __le__ = _binary(np.less), _binary(np.less_equal)
    __gt__, __ge__ = _binary(np.greater), _binary(np.greater_equal)

    # ---- methods that are NumPy functions ------------------------------------------------------------------------

    sum, prod, mean, std, var = _method(np.sum), _method(np.prod), _method(np.mean), _method(np.std), _method(np.var)
    max, min, any, all = _method(np.max), _method(np.min), _method(np.any), _method(np.all)
    argmax, argmin, argsort = _method(np.argmax), _method(np.argmin), _method(np.argsort)
    cumsum, cumprod, round, clip = _method(np.cumsum), _method(np.cumprod), _method(np.round), _method(np.clip)
    conj, conjugate = _unary(np.conjugate), _unary(np.conjugate)
    squeeze, swapaxes, ravel = _method(np.squeeze), _method(np.swapaxes), _method(np.ravel)
    diagonal, trace, take, repeat = _method(np.diagonal), _method(np.trace), _method(np.take), _method(np.repeat)
    dot, searchsorted, nonzero = _method(np.dot), _method(np.searchsorted), _method(np.nonzero)


