"""The parts of an argument without labels: arrays, Python numbers, constants, and the object of a method.

Every guard class answers: what is assumed of a value (its constructor), whether that ``holds`` for another value (asked
at every call, so it reads slots and allocates nothing but the list of arrays), how the value ``enter``s the trace, and
what the ``differences`` to another guard of its class are, in words.
"""

import weakref
from collections.abc import Callable, Hashable, Iterator
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from xgrad.errors import UnsupportedTypeError
from xgrad.jax_backend.random import is_typed_key, key_words
from xgrad.names.types import XType
from xgrad.transforms.calls.backing import Backing, backing_of, is_known, is_numeric, standard
from xgrad.transforms.calls.guard import Content, became

Enter = Callable[[XType, str], Any]
"""Makes an input of the trace: a traced array of this type and name."""


class Guard(Protocol):
    """What a trace assumed of one argument or of a part of it."""

    @property
    def key(self) -> Hashable:
        """A hashable equal for arguments for which the guard holds; cheap to compare."""
        ...

    @property
    def backings(self) -> tuple[Backing | None, ...]:
        """Where its arrays live, in the order in which ``holds`` collects them; None for a Python number."""
        ...

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        """Whether ``value`` is as assumed; its arrays are appended to ``arrays``."""
        ...

    def enter(self, value: Any, enter: Enter) -> Any:
        """``value`` as the traced function sees it."""
        ...

    def differences(self, new: Any, path: str) -> Iterator[str]:
        """What is not the same in a guard of the same class, of what the user writes as ``path``."""
        ...


def compared(old: Any, new: Any, path: str) -> Iterator[str]:
    """The differences of two guards of one argument, of whatever classes."""
    if type(old) is type(new):
        yield from old.differences(new, path)
    else:
        kinds = [type(guard).__name__.removesuffix("Guard") for guard in (old, new)]
        yield became(path, "the kind of argument", *kinds)


class DataGuard:
    """Shape, dtype and home of one array; ``path`` is how the user writes the leaf it is in."""

    __slots__ = ("_type", "backing", "dims", "dtype", "path", "shape")

    def __init__(self, data: Any, path: str, dims: tuple[Hashable, ...] | None = None) -> None:
        data = standard(_words(data) if dims is None else data, path)
        self._type = type(data)
        self.backing: Backing = backing_of(data)  # pyright: ignore[reportAttributeAccessIssue]
        self.dtype: np.dtype = data.dtype
        self.shape: tuple[int, ...] = tuple(data.shape)
        self.path = path
        self.dims = tuple(f"dim_{i}" for i in range(len(self.shape))) if dims is None else dims

    @property
    def key(self) -> Hashable:
        return (self.dims, self.shape, self.dtype, self.backing)

    @property
    def backings(self) -> tuple[Backing | None, ...]:
        return (self.backing,)

    @property
    def type(self) -> XType:
        return XType(self.dims, self.shape, self.dtype)

    def enter(self, data: Any, enter: Enter) -> Any:
        return enter(self.type, self.path)

    def holds(self, data: Any, arrays: list[Any]) -> bool:
        """Whether an array is of the assumed kind."""
        if type(data) is not self._type or data.dtype is not self.dtype:
            data = self._standard(data)  # lazy, of another byte order, or a tracer of another kind
        if data is None or data.shape != self.shape:
            return False
        arrays.append(data)
        return True

    def differences(self, new: "DataGuard", path: str) -> Iterator[str]:
        if self.dims != new.dims:
            yield became(path, "dims", self.dims, new.dims)
            return
        for dim, size, now in zip(self.dims, self.shape, new.shape, strict=True):
            if size != now:
                yield became(path, f"the size of dim {dim!r}", size, now)
        if self.dtype != new.dtype:
            yield became(path, "dtype", self.dtype, new.dtype)
        if self.backing != new.backing:
            yield became(path, "the library that holds the data", self.backing, new.backing)

    def _standard(self, data: Any) -> Any:
        """``data`` in standard form where its dtype and home are the assumed ones, else None."""
        try:
            data = standard(_words(data), self.path)
        except UnsupportedTypeError:
            return None
        return data if data.dtype == self.dtype and backing_of(data) == self.backing else None


def _words(data: Any) -> Any:
    """The words of JAX's own typed keys, which are keys to ``xgrad.random`` too; anything else as it is."""
    return key_words(data) if is_typed_key(data) else data


class KnownGuard:
    """An array of strings, dates or Python objects, which no program computes with: a constant, known by its content.

    Inside the function it is what it is outside, so everything that eager code does with it works.
    """

    __slots__ = ("_content", "_type", "dims")
    backings: tuple[Backing | None, ...] = ()

    def __init__(self, data: Any, path: str, dims: tuple[Hashable, ...] | None = None) -> None:
        self._content = Content(data, path)
        self._type = type(data)
        self.dims = dims

    @property
    def key(self) -> Hashable:
        return (self.dims, self._content.shape, str(self._content.dtype))

    def holds(self, data: Any, arrays: list[Any]) -> bool:
        return type(data) is self._type and self._content.holds(data)

    def enter(self, data: Any, enter: Enter) -> Any:
        return data.copy() if isinstance(data, np.ndarray) else data

    def differences(self, new: "KnownGuard", path: str) -> Iterator[str]:
        if self.dims != new.dims:
            yield became(path, "dims", self.dims, new.dims)
        yield from self._content.differences(new._content, path)


