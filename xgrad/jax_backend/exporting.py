"""Executables as bytes that another process can run, by ``jax.export``."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.export

from xgrad.jax_backend.executable import Executable
from xgrad.jax_backend.extras import require


def exported(executable: Executable, constants: Sequence[Any], count: int) -> bytes:
    """The program of the first ``count`` inputs, with the constants in it.

    Raises NotImplementedError or ValueError for programs that call back to the host.
    """
    require("flatbuffers", "exporting a call")

    def program(*arrays: Any) -> list[Any]:
        return executable.jitted(*arrays, *constants)

    with jax.enable_x64(True):
        avals = [jax.ShapeDtypeStruct(*v.type) for v in executable.graph.inputs[:count]]
        return bytes(jax.export.export(jax.jit(program))(*avals).serialize())


def imported(data: bytes) -> Callable[[Sequence[Any]], list[Any]]:
    """The program in ``data``, as a function of arrays. Raises what JAX raises for other bytes."""
    require("flatbuffers", "reading an exported call")
    with jax.enable_x64(True):
        found = jax.export.deserialize(bytearray(data))
        call = jax.jit(found.call)

    def run(arrays: Sequence[Any]) -> list[Any]:
        with jax.enable_x64(True):
            pairs = zip(arrays, found.in_avals, strict=True)
            return call(*[jax.numpy.asarray(x, a.dtype) for x, a in pairs])

    return run
