"""Labeled values as JSON and plain arrays: a file of them holds nothing that could run while it is read.

What JSON has is itself; any other value is a list that begins with the name of its kind. Arrays stand beside the JSON,
which has their numbers; dates of cftime's calendars are their fields there, and categories their codes. Encodings and
frequencies of dates, which no comparison of labels looks at, are left out. Classes of containers are looked up among
the modules that are imported already. All else would need pickle, and is refused unless that is allowed.
"""

import io
import json
import pickle
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from xgrad.errors import ExportError, class_name
from xgrad.jax_backend.arrays import is_jax_array, to_device
from xgrad.jax_backend.random import is_typed_key, key_words
from xgrad.labels.slots import make_dataarray, make_dataset, read_dataarray, read_dataset
from xgrad.transforms.calls.backing import is_numeric
from xgrad.transforms.tree import (
    DATACLASS,
    DATATREE,
    DICT,
    LIST,
    NAMEDTUPLE,
    TUPLE,
    kind_of,
    kind_of_type,
)

Json = Any


def packed(values: Sequence[Any], paths: Sequence[str], allow_pickle: bool) -> tuple[bytes, bytes]:
    """Values, each with how a user writes it, as JSON and the arrays that it has the numbers of.

    Raises ExportError naming what only pickle could hold, unless that is allowed.
    """
    write, buffer = _Writer(allow_pickle), io.BytesIO()
    text = json.dumps([write(value, path) for value, path in zip(values, paths, strict=True)])
    np.savez(buffer, *write.arrays)
    return text.encode(), buffer.getvalue()


def unpacked(text: bytes, arrays: bytes, allow_pickle: bool) -> list[Any]:
    """The inverse of ``packed``. Raises ExportError for what is pickled, unless that is allowed."""
    with np.load(io.BytesIO(arrays), allow_pickle=False) as file:
        read = _Reader([file[name] for name in file.files], allow_pickle)
    return [read(value) for value in json.loads(text)]


def global_object(module: str, qualname: str) -> Any:
    """What a module that is imported calls ``qualname``; None for nothing."""
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


# ---- writing -------------------------------------------------------------------------------------------------------
_PLAIN = (type(None), bool, int, float, str)
_CONTAINERS = {
    "tuple": TUPLE,
    "list": LIST,
    "dict": DICT,
    "DataTree": DATATREE,
    "NamedTuple": NAMEDTUPLE,
    "dataclass": DATACLASS,
}
_NAMES = {kind: name for name, kind in _CONTAINERS.items()}


class _Writer:
    """Makes JSON of values; ``path`` is how a user writes each. What it refers to by number is in ``arrays``."""

    def __init__(self, allow_pickle: bool) -> None:
        self.arrays: list[np.ndarray] = []
        self._allow_pickle = allow_pickle

    def __call__(self, value: Any, path: str) -> Json:
        if type(value) in _PLAIN:
            return value
        if is_jax_array(value):
            return ["device", self(np.asarray(words_of(value)), path)]
        if kind_of(value) in _NAMES:
            return self._container(value, path)
        for cls, write in _WRITE:
            if isinstance(value, cls):
                return write(self, value, path)
        if _is_calendar_date(value):
            return ["scalar", self(np.array(value, object), path)]
        return self.pickled(value, path)

    def place(self, array: np.ndarray) -> int:
        """The number of an array."""
        self.arrays.append(array)
        return len(self.arrays) - 1

    def pickled(self, value: Any, path: str, what: Any = None) -> Json:
        """What no other kind can hold; ``what`` of it is at fault."""
        found = f"`{path}` holds a {class_name(value if what is None else what)}"
        if not self._allow_pickle:
            raise ExportError(
                f"{found}, which a file holds only by pickle.\n"
                "Leave it out, make it numbers or strings, or pass allow_pickle=True, here and to load_exported."
            )
        try:
            data = pickle.dumps(value)
        except Exception as error:  # whatever a class makes of it
            raise ExportError(f"{found}, which cannot be pickled: {error}") from error
        return ["pickled", self.place(np.frombuffer(data, np.uint8))]

    def _container(self, value: Any, path: str) -> Json:
        cls, kind = type(value), kind_of(value)
        assert kind is not None
        if global_object(cls.__module__, cls.__qualname__) is not cls:
            return self.pickled(value, path)  # a class made inside a function
        what, children = kind.split(value)
        parts = [self(c, path + kind.step(what, i)) for i, c in enumerate(children)]
        return [_NAMES[kind], cls.__module__, cls.__qualname__, self(what, path), parts]


def words_of(array: Any) -> Any:
    """A JAX array, of a typed key its words."""
    return key_words(array) if is_typed_key(array) else array


