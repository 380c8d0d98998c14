"""What every distribution is: parameters with constraints, a log-density, draws, and a support.

A subclass is a table of its parameters and a few formulas. ``Normal.dist(0.0, 2.0)`` is a distribution by itself;
``Normal("x", 0.0, 2.0)`` declares a variable of the model whose ``with`` block it stands in.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Self

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.functions import random
from xgrad.labels import is_traced
from xgrad.model.context import current_model
from xgrad.model.distributions.parameters import (
    AbstractParametric,
    as_number,
    by_name,
    check_parameters,
    converted,
    is_array,
    short,
)
from xgrad.model.distributions.supports import Support, real

Labeled = Any  # a DataArray or a number
Sizes = Mapping[Hashable, int]


class Distribution(AbstractParametric):
    """A distribution over labeled arrays. Parameters broadcast by name; dims that a parameter has, the variable has.

    Subclasses state ``parameters``, ``support`` and ``_log_density``; ``_draw``, ``_cdf`` and ``_quantile`` where they
    have a closed form. ``core_dims`` are those along which parameters (or values) are used as a whole; the values of a
    distribution of vectors have some of them, its ``event_dims``, and its density has none.
    """

    core_dims: tuple[Any, ...] = ()

    def __new__(cls, name: str, /, *args: Any, **options: Any) -> Any:
        """A variable of the model whose ``with`` block this stands in; see ``Model.variable`` for the options."""
        return current_model(f"{cls.__name__} {name!r}").variable(name, cls, args, options)

    @classmethod
    def dist(cls, *args: Any, **parameters: Any) -> Self:
        """The distribution itself, which belongs to no model.

        Raises ArgumentError for parameters that it does not have, or that lie outside their support.
        """
        self = object.__new__(cls)
        given = converted(cls, parameters)
        for name, value in by_name(cls, args, given).items():
            setattr(self, name, as_number(value))
        try:
            check_parameters(self)
        except ArgumentError as error:
            others = ", ".join([f"{k}={short(v)}" for k, v in parameters.items() if k not in given])
            raise ArgumentError(
                f"{error} It follows from {others}." if others else str(error)
            ) from None
        self._settle()
        _check_bounds(self)
        return self

    def _settle(self) -> None:
        """Fill in, and check, what depends on several parameters."""

    @property
    def values(self) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in self.parameters}

    @property
    def support(self) -> Support:
        """Where the density is positive."""
        return real

    @property
    def event_dims(self) -> tuple[Any, ...]:
        """The dims of one value."""
        return self.core_dims

    def log_density(self, x: Labeled) -> Labeled:
        """The logarithm of the density (or probability) at ``x``: -inf outside the support, with gradient zero."""
        found, x = self._of_one_dtype(x)
        inside = found.support.contains(x)
        with np.errstate(divide="ignore"):  # a log-density of -inf is an answer
            value = found._log_density(found._kept_inside(x, inside))
        return xr.where(inside, value, -np.inf)

    def _kept_inside(self, x: Labeled, inside: Labeled) -> Labeled:
        """``x`` with a harmless value in place of those at which the formula has none."""
        return xr.where(inside, x, self.support.inside(x))

    def draw(self, key: Any, sizes: Sizes | None = None) -> xr.DataArray:
        """Draws by a random key: one for each entry of the parameters, and along the dims of ``sizes``.

        ``sizes`` must have the dims of a vector where no parameter has them.
        """
        drawn = self._draw(key, {**self.batch_sizes, **self.core_sizes, **(sizes or {})})
        return drawn if self.support.discrete else drawn.astype(self._dtype(), copy=False)

    def cdf(self, x: Labeled) -> Labeled:
        """The probability of a value up to ``x``; NaN of NaN."""
        found, x = self._of_one_dtype(x)
        if found.support.discrete:
            x = np.floor(x)
        with np.errstate(divide="ignore"):
            value = found._cdf(found._kept_inside(x, found.support.contains(x)))
        lower, upper = found.ends
        below = x < lower if found.is_lumped else x <= lower
        value = xr.where(below | (x == -np.inf), 0.0, xr.where(x >= upper, 1.0, value))
        return xr.where(np.isnan(x), np.nan, value)

    @property
    def ends(self) -> tuple[Labeled, Labeled]:
        """The bounds of the support, which may be infinite."""
        lower, upper = self.support.bounds
        return -np.inf if lower is None else lower, np.inf if upper is None else upper

    @property
    def is_lumped(self) -> bool:
        """Whether single values have a probability."""
        return self.support.discrete

    def log_cdf(self, x: Labeled) -> Labeled:
        """The logarithm of ``cdf``."""
        with np.errstate(divide="ignore"):
            return np.log(self.cdf(x))

    def log_survival(self, x: Labeled) -> Labeled:
        """The logarithm of the probability of more than ``x``."""
        with np.errstate(divide="ignore"):
            return np.log1p(-self.cdf(x))

    def quantile(self, q: Labeled) -> Labeled:
        """The value below which a share ``q`` lies; NaN where ``q`` is no share."""
        found, q = self._of_one_dtype(q)
        with np.errstate(all="ignore"):
            value = found._quantile(q)
        lower, upper = found.ends
        value = xr.where(q == 0.0, lower, xr.where(q == 1.0, upper, value))
        return xr.where((q >= 0.0) & (q <= 1.0), value, np.nan)

    @property
    def has_quantile(self) -> bool:
        """Whether ``quantile`` has a closed form."""
        return type(self)._quantile is not Distribution._quantile

    @property
    def batch_sizes(self) -> dict[Hashable, int]:
        """The dims that the parameters broadcast to, less core dims of their own."""
        return {d: n for d, n in self._all_sizes().items() if d not in self.core_dims}

    @property
    def core_sizes(self) -> dict[Hashable, int]:
        """The dims of one value, as far as the parameters tell their sizes."""
        return {d: n for d, n in self._all_sizes().items() if d in self.event_dims}

    def _all_sizes(self) -> dict[Hashable, int]:
        return {d: n for value in self.values.values() for d, n in _sizes(value).items()}

    def _batch(self, sizes: Sizes) -> dict[Hashable, int]:
        """``sizes`` without those of one value."""
        return {d: n for d, n in sizes.items() if d not in self.event_dims}

    def _dtype(self, *values: Labeled) -> np.dtype:
        """That of the floats among the parameters and ``values``; float64 where there are none but Python's."""
        found = [
            v.dtype
            for value in (*self.values.values(), *values)
            for v in leaves(value)
            if is_array(v) and v.dtype.kind == "f"
        ]
        return np.result_type(*found) if found else np.dtype(np.float64)

    def _of_one_dtype(self, x: Labeled) -> tuple[Self, Labeled]:
        """This distribution and ``x`` with all numbers in one float dtype, which Python's do not decide."""
        dtype = self._dtype(x)

        def change(value: Any) -> Any:
            if not is_array(value):
                return dtype.type(value) if type(value) in (int, float) else value
            return value.astype(dtype) if value.dtype.kind in "iub" else value

        return self.replaced(change), change(x)

    def standardised(self) -> "tuple[Labeled, Labeled, Distribution]":
        """Location, scale, and the distribution of (x - location) / scale, where the family has them."""
        raise ArgumentError(
            f"{type(self).__name__} has no location and scale, so it has no non-centred form; leave noncentered= out."
        )

    def replaced(self, change: Callable[[Any], Any]) -> Self:
        """This distribution with every parameter changed, unchecked: for other values of what they depend on."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        for name, value in self.values.items():
            setattr(other, name, _changed(value, change))
        return other

    def _log_density(self, x: Labeled) -> Labeled:
        raise NotImplementedError(f"{type(self).__name__} has no log-density")

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        """By inversion, where no better way is known."""
        return self._quantile(open_uniform(key, sizes))

    def _cdf(self, x: Labeled) -> Labeled:
        raise NotImplementedError(f"{type(self).__name__} has no closed form of its cdf")

    def _quantile(self, q: Labeled) -> Labeled:
        raise NotImplementedError(f"{type(self).__name__} has no closed form of its quantiles")

    def __repr__(self) -> str:
        inside = ", ".join([f"{k}={short(v)}" for k, v in self.values.items()])
        return f"{type(self).__name__}({inside})"


def _check_bounds(distribution: Distribution) -> None:
    """Raise ArgumentError where there are no values between the bounds, as far as they are known."""
    lower, upper = distribution.support.bounds
    if lower is None or upper is None or is_traced(lower) or is_traced(upper):
        return
    is_empty = lower > upper if distribution.is_lumped else lower >= upper
    if np.any(is_empty):
        raise ArgumentError(
            f"{type(distribution).__name__}: there are no values between its bounds: lower={short(lower)} is not"
            f" below upper={short(upper)}."
        )


def open_uniform(key: Any, sizes: Sizes) -> xr.DataArray:
    """Draws between 0 and 1, neither of which is drawn."""
    return random.uniform(key, sizes).clip(np.finfo(np.float64).tiny)


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """A parameter changed, also within distributions that it consists of."""
    if isinstance(value, Distribution):
        return value.replaced(change)
    if isinstance(value, list | tuple):
        return tuple([_changed(v, change) for v in value])
    return change(value)


def _sizes(value: Any) -> Mapping[Hashable, int]:
    """The dims of a parameter; of distributions, those that their draws have."""
    if isinstance(value, Distribution):
        return {**value.batch_sizes, **value.core_sizes}
    if isinstance(value, list | tuple):
        return {d: n for v in value for d, n in _sizes(v).items()}
    return getattr(value, "sizes", {})


def leaves(value: Any) -> list[Any]:
    """A parameter, or those of the distributions that it consists of."""
    if isinstance(value, Distribution):
        return [leaf for v in value.values.values() for leaf in leaves(v)]
    if isinstance(value, list | tuple):
        return [leaf for v in value for leaf in leaves(v)]
    return [value]