def data_guard(
    data: Any, path: str, dims: tuple[Hashable, ...] | None = None
) -> DataGuard | KnownGuard:
    """What is assumed of an array: its numbers are traced, anything else is known."""
    return (KnownGuard if is_known(data) else DataGuard)(data, path, dims)


class AbstractDataGuard:
    """A value that is known by its data, and by what does not tell programs apart."""

    __slots__ = ("data",)
    data: Any

    @property
    def key(self) -> Hashable:
        return self.data.key

    @property
    def backings(self) -> tuple[Backing | None, ...]:
        return self.data.backings


class ArrayGuard(AbstractDataGuard):
    """A NumPy or JAX array, or a NumPy scalar: its axes have no names."""

    __slots__ = ()

    def __init__(self, value: Any, path: str) -> None:
        self.data = data_guard(value, path)

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        return self.data.holds(value, arrays)

    def enter(self, value: Any, enter: Enter) -> Any:
        return self.data.enter(value, enter)

    def differences(self, new: "ArrayGuard", path: str) -> Iterator[str]:
        yield from compared(self.data, new.data, path)


_NUMBERS = {int: np.dtype(np.int64), float: np.dtype(float), complex: np.dtype(complex)}


class NumberGuard:
    """A Python number: 0-d, and weak in promotion, as in NumPy."""

    __slots__ = ("_type", "data", "path")

    def __init__(self, value: Any, path: str) -> None:
        self._type = type(value)
        self.path = path
        self.data = XType((), (), _NUMBERS[self._type], weak=True)

    @property
    def key(self) -> Hashable:
        return self._type

    @property
    def backings(self) -> tuple[Backing | None, ...]:
        return (None,)

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        arrays.append(value)
        return type(value) is self._type

    def enter(self, value: Any, enter: Enter) -> Any:
        return enter(self.data, self.path)

    def differences(self, new: "NumberGuard", path: str) -> Iterator[str]:
        if self._type is not new._type:
            yield became(path, "the type", self._type.__name__, new._type.__name__)


class StaticGuard:
    """A constant of the trace, compared by value (and type: ``True`` is not ``1``)."""

    __slots__ = ("value",)

    def __init__(self, value: Hashable, path: str) -> None:
        self.value = value

    @property
    def key(self) -> Hashable:
        return (type(self.value), self.value)

    @property
    def backings(self) -> tuple[Backing | None, ...]:
        return ()

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        known = self.value
        return value is known or (type(value) is type(known) and bool(value == known))

    def enter(self, value: Any, enter: Enter) -> Any:
        return value

    def differences(self, new: "StaticGuard", path: str) -> Iterator[str]:
        if not self.holds(new.value, []):
            yield became(path, "the static value", self.value, new.value)


class Receiver:
    """The object that a compiled method is called on, where it is not a container of arrays: known by identity."""

    __slots__ = ("object",)

    def __init__(self, object: Any) -> None:
        self.object = object


class ReceiverGuard:
    """The object of a method, by identity and without keeping it alive."""

    __slots__ = ("_reference",)

    def __init__(self, value: Receiver, path: str) -> None:
        try:
            self._reference: Callable[[], Any] = weakref.ref(value.object)
        except TypeError:  # an object with __slots__ and no place for weak references
            self._reference = lambda: value.object

    @property
    def key(self) -> Hashable:
        return id(self._reference())

    @property
    def backings(self) -> tuple[Backing | None, ...]:
        return ()

    def holds(self, value: Any, arrays: list[Any]) -> bool:
        return type(value) is Receiver and self._reference() is value.object

    def enter(self, value: Any, enter: Enter) -> Any:
        return value.object

    def differences(self, new: "ReceiverGuard", path: str) -> Iterator[str]:
        if self._reference() is not new._reference():
            yield f"`{path}`: it is another object, or the one before is gone"


def is_array(value: Any) -> bool:
    """Whether ``value`` is a leaf of numbers without labels, or was meant as one (an array of strings)."""
    if isinstance(value, np.generic):
        return is_numeric(value.dtype)
    return isinstance(value, np.ndarray) or backing_of(value) is not None


_SINGLETONS = (None, Ellipsis)


def is_constant(value: Any) -> bool:
    """Whether ``value`` can be a constant of a trace: hashable by what it is (or a function, class or module)."""
    if isinstance(value, slice):  # hashable from Python 3.12 on; compared by value in all
        return True
    try:
        hash(value)
    except TypeError:
        return False
    by_value = type(value).__hash__ is not object.__hash__
    return by_value or callable(value) or isinstance(value, ModuleType) or value in _SINGLETONS
