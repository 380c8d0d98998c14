"""What the labels cost per call: three DataArrays with two indexed coords each in, one out."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import xgrad
from benchmarks.measure import interleaved


def rows() -> Iterator[tuple[str, str]]:
    """The overhead in microseconds for short and long indexes, on JAX and on NumPy arrays."""
    for length in (5, 10_000):
        for backing in ("jax", "numpy"):
            yield f"{backing} arrays, indexes of length {length:,}", _overhead(length, backing)


def _overhead(length: int, backing: str) -> str:
    with jax.enable_x64(True):
        arrays = [_array(length, backing, i) for i in range(3)]
        plain = jax.jit(lambda x, y, z: x * y + z)
        raw = [a.data for a in arrays]
    labeled = xgrad.jit(lambda x, y, z: x * y + z)

    def call_plain() -> None:
        with jax.enable_x64(True):
            plain(*raw)

    bare = jax.jit(lambda x, y, z: x * y + z)
    singles = [jnp.asarray(np.asarray(r), jnp.float32) for r in raw] if backing == "jax" else raw
    found = interleaved(
        {
            "labels": lambda: labeled(*arrays),
            "x64": call_plain,
            "bare": lambda: bare(*singles),
        },
        rounds=25,
        calls=400,
    )
    over = (found["labels"].best - found["bare"].best) * 1e6
    over_median = (found["labels"].median - found["bare"].median) * 1e6
    return f"+{over_median:.1f} µs median, +{over:.1f} µs best (jax.jit alone {found['bare'].best * 1e6:.1f} µs)"


def _array(length: int, backing: str, seed: int) -> xr.DataArray:
    data = np.random.default_rng(seed).normal(size=(length, 4))
    coords = {"x": np.arange(length) * 1.5, "y": list("abcd")}
    return xr.DataArray(jnp.asarray(data) if backing == "jax" else data, coords, ("x", "y"))
