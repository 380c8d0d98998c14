"""Maps from unbounded numbers onto the support of a distribution, with the logarithm of their Jacobian determinants.

With ``x = constrain(u)``, a density of ``x`` becomes one of ``u`` by adding ``log_jacobian(u)`` = log |det dx/du|,
summed over the dims of a vector that is mapped as a whole.
Formulas: Stan Reference Manual, chapter "Constraint Transforms".
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from xgrad.functions import special

Labeled = Any  # a DataArray or a number


@dataclass(frozen=True, eq=False)
class Bijection:
    """A map from all real numbers onto a set."""

    name: ClassVar[str] = ""  # ``x`` becomes ``x__name`` among the unbounded values

    def constrain(self, u: Labeled) -> Labeled:
        """The value of the set."""
        raise NotImplementedError(type(self).__name__)

    def unconstrain(self, x: Labeled) -> Labeled:
        """The unbounded number of which ``x`` is the image."""
        raise NotImplementedError(type(self).__name__)

    def log_jacobian(self, u: Labeled) -> Labeled:
        """log |det d constrain(u) / du|."""
        raise NotImplementedError(type(self).__name__)

    def replaced(self, change: Callable[[Any], Any]) -> "Bijection":
        """This map with its bounds changed: for other values of what they depend on."""
        bounds = {f.name: change(getattr(self, f.name)) for f in fields(self)}
        return type(self)(**bounds)

    def free_sizes(self, sizes: Mapping[Hashable, int]) -> dict[Hashable, int]:
        """The dims and sizes of ``u`` for those of ``x``."""
        return dict(sizes)


@dataclass(frozen=True, eq=False)
class Identity(Bijection):
    """x = u."""

    def constrain(self, u: Labeled) -> Labeled:
        return u

    def unconstrain(self, x: Labeled) -> Labeled:
        return x

    def log_jacobian(self, u: Labeled) -> Labeled:
        return 0.0


@dataclass(frozen=True, eq=False)
class Log(Bijection):
    """x = bound + exp(u); downwards, x = bound - exp(u).

    >>> Log().constrain(0.0), Log(bound=3.0, downwards=True).constrain(0.0)
    (np.float64(1.0), np.float64(2.0))
    """

    bound: Labeled = 0.0
    downwards: bool = False
    name: ClassVar[str] = "log"

    def constrain(self, u: Labeled) -> Labeled:
        return self.bound - np.exp(u) if self.downwards else self.bound + np.exp(u)

    def unconstrain(self, x: Labeled) -> Labeled:
        return np.log(self.bound - x) if self.downwards else np.log(x - self.bound)

    def log_jacobian(self, u: Labeled) -> Labeled:
        return u


@dataclass(frozen=True, eq=False)
class Logit(Bijection):
    """x = lower + (upper - lower) / (1 + exp(-u)).

    >>> float(Logit(0.0, 4.0).constrain(0.0))
    2.0
    """

    lower: Labeled = 0.0
    upper: Labeled = 1.0
    name: ClassVar[str] = "logit"

    def constrain(self, u: Labeled) -> Labeled:
        return self.lower + (self.upper - self.lower) * special.expit(u)

    def unconstrain(self, x: Labeled) -> Labeled:
        return np.log(x - self.lower) - np.log(self.upper - x)

    def log_jacobian(self, u: Labeled) -> Labeled:
        return np.log(self.upper - self.lower) + special.log_expit(u) + special.log_expit(-u)


@dataclass(frozen=True, eq=False)
class Affine(Bijection):
    """x = loc + scale * u: the non-centred form of a family of locations and scales.

    >>> Affine(1.0, 2.0).constrain(3.0), Affine(1.0, 2.0).unconstrain(7.0)
    (7.0, 3.0)
    """

    loc: Labeled
    scale: Labeled
    name: ClassVar[str] = "offset"

    def constrain(self, u: Labeled) -> Labeled:
        return self.loc + self.scale * u

    def unconstrain(self, x: Labeled) -> Labeled:
        return (x - self.loc) / self.scale

    def log_jacobian(self, u: Labeled) -> Labeled:
        return np.log(self.scale) + 0.0 * u
