"""Loops in many shapes: steps, first carries and sequences, for ``xgrad.scan`` and for a Python loop alike."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

import xgrad

RNG = np.random.default_rng(2024)


Program = Callable[[Any, Any], Any]


def alone(program: Program) -> Program:
    return program


class Shape(NamedTuple):
    """One loop. ``arguments(length)`` gives init and xs; both are differentiated by.

    ``plain`` is the step where its own loops are Python's; ``around`` is what the loop stands in, ``by_hand`` the same
    in Python.
    """

    name: str
    step: Callable[[Any, Any], tuple[Any, Any]]
    arguments: Callable[[int], tuple[Any, Any]]
    plain: Callable[[Any, Any], tuple[Any, Any]] | None = None
    around: Callable[[Program], Program] = alone
    by_hand: Callable[[Program], Program] = alone

    @property
    def is_alone(self) -> bool:
        """Whether there is one loop, and nothing around it."""
        return self.plain is None and self.around is self.by_hand

    def looped(self, reverse: bool) -> Program:
        """init, xs -> the last carry and the stacked outputs, by ``xgrad.scan``."""
        return self.around(
            lambda init, xs: xgrad.scan(self.step, init, xs, dim="time", reverse=reverse)
        )

    def unrolled(self, length: int, reverse: bool) -> Program:
        """init, xs -> the last carry and the list of outputs, by a Python loop."""
        step = self.plain or self.step
        return self.by_hand(lambda init, xs: python_loop(step, init, xs, length, reverse))


def series(length: int, **sizes: int) -> xr.DataArray:
    """Numbers along ``time``, with labels."""
    shape = (length, *sizes.values())
    coords = {"time": 10.0 + np.arange(length)}
    return xr.DataArray(RNG.normal(size=shape) / 2, coords, ("time", *sizes), name="series")


def array(**sizes: int) -> xr.DataArray:
    return xr.DataArray(RNG.normal(size=tuple(sizes.values())) / 2, dims=tuple(sizes), name="state")


MIXING = array(site=3, other=3)


def recurrence(c: Any, x: Any) -> tuple[Any, Any]:
    c = np.tanh(0.5 * c + x)
    return c, c**2


def with_labels(c: Any, x: Any) -> tuple[Any, Any]:
    c = c * 0.5 + x / x.time
    return c, (c, x)


def turned(c: Any, x: Any) -> tuple[Any, Any]:
    """Gives the carry back with its dims in another order."""
    return np.sin(x * c.transpose("height", "site")), c.sum("height")


def mixed(c: Any, x: Any) -> tuple[Any, Any]:
    c = np.tanh((MIXING * c.rename(site="other")).sum("other") + x)
    return c, {"energy": (c**2).sum(), "state": c}


def several(c: Any, x: Any) -> tuple[Any, Any]:
    a, b = c["a"], c["b"]
    return {"a": np.cos(b) + x, "b": 0.3 * a * b}, a - b


def of_dataset(c: Any, x: Any) -> tuple[Any, Any]:
    new = c.assign(u=np.sin(c.v) + x.rain, v=c.v * 0.9 + x.sun * c.u)
    return new, new


def nothing_carried(c: Any, x: Any) -> tuple[Any, Any]:
    return c, np.exp(x) * 2


def nothing_stacked(c: Any, x: Any) -> tuple[Any, Any]:
    return c * x + 1.0, None


def dataset(length: int | None) -> xr.Dataset:
    if length is None:
        return xr.Dataset({"u": array(site=2), "v": array(site=2)})
    return xr.Dataset({"rain": series(length, site=2), "sun": series(length)})


def along_lat(c: Any, row: Any) -> tuple[Any, Any]:
    c = np.tanh(c + row.sum("lon"))
    return c, c


def nested(c: Any, field: Any) -> tuple[Any, Any]:
    """A loop over ``lat`` in each step."""
    c, inner = xgrad.scan(along_lat, c, field, dim="lat")
    return c * 0.5, inner.sum()


def nested_in_python(c: Any, field: Any) -> tuple[Any, Any]:
    total = 0.0
    for k in range(field.sizes["lat"]):
        c, inner = along_lat(c, field.isel(lat=k))
        total = total + inner
    return c * 0.5, total


def mapped(program: Program) -> Program:
    return lambda init, xs: xgrad.vmap(program, "member")(init, xs)


def mapped_by_hand(program: Program) -> Program:
    def run(init: Any, xs: Any) -> Any:
        each = [program(init.isel(member=k), xs.isel(member=k)) for k in range(2)]
        last = xr.concat([one[0] for one in each], "member")
        rows = zip(*[one[1] for one in each], strict=True)
        return last, [xr.concat(row, "member") for row in rows]

    return run


def chosen(program: Program) -> Program:
    """The loop in one branch, another in the other."""
    return lambda init, xs: xgrad.cond(
        init.sum() > 0, program, lambda init, xs: program(2 * init, xs), abs(init), xs
    )


def chosen_by_hand(program: Program) -> Program:
    def run(init: Any, xs: Any) -> Any:
        return program(abs(init), xs) if POSITIVE else program(2 * abs(init), xs)

    return run


def state_of(sign: float) -> xr.DataArray:
    return sign * abs(array(site=2))


POSITIVE = False  # the branch that the init of "in a branch" takes

NOTHING_CARRIED = Shape("nothing carried", nothing_carried, lambda n: ((), series(n, site=2)))
TURNED = Shape("turned", turned, lambda n: (array(site=3, height=2), series(n, height=2)))
SEVERAL = Shape("several", several, lambda n: ({"a": array(), "b": array(site=2).sum()}, series(n)))
DATASET = Shape("dataset", of_dataset, lambda n: (dataset(None), dataset(n)))
MIXED = Shape("mixed", mixed, lambda n: (array(site=3), series(n, site=3)))
NESTED = Shape(
    "nested", nested, lambda n: (array(), series(n, lat=3, lon=2)), plain=nested_in_python
)
MAPPED = Shape(
    "in a vmap",
    recurrence,
    lambda n: (array(member=2, site=2), series(n, member=2)),
    around=mapped,
    by_hand=mapped_by_hand,
)
CHOSEN = Shape(
    "in a branch",
    recurrence,
    lambda n: (state_of(-1.0), series(n, site=2)),
    around=chosen,
    by_hand=chosen_by_hand,
)

# each of them without steps, with one, and with seven, in both directions
SHAPES = (NOTHING_CARRIED, TURNED, SEVERAL, DATASET, NESTED, MAPPED, CHOSEN)

OTHERS = (
    Shape("recurrence", recurrence, lambda n: (array(), series(n))),
    Shape("labels", with_labels, lambda n: (array(site=3), series(n, site=3))),
    MIXED,
    Shape("nothing stacked", nothing_stacked, lambda n: (array(site=2), series(n, site=2))),
)


def python_loop(step: Any, init: Any, xs: Any, length: int, reverse: bool) -> tuple[Any, list[Any]]:
    """The same in Python: the last carry, and the outputs in the order of the slices."""
    carry, ys = init, [None] * length
    for t in reversed(range(length)) if reverse else range(length):
        carry, ys[t] = step(carry, xs.isel(time=t))
    return carry, ys
