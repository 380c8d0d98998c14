"""``xgrad.function``: a graph built by hand as a compiled function; and replacing variables in such a graph."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import AlignmentError, ArgumentError, DimensionError, SizeMismatchError, nearest
from xgrad.graph import Graph, Var, substitute
from xgrad.labels import is_traced, unwrap, wrap
from xgrad.labels.slots import read_variable
from xgrad.names import build
from xgrad.transforms.calls.backing import backing_of, standard
from xgrad.transforms.calls.program import Program
from xgrad.transforms.calls.stages import Stages
from xgrad.transforms.calls.trace import Traced, free_inputs
from xgrad.transforms.calls.wrap import ResultTemplate
from xgrad.transforms.parts import parts_of, with_parts
from xgrad.transforms.tree import tree_map


def function(
    inputs: Sequence[Any] | xr.DataArray, outputs: Any, *, ad: str = "auto"
) -> "GraphFunction":
    """Compile a graph built by hand: a function of the values of ``inputs`` that returns those of ``outputs``.

    ``inputs`` are symbolic arrays (one, or a list); ``outputs`` is one, or any container of them, and results come in
    the same. Values are DataArrays, whose dims are matched by name, or arrays, whose axes are the dims in order;
    they are passed by position or by name. Labels of the result are those of the symbolic outputs.

    Raises ArgumentError where an output needs a symbol that is not an input. The compiled function raises
    ArgumentError, DimensionError, SizeMismatchError and AlignmentError for values that do not fit.

    >>> import xgrad as xg
    >>> x = xg.xtensor("x", dims="time", shape=3)
    >>> mean = xg.function([x], x.mean())
    >>> float(mean([1.0, 2.0, 6.0]))
    3.0
    """
    return GraphFunction(
        [inputs] if isinstance(inputs, xr.DataArray) else list(inputs), outputs, ad
    )


class GraphFunction:
    """A compiled graph; see ``function``."""

    def __init__(self, inputs: Sequence[Any], outputs: Any, ad: str) -> None:
        self._inputs = [_input(x, i) for i, x in enumerate(inputs)]
        result = ResultTemplate(outputs)
        graph = Graph([x.var for x in self._inputs], result.outputs)
        _check_inputs(graph)
        self._program = Program(Traced(graph, result), "graph", ad)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arrays = self._arrays(args, kwargs)
        on_host = not any(backing_of(array) == "jax" for array in arrays)
        return self._program.run(arrays, on_host)

    def reference(self, *args: Any, **kwargs: Any) -> Any:
        """The result computed by NumPy, one op at a time."""
        return self._program.run_reference(self._arrays(args, kwargs))

    def stages(self) -> Stages:
        """The graph at each layer, source, HLO and cost; printable."""
        return self._program.stages

    def _repr_html_(self) -> str:
        return self.stages()._repr_html_()

    def _arrays(self, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
        names = [x.name for x in self._inputs]
        for name in kwargs:
            if name not in names[len(args) :]:
                raise ArgumentError(
                    f"the compiled graph has the inputs {_list(names)}, and none left called {name!r}"
                    f"{nearest(name, names) or '.'}"
                )
        values = dict(zip(names, args, strict=False)) | kwargs
        if len(args) > len(names) or len(values) != len(names):
            raise ArgumentError(
                f"the compiled graph takes {len(names)} values, for {_list(names)}; got {len(args) + len(kwargs)}."
            )
        return [x.array(values[x.name]) for x in self._inputs]


class _Input:
    """One input of a compiled graph: its variable, and what values must look like."""

    def __init__(self, var: Var, name: str, indexes: Mapping[Any, Any]) -> None:
        self.var = var
        self.name = name
        self._indexes = indexes

    def array(self, value: Any) -> Any:
        """The array of a value, its axes in the order of the dims."""
        if isinstance(value, xr.DataArray):
            data = self._matched(value)
        else:
            data = value if backing_of(value) else np.asarray(value, self._dtype_of(value))
        data = standard(data, self.name)
        self.check_shape(data.shape)
        return data if data.dtype == self.var.type.dtype else self._cast(data)

    def _dtype_of(self, value: Any) -> Any:
        """Python numbers take the dtype of the input."""
        return self.var.type.dtype if isinstance(value, int | float | complex | list) else None

    def _matched(self, value: xr.DataArray) -> Any:
        dims = self.var.type.dims
        if set(value.dims) != set(dims):
            raise DimensionError(
                f"input `{self.name}` has the dims {dims}; got an array with {value.dims}."
            )
        for name, index in self._indexes.items():
            if name in value.xindexes and not index.equals(value.xindexes[name]):
                raise AlignmentError(
                    f"input `{self.name}`: its labels along {name!r} differ from those of the symbolic array.\n"
                    f"Select or reindex first: value.reindex_like(symbol), or make the symbol without coords."
                )
        return read_variable(value.transpose(*dims).variable)[0]

    def check_shape(self, shape: Sequence[int]) -> None:
        """Raise where a value of this shape, its axes in order, does not fit."""
        type_ = self.var.type
        if len(shape) != type_.ndim:
            raise DimensionError(
                f"input `{self.name}` has the dims {type_.dims}; got an array with {len(shape)} axes."
            )
        for dim, expected, found in zip(type_.dims, type_.shape, shape, strict=True):
            if expected != found:
                raise SizeMismatchError(
                    f"input `{self.name}`: dim {dim!r} has size {expected}, and {found} in the value given for it."
                )

    def _cast(self, data: Any) -> Any:
        """``data`` in the dtype of the input, where NumPy would do that without loss of kind."""
        wanted = self.var.type.dtype
        if not np.can_cast(data.dtype, wanted, "same_kind"):
            raise ArgumentError(
                f"input `{self.name}` has dtype {wanted}; got {data.dtype}, which does not convert without loss."
            )
        return data.astype(wanted)


def _input(symbol: Any, i: int) -> _Input:
    if len(parts_of(symbol)) != 1:
        raise ArgumentError(
            f"input {i} of xgrad.function must be a symbolic array, such as xgrad.xtensor makes,"
            f" not {type(symbol).__name__}."
        )
    var = unwrap(parts_of(symbol)[0])
    indexes = dict(symbol.xindexes) if isinstance(symbol, xr.DataArray) else {}
    return _Input(var, var.name or str(getattr(symbol, "name", None) or f"input{i}"), indexes)


def _check_inputs(graph: Graph) -> None:
    missing = free_inputs(graph.outputs, graph.inputs)
    if missing:
        names = _list([v.name or "unnamed" for v in missing])
        raise ArgumentError(
            f"the outputs depend on {names}, which is not among the inputs of xgrad.function; add it to them."
        )


def _list(names: Iterable[str]) -> str:
    return ", ".join([f"`{name}`" for name in names]) or "nothing"


def graph_replace(outputs: Any, replace: Mapping[str, Any] | Iterable[tuple[Any, Any]]) -> Any:
    """``outputs`` computed from other values: each symbolic array in ``replace`` gives way to another one.

    ``replace`` is a list of pairs ``(old, new)``, or a dict from the names of inputs, as DataArrays cannot be keys of
    one. Any array of the graph may be replaced, by one of the same dims, sizes and dtype, or by numbers.

    Raises ArgumentError for a name that no input has, DimensionError and SizeMismatchError for arrays that do not fit.

    >>> import xgrad as xg
    >>> x, y = xg.xtensor("x"), xg.xtensor("y")
    >>> xg.dprint(xg.graph_replace(x * 2, {"x": y}))
    XElemwise multiply: float64()  # ...
    ├─ y: float64()
    └─ XConstant 2.0: float64()  # ...
    """
    symbols: list[Any] = []
    tree_map(lambda leaf: symbols.extend(parts_of(leaf)), outputs)
    roots = free_inputs([unwrap(part) for part in symbols])
    pairs = replace.items() if isinstance(replace, Mapping) else replace
    mapping = dict([_pair(old, new, roots) for old, new in pairs])

    def replaced(leaf: Any) -> Any:
        parts = parts_of(leaf)
        new = substitute([unwrap(part) for part in parts], mapping)
        return with_parts(leaf, [wrap(v) for v in new]) if parts else leaf

    return tree_map(replaced, outputs)


def _pair(old: Any, new: Any, roots: Sequence[Var]) -> tuple[Var, Var]:
    var = named_input(old, roots) if isinstance(old, str) else unwrap(parts_of(old)[0])
    return var, _replacement(_Input(var, var.name or "a replaced array", {}), new)


def named_input(name: str, roots: Sequence[Var]) -> Var:
    by_name = {v.name: v for v in roots if v.name}
    if name not in by_name:
        raise ArgumentError(
            f"the graph has the inputs {_list(by_name)}, and none called {name!r}{nearest(name, by_name) or '.'}"
        )
    return by_name[name]


def _replacement(place: _Input, new: Any) -> Var:
    """``new`` as a variable of exactly the type it is to stand for."""
    type_ = place.var.type
    if not is_traced(new):
        return unwrap(place.array(new), type_.dims)
    dims = new.dims if isinstance(new, xr.DataArray) else type_.dims
    if set(dims) != set(type_.dims):
        raise DimensionError(
            f"`{place.name}` has the dims {type_.dims}; its replacement has {dims}."
        )
    var = build.transpose(unwrap(parts_of(new)[0], dims), type_.dims)
    place.check_shape(var.type.shape)
    return build.cast(var, type_.dtype)
