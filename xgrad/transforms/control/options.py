"""How a loop is to run: the keyword arguments of ``scan``, and what is said of those that make no sense."""

from collections.abc import Callable, Hashable
from typing import Any, Literal, NamedTuple, TypeGuard

import numpy as np

from xgrad.errors import ArgumentError, DimensionError
from xgrad.transforms.control.carry import here

Policy = Literal["nothing", "dots", "everything"] | Callable[..., Any]
Checkpoint = int | Literal["sqrt", "auto"] | Policy | None

SEGMENTS = ("sqrt", "auto")
POLICIES = ("nothing", "dots", "everything")


class Loop(NamedTuple):
    """The options of a loop, as the user gave them."""

    dim: Any
    length: int | None
    reverse: bool
    unroll: int
    checkpoint: Checkpoint
    lags: int | None
    parallel: bool = False

    def checked(self) -> "Loop":
        """These options, if all of them make sense."""
        if not isinstance(self.dim, Hashable):
            raise DimensionError(
                f"xgrad.scan: a loop goes along one dim, not along {self.dim!r}{here()}.\n"
                "Name one; scan inside the step for another, or .stack them."
            )
        for name, least in (("length", 0), ("unroll", 1), ("lags", 1)):
            value = getattr(self, name)
            if value is not None and not (is_count(value) and value >= least):
                what = "a positive int" if least else "an int, 0 or more"
                raise ArgumentError(f"xgrad.scan: {name} must be {what}, not {value!r}{here()}.")
        if self.parallel and self.checkpoint is not None:
            raise ArgumentError(
                f"xgrad.scan: parallel=True leaves no steps to keep some of: checkpoint={self.checkpoint!r} has no"
                f" meaning{here()}.\nLeave one of the two away."
            )
        if not _is_checkpoint(self.checkpoint):
            raise ArgumentError(
                "xgrad.scan: checkpoint must be None, 'sqrt', 'auto', a positive int, or a policy ('nothing', 'dots',"
                f" 'everything', one of jax.checkpoint_policies), not {self.checkpoint!r}{here()}."
            )
        return self


def _is_checkpoint(value: Any) -> bool:
    known = value is None or (isinstance(value, str) and value in (*SEGMENTS, *POLICIES))
    return known or callable(value) or (is_count(value) and value >= 1)


def is_policy(value: Any) -> TypeGuard[Policy]:
    """Whether ``value`` says what is kept of one step, rather than how many steps are kept."""
    return callable(value) or (isinstance(value, str) and value in POLICIES)


def is_count(value: Any) -> TypeGuard[int]:
    """Whether ``value`` is a whole number, and not a truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
