"""A distribution of one's own, by functions for its log-density and its draws."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.model.distributions.base import Distribution, Labeled, Sizes
from xgrad.model.distributions.parameters import as_tuple, described
from xgrad.model.distributions.supports import Support, real


class Custom(Distribution):
    """A distribution with the log-density ``logp(x, *parameters)``, and draws ``random(key, sizes, *parameters)``.

    Symbolic parameters must be handed in as such, not by way of the functions, so that draws see their values. Outside
    ``support`` (a Support, or a function of the parameters that returns one) the density is zero, and ``logp`` is asked
    about a point inside. For vectors along ``core_dims`` the log-density lacks these.

    >>> import numpy as np
    >>> from xgrad.model.distributions.supports import Interval
    >>> cubic = Custom.dist(
    ...     2.0, logp=lambda x, end: np.log(3.0 * x**2 / end**3), support=lambda end: Interval(0.0, end)
    ... )
    >>> round(float(cubic.log_density(1.0)), 4), float(cubic.log_density(3.0))
    (-0.9808, -inf)
    """

    arguments: tuple[Any, ...]
    logp: Callable[..., Labeled]
    random: Callable[..., xr.DataArray] | None
    _support: Support | Callable[..., Support]

    @classmethod
    def dist(
        cls,
        *arguments: Any,
        logp: Callable[..., Labeled] | None = None,
        random: Callable[..., xr.DataArray] | None = None,
        support: Support | Callable[..., Support] = real,
        core_dims: Any = None,
    ) -> Self:
        self = object.__new__(cls)
        if not callable(logp):
            raise ArgumentError("Custom needs logp=, a function of the value and the parameters.")
        if not (isinstance(support, Support) or callable(support)):
            raise ArgumentError(
                "Custom: support= is a Support, such as Interval(0.0), or a function of the parameters; got"
                f" {support!r}."
            )
        self.arguments, self.logp, self.random = arguments, logp, random
        self._support, self.core_dims = support, as_tuple(core_dims)
        return self

    @property
    def values(self) -> dict[str, Any]:
        return {"arguments": self.arguments}

    @property
    def support(self) -> Support:
        return (
            self._support if isinstance(self._support, Support) else self._support(*self.arguments)
        )

    def _log_density(self, x: Labeled) -> Labeled:
        value = self.logp(x, *self.arguments)
        if not isinstance(value, xr.DataArray | int | float | np.number):
            raise ArgumentError(
                f"Custom: logp returned {described(value)}; it returns the log-density at each value, with named dims."
            )
        return value

    def _draw(self, key: Any, sizes: Sizes) -> xr.DataArray:
        if self.random is None:
            raise NotImplementedError("Custom: without random= there are no draws")
        return self.random(key, sizes, *self.arguments)
