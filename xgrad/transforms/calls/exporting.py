"""Compiled calls as files: ``f.export(...)`` writes one, ``xgrad.load_exported`` reads it, in whatever process.

A file is a zip of the program (``jax.export``), of an example of the arguments and of the result with their labels but
without numbers (see ``portable``), and of a description with checksums. Labels are checked at every call, as in any
compiled function.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, ExportError
from xgrad.jax_backend.arrays import is_jax_array, to_device, to_numpy
from xgrad.jax_backend.exporting import exported, imported
from xgrad.transforms.calls.arguments import CallGuard, guard_of
from xgrad.transforms.calls.backing import is_known
from xgrad.transforms.calls.portable import packed, unpacked, words_of
from xgrad.transforms.calls.program import Program
from xgrad.transforms.calls.trace import trace_function
from xgrad.transforms.calls.wrap import ResultTemplate
from xgrad.transforms.tree import tree_map

_FORMAT = "xgrad exported call 2"
_PARTS = (_PROGRAM, _LABELS, _ARRAYS) = ("program", "labels", "arrays")
_ABOUT = "about.json"

PathLike = str | os.PathLike[str]


def write(
    path: PathLike,
    name: str,
    program: Program,
    arguments: Sequence[str],
    call: tuple[tuple, dict],
    allow_pickle: bool,
) -> None:
    """Write the program of a call; ``arguments`` are the names of the positional ones. For errors see ``export``."""
    graph = program.stages.names
    result = _example(program, [np.zeros(v.type.shape, v.type.dtype) for v in graph.outputs])
    if len(_template(result).outputs) != len(graph.outputs):
        raise ExportError(
            f"`{name}` cannot be exported: its result has labels that are computed, or arrays that are not."
        )
    args, kwargs = tree_map(_empty, call)
    try:
        labels, arrays = packed(
            [*args, *kwargs.values(), result], [*arguments, *kwargs, "the result"], allow_pickle
        )
    except ExportError as error:
        raise ExportError(f"`{name}` cannot be exported: {error}") from None
    contents = (_serialised(name, program, len(graph.inputs)), labels, arrays)
    parts = dict(zip(_PARTS, contents, strict=True))
    sums = {part: hashlib.sha256(data).hexdigest() for part, data in parts.items()}
    about = {"format": _FORMAT, "name": name, "sha256": sums}
    about |= {"arguments": list(arguments), "keywords": list(kwargs)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(_ABOUT, json.dumps(about))
        for part, data in parts.items():
            file.writestr(part, data)


def load_exported(path: PathLike, *, allow_pickle: bool = False) -> "Exported":
    """The compiled function that ``f.export(*args, path=path)`` wrote, without its source, for arguments like those.

    It takes arguments of the same dims, sizes, dtypes and labels, and returns labeled results. Loading runs nothing
    that the file says, unless ``allow_pickle`` lets it: say so only for files that you trust, written with it too.
    Modules with the NamedTuples and dataclasses of the call have to be imported before.

    Needs the extra ``export``. Raises ExportError for a file that is damaged or of another kind, OSError for none. The
    function raises ArgumentError for arguments unlike those of the example, with what differs.

    >>> import tempfile, xgrad as xg
    >>> x = xg.DataArray([1.0, 2.0], dims="city", coords={"city": ["Oslo", "Rome"]})
    >>> path = tempfile.mkdtemp() + "/double.xgrad"
    >>> xg.jit(lambda x: 2 * x).export(x, path=path)
    >>> load_exported(path)(x + 1)
    <xarray.DataArray (city: 2)> Size: 16B
    array([4., 6.])
    Coordinates:
      * city     (city) <U4 32B 'Oslo' 'Rome'
    """
    about, parts = _read(path)
    try:
        run = imported(parts[_PROGRAM])
        *values, result = unpacked(parts[_LABELS], parts[_ARRAYS], allow_pickle)
    except ImportError:
        raise
    except ExportError as error:
        raise ExportError(f"{os.fspath(path)!r} cannot be loaded: {error}") from None
    except Exception as error:  # whatever another version of JAX, xarray or pandas makes of it
        raise ExportError(
            f"{os.fspath(path)!r} cannot be loaded with the packages installed here ({error}); export it again."
        ) from error
    names = about["arguments"]
    kwargs = dict(zip(about["keywords"], values[len(names) :], strict=True))
    return Exported(about["name"], names, run, (tuple(values[: len(names)]), kwargs), result)


class Exported:
    """A compiled call from a file; see ``load_exported``."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        run: Callable[[Sequence[Any]], list[Any]],
        call: tuple[tuple, dict],
        result: Any,
    ) -> None:
        self.__name__ = name
        self._arguments = arguments
        self._run = run
        self._guard = _guard(arguments, *call)
        self._template = _template(result)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arrays = self._guard.arrays(args, kwargs)
        if arrays is None:
            raise ArgumentError(self._unlike(args, kwargs))
        outputs = self._run(arrays)
        on_host = self._guard.backing == "numpy"
        return self._template.build(list(map(to_numpy, outputs)) if on_host else outputs)

    def __repr__(self) -> str:
        return f"<xgrad: {self.__name__}({', '.join(self._arguments)}), exported>"

    def _unlike(self, args: tuple, kwargs: dict[str, Any]) -> str:
        names = [*self._arguments, *[f"argument {i}" for i in range(len(args))]]
        found = self._guard.differences(_guard(names, args, kwargs), names)
        lines = "\n".join([f"  {text}" for text in found])
        return f"`{self.__name__}` was exported for other arguments:\n{lines}"