def _write_array(write: _Writer, x: np.ndarray, path: str) -> Json:
    if x.dtype.kind == "O" and type(x) is np.ndarray:
        if x.size and all(map(_is_calendar_date, x.flat)) and len(set(map(_calendar, x.flat))) == 1:
            fields = [[getattr(date, part) for part in _DATE] for date in x.flat]
            return ["dates", x.shape, *_calendar(x.flat[0]), write.place(np.array(fields))]
        strange = [v for v in x.flat if type(v) not in _PLAIN]
        return write.pickled(x, path, strange[0]) if strange else ["objects", x.shape, [*x.flat]]
    if type(x) is not np.ndarray or not (x.dtype.kind in "SUmM" or is_numeric(x.dtype)):
        return write.pickled(x, path)
    if x.dtype.kind == "V":  # bfloat16 and its like
        return ["bits", x.dtype.name, write(x.view(f"u{x.itemsize}"), path)]
    first = x.reshape(-1)[:1]
    if x.size > 1 and x.tobytes() == first.tobytes() * x.size:  # equal are 0.0 and -0.0, too
        return ["repeated", x.shape, write.place(first)]
    return ["array", write.place(x)]


_DATE = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def _is_calendar_date(value: Any) -> bool:
    """Whether a value is one of cftime's dates, whose calendars are those of climate models."""
    cftime = sys.modules.get("cftime")
    return cftime is not None and isinstance(value, cftime.datetime)


def _calendar(date: Any) -> tuple[str, str, bool]:
    """What the fields of one of cftime's dates do not say: its class, its calendar, and whether there is a year 0."""
    return type(date).__name__, date.calendar, date.has_year_zero


def _write_categories(write: _Writer, index: pd.CategoricalIndex, path: str) -> Json:
    known = index.categories
    values = known if isinstance(known, pd.IntervalIndex) else np.asarray(known)
    written = write(np.asarray(index.codes), path), write(values, path)
    return ["categories", *written, str(known.dtype), bool(index.ordered)]


def _write_dtype(write: _Writer, dtype: np.dtype, path: str) -> Json:
    name = dtype.name if dtype.kind == "V" else dtype.str
    return ["dtype", name] if np.dtype(name) == dtype else write.pickled(dtype, path)


def _write_variable(write: _Writer, v: xr.Variable, path: str) -> Json:
    values = v.data if is_jax_array(v.data) else v.values
    data = write(values if isinstance(v.dtype, np.dtype) else v.to_index(), path)
    return ["Variable", write(v.dims, path), data, write(dict(v.attrs), f"{path}.attrs")]


def _write_dataarray(write: _Writer, array: xr.DataArray, path: str) -> Json:
    *_, coords, indexes, name = read_dataarray(array)
    labels = _write_labels(write, coords, indexes, f"{path}.coords")
    return ["DataArray", write(name, path), write(array.variable, path), *labels]


def _write_dataset(write: _Writer, dataset: xr.Dataset, path: str) -> Json:
    variables, coord_names, attrs, indexes = read_dataset(dataset)
    labels = _write_labels(write, variables, indexes, path)
    names = [write(name, path) for name in variables if name in coord_names]
    return ["Dataset", names, write(dict(attrs or {}), f"{path}.attrs"), *labels]


def _write_labels(
    write: _Writer, variables: Mapping[Hashable, Any], indexes: Mapping[Hashable, Any], path: str
) -> tuple[Json, Json]:
    """The variables, without those that an index of several makes of the others; and the indexes."""
    made = {i.dim for i in indexes.values() if isinstance(i, xr.indexes.PandasMultiIndex)}
    names: dict[int, list[Hashable]] = {}
    for name, index in indexes.items():
        names.setdefault(id(index), []).append(name)
    rows = [
        [_index(write, indexes[of[0]], path), [write(n, path) for n in of if n not in made]]
        for of in names.values()
    ]
    written = [
        [write(n, path), None if n in made else write(v, f"{path}[{n!r}]")]
        for n, v in variables.items()
    ]
    return written, rows


_INDEXES = {cls.__name__: cls for cls in (xr.indexes.PandasIndex, xr.indexes.PandasMultiIndex)}


def _index(write: _Writer, index: Any, path: str) -> Json:
    cls = type(index)
    return cls.__name__ if _INDEXES.get(cls.__name__) is cls else write.pickled(index, path)


_WRITE: tuple[tuple[type, Callable[[_Writer, Any, str], Json]], ...] = (
    (np.ndarray, _write_array),
    (np.generic, lambda w, v, path: ["scalar", w(np.asarray(v), path)]),
    (xr.DataArray, _write_dataarray),
    (xr.Dataset, _write_dataset),
    (xr.Variable, _write_variable),
    (
        pd.IntervalIndex,
        lambda w, v, path: ["intervals", *[w(x.values, path) for x in (v.left, v.right)], v.closed],
    ),
    (pd.CategoricalIndex, _write_categories),
    (complex, lambda w, v, path: ["complex", v.real, v.imag]),
    (slice, lambda w, v, path: ["slice", *[w(x, path) for x in (v.start, v.stop, v.step)]]),
    (type(...), lambda w, v, path: ["ellipsis"]),
    (np.dtype, _write_dtype),
)


