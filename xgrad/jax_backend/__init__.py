"""From a tensor graph to XLA: emission, executables and their cache, source. Alone imports jax."""

from xgrad.jax_backend.arrays import is_jax_array, is_tracer, to_device, to_numpy
from xgrad.jax_backend.emit import emit, lift
from xgrad.jax_backend.executable import CompileOptions, Executable, executable_for, executables

__all__ = [
    "CompileOptions",
    "Executable",
    "emit",
    "executable_for",
    "executables",
    "is_jax_array",
    "is_tracer",
    "lift",
    "to_device",
    "to_numpy",
]
