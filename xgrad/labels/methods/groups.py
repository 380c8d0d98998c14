"""Groups of entries along an axis, whose codes are known while tracing, and values laid out by them."""

from typing import Any, NamedTuple

import numpy as np

from xgrad.labels.core import make, real
from xgrad.labels.scope import fresh
from xgrad.names import build, partial

Array = Any
GroupBy = Any
Axes = tuple[int, ...]


class Groups(NamedTuple):
    """The groups that are not empty, numbered in order: ``codes`` has one number per entry, -1 for none."""

    name: Any
    members: tuple[np.ndarray, ...]  # for each group the positions of its entries
    codes: np.ndarray

    @classmethod
    def of(cls, groupby: GroupBy) -> "Groups":
        everything = np.arange(groupby._obj.sizes[groupby._group_dim])
        found = tuple([everything[i] for i in groupby.encoded.group_indices if i])
        codes = np.full(len(everything), -1, np.int32)
        for number, positions in enumerate(found):
            codes[positions] = number
        return cls(groupby.encoded.unique_coord.dims[0], found, codes)

    @property
    def sizes(self) -> np.ndarray:
        return np.array([len(positions) for positions in self.members])

    @property
    def overlap(self) -> bool:
        """Whether an entry is in several groups, as with overlapping seasons."""
        return int(self.sizes.sum()) > int(np.count_nonzero(self.codes >= 0))

    @property
    def even(self) -> bool:
        """Whether the groups can be laid out side by side without much waste."""
        return len(self.sizes) * int(self.sizes.max(initial=0)) <= 4 * self.codes.size + 64

    def table(self) -> np.ndarray:
        """A row of positions for each group, filled up with -1."""
        rows = np.full((len(self.members), int(self.sizes.max(initial=0))), -1, np.int64)
        for row, positions in zip(rows, self.members, strict=True):
            row[: len(positions)] = positions
        return rows

    def apart(self) -> tuple[np.ndarray, "Groups"]:
        """Positions at which entries are in one group each, and the groups of these."""
        sizes, positions = self.sizes, np.concatenate(self.members)
        codes = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        members = np.split(np.arange(len(positions)), np.cumsum(sizes)[:-1])
        return positions, Groups(self.name, tuple(members), codes)


class Grouped(NamedTuple):
    """Values with the grouped axis first, then the other axes to reduce, then the rest."""

    values: Array
    groups: Groups
    others: Axes

    def reduced(self, kind: str, values: Array) -> Array:
        """One value per group, as first axis."""
        if self.others:
            values = getattr(np, kind)(values, axis=self.others)
        return segment(kind, values, self.groups)

    def total(self, values: Array) -> Array:
        """Sums in the dtype in which NumPy adds up."""
        dtype = np.sum(np.empty(0, values.dtype)).dtype
        return self.reduced("sum", values.astype(dtype, copy=False))

    def totals(self) -> tuple[Array, Array]:
        """The sums of the values that are no NaN, and how many these are: in one pass where one axis is reduced."""
        if not self.others:
            return segment_totals(self.values, self.groups)
        valid = ~np.isnan(self.values)
        filled = np.where(valid, self.values, self.values.dtype.type(0))
        return self.reduced("sum", filled), self.count(valid)

    def spread(self, results: Array) -> Array:
        """For every entry the result of its group."""
        var, (group, *rest) = real(results)
        along = real(self.values)[1][0]
        codes = build.constant(np.maximum(self.groups.codes, 0), [along])
        picked = build.index(var, {group: codes}, "promise")
        spread: Array = make(picked, [along, *rest], results.scope)
        return np.expand_dims(spread, self.others)

    def skips(self, skipna: bool | None) -> bool:
        """Whether there are missing values to leave out."""
        return skipna is not False and self.values.dtype.kind in "fc"

    def count(self, valid: Array) -> Array:
        """How many of the values of each group are valid: narrow, for the pass over the data is bound by memory."""
        return self.reduced("sum", valid.astype(np.int32))

    def sizes(self, ndim: int) -> np.ndarray:
        """How many values each group has, to be divided by in ``ndim`` axes."""
        each = int(np.prod([self.values.shape[i] for i in self.others], dtype=int))
        return (self.groups.sizes * each).reshape(-1, *[1] * (ndim - 1))


def segment(kind: str, values: Array, groups: Groups) -> Array:
    """``values`` reduced by groups along the first axis."""
    var, dims = real(values)
    rest = dims[1:]
    new = fresh(groups.name, rest) if groups.name in rest else groups.name
    out = partial.segment_reduce(kind, var, dims[0], new, len(groups.members), groups.codes)
    return make(out, [new, *rest], values.scope)


def segment_totals(values: Array, groups: Groups) -> tuple[Array, Array]:
    """Along the first axis, for each group the sum of what is no NaN, and the count."""
    var, (dim, *rest) = real(values)
    new = fresh(groups.name, rest) if groups.name in rest else groups.name
    both = partial.segment_totals(var, dim, new, len(groups.members), groups.codes)
    total, count = [make(v, [new, *rest], values.scope) for v in both]
    return total, count
