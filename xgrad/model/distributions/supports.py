"""Where a density is positive: one small class per kind of set. A support tests values and offers its bijection.

``contains`` is elementwise; supports of whole vectors test along their dims, which the answer no longer has.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.labels import is_traced
from xgrad.model.distributions import bijections
from xgrad.model.distributions.bijections import Bijection

Labeled = Any  # a DataArray or a number


class Support:
    """A set of values. ``inside`` is a value that no density has trouble with."""

    discrete = False

    @property
    def bounds(self) -> tuple[Labeled, Labeled]:
        """The lowest and the highest value, or None where there is none."""
        return None, None

    def contains(self, x: Labeled) -> Labeled:
        """Whether each value (or vector) lies in the set."""
        raise NotImplementedError(type(self).__name__)

    def inside(self, x: Labeled) -> Labeled:
        """A value in the set, to stand where a value of ``x`` outside would make NaN."""
        raise NotImplementedError(type(self).__name__)

    def bijection(self) -> Bijection:
        """The default map from all real numbers onto the set."""
        raise NotImplementedError(f"{self} has no map from the real numbers")


@dataclass(frozen=True, eq=False)
class Real(Support):
    """All real numbers.

    >>> bool(Real().contains(1.0)), bool(Real().contains(np.inf))
    (True, False)
    """

    def contains(self, x: Labeled) -> Labeled:
        return np.isfinite(x)

    def inside(self, x: Labeled) -> Labeled:
        return 0.0

    def bijection(self) -> Bijection:
        return bijections.Identity()

    def __str__(self) -> str:
        return "the real numbers"


@dataclass(frozen=True, eq=False)
class Bound(Support):
    """What a bound may be: any number, and infinite where there is none."""

    def contains(self, x: Labeled) -> Labeled:
        return ~np.isnan(x)

    def __str__(self) -> str:
        return "the real numbers, -∞ and ∞"


@dataclass(frozen=True, eq=False)
class Interval(Support):
    """The numbers between two bounds, which are numbers or labeled arrays; None is no bound, as is an infinite entry.

    ``closed`` says of each bound whether it belongs to the set.

    >>> bool(Interval(0.0, 1.0).contains(0.5)), bool(Interval(0.0).contains(-1.0))
    (True, False)
    """

    lower: Labeled = None
    upper: Labeled = None
    closed: tuple[bool, bool] = (False, False)

    @property
    def bounds(self) -> tuple[Labeled, Labeled]:
        return self.lower, self.upper

    def contains(self, x: Labeled) -> Labeled:
        low, high = self.closed
        inside = np.isfinite(x)
        if self.lower is not None:
            inside = inside & ((x >= self.lower) if low else (x > self.lower))
        if self.upper is not None:
            inside = inside & ((x <= self.upper) if high else (x < self.upper))
        return inside

    def inside(self, x: Labeled) -> Labeled:
        if self.lower is None:
            return _finite(self.upper, 0.0) - 1.0
        lower = _finite(
            self.lower, -2.0 if self.upper is None else np.minimum(self.upper, 0.0) - 2.0
        )
        if self.upper is None:
            return lower + 1.0
        return 0.5 * (lower + _finite(self.upper, lower + 2.0))

    def bijection(self) -> Bijection:
        for bound in self.bounds:
            if isinstance(bound, xr.DataArray) and not is_traced(bound) and np.isinf(bound).any():
                raise ArgumentError(
                    "a variable that is bounded in some places and not in others has no one map from the real numbers;"
                    " declare two variables, or give transform=."
                )
        if self.upper is None:
            return bijections.Log(self.lower)
        if self.lower is None:
            return bijections.Log(self.upper, downwards=True)
        return bijections.Logit(self.lower, self.upper)

    def __str__(self) -> str:
        opening, closing = "[" if self.closed[0] else "(", "]" if self.closed[1] else ")"
        return f"{opening}{_bound(self.lower, '-∞')}, {_bound(self.upper, '∞')}{closing}"


@dataclass(frozen=True, eq=False)
class Point(Support):
    """One value."""

    value: Labeled
    discrete = True

    @property
    def bounds(self) -> tuple[Labeled, Labeled]:
        return self.value, self.value

    def contains(self, x: Labeled) -> Labeled:
        return x == self.value

    def inside(self, x: Labeled) -> Labeled:
        return self.value

    def __str__(self) -> str:
        return f"the value {_bound(self.value, '')}"


@dataclass(frozen=True, eq=False)
class Integers(Support):
    """The integers between two bounds, which belong to the set; None is no bound.

    >>> bool(Integers(0).contains(3)), bool(Integers(0).contains(-1))
    (True, False)
    """

    lower: Labeled = None
    upper: Labeled = None
    discrete = True

    @property
    def bounds(self) -> tuple[Labeled, Labeled]:
        return self.lower, self.upper

    def contains(self, x: Labeled) -> Labeled:
        inside = np.isfinite(x) & (x == np.floor(x))
        if self.lower is not None:
            inside = inside & (x >= self.lower)
        if self.upper is not None:
            inside = inside & (x <= self.upper)
        return inside

    def inside(self, x: Labeled) -> Labeled:
        return 0 if self.lower is None else self.lower

    def __str__(self) -> str:
        return f"the integers from {_bound(self.lower, '-∞')} to {_bound(self.upper, '∞')}"


def none_where_infinite(bound: Labeled) -> Labeled:
    """A bound as it is kept: a number that is infinite is none."""
    return None if isinstance(bound, int | float | np.number) and np.isinf(bound) else bound


def _finite(bound: Labeled, instead: Labeled) -> Labeled:
    """A bound, and ``instead`` where it is infinite, as entries of an array may be."""
    if not isinstance(bound, xr.DataArray):
        return bound
    return xr.where(np.isfinite(bound), bound, instead)


def _bound(value: Labeled, infinite: str) -> str:
    if value is None:
        return infinite
    return f"{value:g}" if isinstance(value, int | float) else "a parameter"


real = Real()
bound = Bound()
positive = Interval(0.0)
nonnegative = Interval(0.0, closed=(True, False))
unit = Interval(0.0, 1.0)
unit_closed = Interval(0.0, 1.0, closed=(True, True))
counts = Integers(0)
integers = Integers()