# ---- reading -------------------------------------------------------------------------------------------------------
class _Reader:
    """Makes values of JSON, and of the arrays that it refers to."""

    def __init__(self, arrays: Sequence[np.ndarray], allow_pickle: bool) -> None:
        self.arrays = arrays
        self._allow_pickle = allow_pickle

    def __call__(self, data: Json) -> Any:
        if not isinstance(data, list):
            return data
        name, *parts = data
        if name in _CONTAINERS:
            return self._container(name, *parts)
        return _READ[name](self, *parts)

    def pickled(self, i: int) -> Any:
        if not self._allow_pickle:
            raise ExportError(
                "it holds pickled objects, and to read these can run any code.\n"
                "Pass allow_pickle=True if you trust where the file is from."
            )
        return pickle.loads(self.arrays[i].tobytes())

    def _container(self, name: str, module: str, qualname: str, what: Json, parts: Json) -> Any:
        if module.startswith("xgrad."):
            import_module(module)  # ours are imported when they are first used
        cls, kind = global_object(module, qualname), _CONTAINERS[name]
        if not isinstance(cls, type) or kind_of_type(cls) is not kind:
            raise ExportError(
                f"it holds a {name} of the class {module}.{qualname}, which is not there.\n"
                f"Import {module}, or define it, before the file is loaded."
            )
        return kind.join(cls, self(what), [self(part) for part in parts])


def _read_variable(read: _Reader, dims: Json, data: Json, attrs: Json) -> xr.Variable:
    return xr.Variable(read(dims), read(data), read(attrs))


def _read_dataarray(
    read: _Reader, name: Json, variable: Json, written: Json, rows: Json
) -> xr.DataArray:
    coords, indexes = _read_labels(read, written, rows)
    return make_dataarray(read(variable), coords, read(name), indexes)


def _read_dataset(read: _Reader, names: Json, attrs: Json, written: Json, rows: Json) -> xr.Dataset:
    variables, indexes = _read_labels(read, written, rows)
    sizes = {dim: n for v in variables.values() for dim, n in v.sizes.items()}
    return make_dataset(variables, set(map(read, names)), sizes, read(attrs) or None, indexes)


def _read_labels(read: _Reader, written: Json, rows: Json) -> tuple[dict, dict]:
    """Variables and indexes by name, in the order in which they were."""
    variables = {read(name): read(v) for name, v in written}
    indexes: dict[Hashable, Any] = {}
    for row, names in rows:
        own = {name: variables[name] for name in map(read, names)}
        known = _INDEXES.get(row) if isinstance(row, str) else None
        index = read(row) if known is None else known.from_variables(own, options={})
        made = index.create_variables(own)
        variables.update(made)
        indexes.update(dict.fromkeys(made, index))
    return variables, indexes


def _read_objects(read: _Reader, shape: Json, values: Json) -> np.ndarray:
    made = np.empty(len(values), object)
    made[:] = values
    return made.reshape(shape)


def _read_dates(
    read: _Reader, shape: Json, name: str, calendar: str, year_zero: bool, i: int
) -> np.ndarray:
    cftime = import_module("cftime")
    cls = getattr(cftime, name)
    if not issubclass(cls, cftime.datetime):
        raise ExportError(f"it holds dates of the class cftime.{name}, which is not one of dates.")
    known = {"calendar": calendar, "has_year_zero": year_zero}
    return _read_objects(read, shape, [cls(*map(int, row), **known) for row in read.arrays[i]])


def _read_categories(
    read: _Reader, codes: Json, values: Json, dtype: str, ordered: bool
) -> pd.CategoricalIndex:
    known = pd.Index(read(values), dtype=None if dtype.startswith("interval") else dtype)
    return pd.CategoricalIndex(pd.Categorical.from_codes(read(codes), known, ordered))


_READ: dict[str, Callable[..., Any]] = {
    "array": lambda r, i: r.arrays[i],
    "repeated": lambda r, shape, i: np.full(shape, r.arrays[i], r.arrays[i].dtype),
    "bits": lambda r, dtype, x: r(x).view(dtype),
    "objects": _read_objects,
    "dates": _read_dates,
    "categories": _read_categories,
    "device": lambda r, x: to_device([r(x)])[0],
    "scalar": lambda r, x: r(x)[()],
    "Variable": _read_variable,
    "DataArray": _read_dataarray,
    "Dataset": _read_dataset,
    "intervals": lambda r, left, right, closed: pd.IntervalIndex.from_arrays(
        r(left), r(right), closed
    ),
    "complex": lambda r, *parts: complex(*parts),
    "slice": lambda r, *parts: slice(*map(r, parts)),
    "ellipsis": lambda r: ...,
    "dtype": lambda r, name: np.dtype(name),
    "pickled": _Reader.pickled,
}