def _guard(names: Sequence[str], args: tuple, kwargs: dict[str, Any]) -> CallGuard:
    positional = [guard_of(value, name) for name, value in zip(names, args, strict=False)]
    return CallGuard(positional, {name: guard_of(value, name) for name, value in kwargs.items()})


def _template(result: Any) -> ResultTemplate:
    """What makes objects like ``result`` of its arrays."""
    return trace_function(lambda result: result, (result,), {}).result


def _example(program: Program, arrays: Sequence[Any]) -> Any:
    """A result with all its labels, of these arrays."""
    return program.result.build(arrays)


def _serialised(name: str, program: Program, count: int) -> bytes:
    try:
        return exported(program.executable, program.constants, count)
    except (ValueError, NotImplementedError) as error:
        raise ExportError(
            f"`{name}` cannot be exported: a file cannot hold functions that run on the host ({error})."
        ) from error


def _empty(leaf: Any) -> Any:
    """A leaf with zeros for its numbers."""
    if isinstance(leaf, xr.DataArray | xr.Variable):
        return leaf.copy(data=_empty(leaf.data))
    if isinstance(leaf, xr.Dataset):
        return leaf.assign({k: _empty(v) for k, v in leaf.data_vars.items()})
    if is_jax_array(leaf):
        words = words_of(leaf)
        return to_device([np.zeros(words.shape, words.dtype)])[0]
    known = not isinstance(leaf, np.ndarray) or is_known(leaf)
    return leaf if known else np.zeros(leaf.shape, leaf.dtype)


def _read(path: PathLike) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The description and the parts of a file, found to be whole."""
    data = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            about = json.loads(file.read(_ABOUT))
            known = about.get("format") == _FORMAT
            parts = {part: file.read(part) for part in _PARTS} if known else {}
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError) as error:
        raise ExportError(
            f"{os.fspath(path)!r} ({len(data)} bytes) is damaged, or not a file that f.export(...) wrote."
        ) from error
    if not known:
        raise ExportError(
            f"{os.fspath(path)!r} has the format {about.get('format')!r}; this version reads {_FORMAT!r}."
        )
    for part, content in parts.items():
        if hashlib.sha256(content).hexdigest() != about["sha256"].get(part):
            raise ExportError(
                f"{os.fspath(path)!r} is damaged: its {part} was changed; export it again."
            )
    return about, parts
