"""What the labels cost per call: three DataArrays with two indexed coords each in, one out.

The indexes grow, and the data are as long as they are: what the arrays themselves cost is on both sides.
"""

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
    labeled = xgrad.jit(lambda x, y, z: x * y + z)
    plain = jax.jit(lambda x, y, z: x * y + z)
    give = np.array if backing == "numpy" else _itself  # what a caller with NumPy arrays wants back
    with jax.enable_x64(True):  # for the whole measurement: the same float64 program on both sides
        arrays = [_array(length, backing, i) for i in range(3)]
        raw = [a.data for a in arrays]
        found = interleaved(
            {"labels": lambda: labeled(*arrays), "bare": lambda: give(plain(*raw))},
            rounds=25,
            calls=400,
        )
    over = (found["labels"].best - found["bare"].best) * 1e6
    over_median = (found["labels"].median - found["bare"].median) * 1e6
    alone = found["bare"].best * 1e6
    return f"+{over_median:.1f} µs median, +{over:.1f} µs best (jax.jit alone {alone:.1f} µs)"


def _itself(x: jax.Array) -> jax.Array:
    return x


def _array(length: int, backing: str, seed: int) -> xr.DataArray:
    data = np.random.default_rng(seed).normal(size=(length, 4))
    coords = {"x": np.arange(length) * 1.5, "y": list("abcd")}
    return xr.DataArray(jnp.asarray(data) if backing == "jax" else data, coords, ("x", "y"))
