"""Random labeled arrays: few and small sizes, every kind of coord and dtype, labels that overlap in part."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

Rng = np.random.Generator

DIMS = ("x", "y", "time")
SIZES = (0, 1, 2, 3, 4, 2, 3, 4)
DTYPES = ("float64", "float64", "float32", "int64", "int32", "bool")
LABELS: dict[str, Any] = {  # more labels than any size, so that arrays may have different ones
    "int": np.array([10, 20, 30, 40, 50, 60]),
    "float": np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0]),
    "string": np.array(list("abcdef")),
    "datetime": pd.date_range("2000-01-30", periods=6, freq="D").values.copy(),
}


class World:
    """What the arrays of one program share: for each dim a size, and its kind of labels (None: it has none)."""

    def __init__(self, rng: Rng) -> None:
        self.sizes = {d: int(rng.choice(SIZES)) for d in DIMS}
        kinds = [None, "int", "float", "string", "datetime"]
        self.kinds = {d: kinds[rng.integers(len(kinds))] for d in DIMS}
        if rng.random() < 0.4:
            self.kinds["time"] = "datetime"

    def array(self, rng: Rng) -> xr.DataArray:
        """An array along some of the dims."""
        dims = [str(d) for d in rng.permutation(DIMS)[: rng.integers(0, len(DIMS) + 1)]]
        labels = {d: self._labels(rng, d) for d in dims}
        shape = [self.sizes[d] if labels[d] is None else len(labels[d]) for d in dims]
        coords: dict[Any, Any] = {d: v for d, v in labels.items() if v is not None}
        if dims and rng.random() < 0.25:
            n = shape[0]
            coords["letter"] = (dims[0], np.array(list("uvuv"))[:n])
        if rng.random() < 0.2:
            coords["run"] = int(rng.integers(3))
        name = [None, "a", "a", "b"][rng.integers(4)]
        attrs = [{}, {"units": "K"}, {"units": "m", "note": "n"}][rng.integers(3)]
        return xr.DataArray(values(rng, shape), coords, dims, name, attrs)

    def _labels(self, rng: Rng, dim: str) -> Any:
        """Mostly the first labels of the kind; else shuffled, or others in part."""
        kind, n = self.kinds[dim], self.sizes[dim]
        if kind is None:
            return None
        chance = rng.random()
        if chance < 0.7:
            return LABELS[kind][:n]
        if chance < 0.85:
            return rng.permutation(LABELS[kind][:n])
        return np.sort(rng.permutation(LABELS[kind])[: max(n, 1)])


def values(rng: Rng, shape: list[int]) -> np.ndarray:
    """Small multiples of 1/4, which add up without rounding; floats with a gap now and then."""
    dtype = str(rng.choice(DTYPES))
    steps = rng.integers(-8, 9, shape)
    if dtype == "bool":
        return np.asarray(steps > 0)
    if dtype.startswith("int"):
        return np.asarray(steps.astype(dtype))
    data = np.asarray((steps / 4).astype(dtype))
    return (
        np.where(rng.random(shape) < 0.15, data.dtype.type(np.nan), data)
        if rng.random() < 0.5
        else data
    )
