"""What every distribution is: parameters with constraints, a log-density, draws, and a support.

A subclass is a table of its parameters and a few formulas. ``Normal.dist(0.0, 2.0)`` is a distribution by itself;
``Normal("x", 0.0, 2.0)`` declares a variable of the model whose ``with`` block it stands in.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, nearest
from xgrad.functions import random
from xgrad.model.context import current_model
from xgrad.model.distributions.supports import Support, real

Labeled = Any  # a DataArray or a number
Sizes = Mapping[Hashable, int]
_REQUIRED: Any = object()


class Parameter(NamedTuple):
    """A parameter of a distribution: where its values must lie, and its default."""

    support: Support = real
    default: Any = _REQUIRED


def table(**parameters: Parameter) -> Mapping[str, Parameter]:
    """The parameters of a distribution, in order."""
    return MappingProxyType(parameters)


class Alternative(NamedTuple):
    """Other names by which a distribution can be given: ``convert(**values)`` has its parameters proper."""

    names: tuple[str, ...]
    convert: Callable[..., Mapping[str, Any]]


class Distribution:
    """A distribution over labeled arrays. Parameters broadcast by name; dims that a parameter has, the variable has.

    Subclasses state ``parameters``, ``support`` and ``_log_density``; ``_draw``, ``_cdf`` and ``_quantile`` where they
    have a closed form. A distribution of whole vectors names their dims in ``core_dims``, which its density sums out.
    """

    parameters: ClassVar[Mapping[str, Parameter]] = table()
    alternatives: ClassVar[tuple[Alternative, ...]] = ()
    either: ClassVar[tuple[str, ...]] = ()  # parameters of which exactly one is given
    core_dims: tuple[Hashable, ...] = ()

    def __new__(cls, name: str, /, *args: Any, **options: Any) -> Any:
        """A variable of the model whose ``with`` block this stands in; see ``Model.variable`` for the options."""
        return current_model(f"{cls.__name__} {name!r}").variable(name, cls, args, options)

    @classmethod
    def dist(cls, *args: Any, **parameters: Any) -> Self:
        """The distribution itself, which belongs to no model.

        Raises ArgumentError for parameters that it does not have, or that lie outside their support.
        """
        self = object.__new__(cls)
        for name, value in _bound(cls, args, _converted(cls, parameters)).items():
            setattr(self, name, value)
        check_parameters(self)
        return self

    @property
    def values(self) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in self.parameters}

    @property
    def support(self) -> Support:
        """Where the density is positive."""
        return real

    def log_density(self, x: Labeled) -> Labeled:
        """The logarithm of the density (or probability) at ``x``: -inf outside the support, with gradient zero."""
        inside = self.support.contains(x)
        value = self._log_density(self._kept_inside(x, inside))
        return xr.where(inside, value, -np.inf)

    def _kept_inside(self, x: Labeled, inside: Labeled) -> Labeled:
        """``x`` with a harmless value in place of those at which the formula has none."""
        return xr.where(inside, x, self.support.inside())

    def draw(self, key: Any, sizes: Sizes | None = None) -> xr.DataArray:
        """Draws by a random key: one for each entry of the parameters, and along the dims of ``sizes``."""
        return self._draw(key, {**self.batch_sizes, **(sizes or {})})

    def cdf(self, x: Labeled) -> Labeled:
        """The probability of a value up to ``x``."""
        if self.support.discrete:
            x = np.floor(x)
        value = self._cdf(self._kept_inside(x, self.support.contains(x)))
        lower, upper = self.support.bounds
        if lower is not None:
            value = xr.where(x < lower if self.support.discrete else x <= lower, 0.0, value)
        return value if upper is None else xr.where(x >= upper, 1.0, value)

    def quantile(self, q: Labeled) -> Labeled:
        """The value below which a share ``q`` lies."""
        return self._quantile(q)

    @property
    def batch_sizes(self) -> dict[Hashable, int]:
        """The dims that the parameters broadcast to, less core dims of their own."""
        sizes: dict[Hashable, int] = {}
        for value in self.values.values():
            sizes.update({d: n for d, n in _sizes(value).items() if d not in self.core_dims})
        return sizes

    @property
    def core_sizes(self) -> dict[Hashable, int]:
        """The core dims of a value, as far as the parameters tell their sizes."""
        sizes: dict[Hashable, int] = {}
        for value in self.values.values():
            sizes.update({d: n for d, n in _sizes(value).items() if d in self.core_dims})
        return sizes

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
            setattr(other, name, change(value))
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
        inside = ", ".join([f"{k}={_short(v)}" for k, v in self.values.items()])
        return f"{type(self).__name__}({inside})"


def open_uniform(key: Any, sizes: Sizes) -> xr.DataArray:
    """Draws between 0 and 1, neither of which is drawn."""
    return random.uniform(key, sizes).clip(np.finfo(np.float64).tiny)


def _converted(cls: type[Distribution], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters proper, where others were given."""
    for names, convert in cls.alternatives:
        if set(names) <= set(given) and not set(names) <= set(cls.parameters):
            rest = {k: v for k, v in given.items() if k not in names}
            return {**convert(**{k: given[k] for k in names}), **rest}
    return given


def _bound(cls: type[Distribution], args: Sequence[Any], given: Mapping[str, Any]) -> dict:
    """The parameters by name, defaults filled in."""
    names = list(cls.parameters)
    if len(args) > len(names):
        raise ArgumentError(
            f"{cls.__name__} takes the parameters {', '.join(names)}; got {len(args)} values."
        )
    values = dict(zip(names, args, strict=False))
    for name, value in given.items():
        if name not in cls.parameters:
            raise ArgumentError(
                f"{cls.__name__} has no parameter {name!r}{nearest(name, names) or '.'} It takes {', '.join(names)}."
            )
        if name in values:
            raise ArgumentError(f"{cls.__name__}: parameter {name!r} is given twice.")
        values[name] = value
    for name, parameter in cls.parameters.items():
        if name not in values and parameter.default is _REQUIRED:
            raise ArgumentError(f"{cls.__name__} needs the parameter {name!r}.")
        values.setdefault(name, parameter.default)
    if cls.either and sum([values[name] is not None for name in cls.either]) != 1:
        raise ArgumentError(f"{cls.__name__} takes exactly one of {' and '.join(cls.either)}.")
    return {name: values[name] for name in names}


def check_parameters(distribution: Distribution) -> None:
    """Raise ArgumentError where a parameter that is known now lies outside its support."""
    for name, parameter in distribution.parameters.items():
        value = getattr(distribution, name)
        if isinstance(value, int | float | np.number) and not parameter.support.contains(value):
            raise ArgumentError(
                f"{type(distribution).__name__}: {name}={value} is not in {parameter.support}."
            )


def _sizes(value: Any) -> Mapping[Hashable, int]:
    return getattr(value, "sizes", {})


def _short(value: Any) -> str:
    if isinstance(value, xr.DataArray):
        dims = ", ".join([f"{d}: {n}" for d, n in value.sizes.items()])
        return f"{value.name or 'array'}({dims})"
    return repr(value)
