"""The type of a value in the names graph: named dims with sizes, a dtype, and weakness."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

Dim = Hashable


class XType(NamedTuple):
    """Dims with sizes, and a dtype. ``weak`` marks values made of Python numbers alone (NEP 50)."""

    dims: tuple[Dim, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    weak: bool = False

    @property
    def sizes(self) -> dict[Dim, int]:
        return dict(zip(self.dims, self.shape, strict=True))

    @property
    def ndim(self) -> int:
        return len(self.dims)

    def __str__(self) -> str:
        inside = ", ".join(f"{d}: {n}" for d, n in zip(self.dims, self.shape, strict=True))
        return f"{self.dtype}({inside})"


def xtype(sizes: dict[Dim, int], dtype: np.dtype, weak: bool = False) -> XType:
    """An ``XType`` from a mapping of dims to sizes, in its order."""
    return XType(tuple(sizes), tuple(sizes.values()), dtype, weak)


def join_sizes(types: Sequence[XType]) -> dict[Dim, int]:
    """The dims of all ``types`` in order of first appearance, with sizes, which must agree."""
    sizes: dict[Dim, int] = {}
    for t in types:
        for dim, n in zip(t.dims, t.shape, strict=True):
            if sizes.setdefault(dim, n) != n:
                raise AssertionError(f"dim {dim!r} has the sizes {sizes[dim]} and {n}")
    return sizes
