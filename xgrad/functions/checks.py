"""``xgrad.checks``: run-time checks of what is compiled, and what is said where one finds something.

The compiled program gives one small array more, the flags (``lower.checks``), which is looked at after each call.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from xgrad import errors
from xgrad.gradient.ops import JvpCall, VjpCall
from xgrad.graph import Graph, Node, Op, Place, Source
from xgrad.jax_backend.arrays import is_tracer, to_device
from xgrad.jax_backend.emit import lift
from xgrad.jax_backend.executable import CompileOptions, executable_for
from xgrad.lower.checks import with_flags
from xgrad.lower.findings import Finding, first_finding
from xgrad.names.base import op_name
from xgrad.options import options


class FactorError(errors.NotDefiniteError, np.linalg.LinAlgError):
    """A matrix that must be positive definite, as NumPy reports it."""


_ERRORS = {
    "OutOfRangeError": errors.OutOfRangeError,
    "LabelNotFoundError": errors.LabelNotFoundError,
    "NotDefiniteError": FactorError,
    "FitError": errors.FitError,
}


def checks(*kinds: str) -> options:
    """Turn run-time checks on, for good or inside a ``with`` block: ``with xgrad.checks(): ...``.

    Compiled functions, and the functions of ``xgrad.linalg`` and its like on data at hand, then look at what cannot be
    known while they are traced, and raise after the call:

    - "indices": traced positions outside their dim (OutOfRangeError, an IndexError, which names dim, value and size),
      and traced labels that an index does not have (LabelNotFoundError, a KeyError);
    - "finite": a NaN or infinity made of finite values that reaches a result or is skipped as missing (NonFiniteError,
      with the op, your line, the labels of the first place and the step of a loop), in derivatives too. Missing values
      of the data are fine, and so is what ``where`` does not choose;
    - "definite": matrices without a Cholesky factor (NotDefiniteError, a LinAlgError, with the labels of the batch);
    - "converged": solvers that stop before they converge (FitError, with the labels of a vmap).

    Without arguments all of them. ``xgrad.options(checks=())`` turns them off. A function is traced anew under other
    checks; without checks they cost nothing: a position out of range is then taken to be the nearest one in range, a
    label that is not there the next one. With them a call waits for its result, and a program is slower.
    Inside transformations of JAX itself, and in functions that ``xgrad.to_jax`` makes, nothing is checked.

    >>> import xarray as xr, xgrad as xg
    >>> x = xr.DataArray([2.0, 0.0], dims="city", coords={"city": ["Oslo", "Rome"]})
    >>> with xg.checks():
    ...     xg.jit(lambda x: 1 / x)(x)
    Traceback (most recent call last):
    xgrad.errors.NonFiniteError: ... divide made inf of finite values, at city='Rome'.
    ...
    """
    return options(checks=kinds or True)


class Labels:
    """The labels along dims that a traced function met, to name a place by; none where they are ambiguous."""

    def __init__(self, indexes: Iterable[xr.indexes.PandasIndex] = ()) -> None:
        self._known: dict[tuple[Any, int], pd.Index | None] = {}
        for index in indexes:
            place = (index.dim, len(index.index))
            known = self._known.setdefault(place, index.index)
            if known is not None and not known.equals(index.index):
                self._known[place] = None

    def at(self, dim: Any, size: int, position: int) -> str:
        """A position along a dim in words: ``city='Oslo'``, or ``position 3 along city``."""
        dim = getattr(dim, "dim", dim)  # that of a vmap
        labels = self._known.get((dim, size))
        if labels is None or not 0 <= position < size:
            return f"position {position} along {dim}"
        label = labels[position]
        return f"{dim}={label!r}" if isinstance(label, str) else f"{dim}={label}"


class _Flagged:
    """A program that gives flags after its outputs."""

    def __init__(
        self, graph: Graph, kinds: Sequence[str], places: bool, options: CompileOptions
    ) -> None:
        flagged, self._layout = with_flags(graph, kinds, places)
        lifted, constants = lift(flagged)
        self._executable = executable_for(lifted, options)
        self._constants = to_device(constants)

    def run(self, arrays: Sequence[Any]) -> tuple[Sequence[Any], Finding | None]:
        *outputs, flags = self._executable(*arrays, *self._constants)
        return outputs, first_finding(self._layout, np.asarray(flags))


class Checks:
    """The checks of a program: run with it, and what is said of what they find."""

    def __init__(
        self, graph: Graph, kinds: Sequence[str], labels: Labels, options: CompileOptions
    ) -> None:
        self._graph = graph
        self._kinds = ["marks", *kinds]
        self._options = options._replace(donate=())  # the arrays may be needed once more
        self._labels = labels

    def run(self, arrays: Sequence[Any]) -> Sequence[Any] | None:
        """The outputs for some arrays; None inside a trace of JAX. Raises what was found."""
        if any(is_tracer(x) for x in arrays):
            return None
        outputs, finding = self._flagged.run(arrays)
        if finding is not None:
            _, placed = self._placed.run(arrays)
            raise self._error(placed or finding)
        return outputs

    @cached_property
    def _flagged(self) -> "_Flagged":
        """The program of every call: whether something is wrong."""
        return _Flagged(self._graph, self._kinds, False, self._options)

    @cached_property
    def _placed(self) -> "_Flagged":
        """The program of calls where something is: what, and where."""
        return _Flagged(self._graph, self._kinds, True, self._options)

    def _error(self, finding: Finding) -> Exception:
        line = _line(finding.node.source)
        where = self._place(finding)
        if finding.violation is not None:
            cls = _ERRORS[finding.violation.error]
            text = finding.violation.text.replace("{value}", f"{finding.value:.15g}")
            return cls(f"{line}{text}{where}.\n{finding.violation.advice}")
        made = str(finding.value) if finding.value else "a value that is not finite"
        return errors.NonFiniteError(
            f"{line}{_doing(finding.node.op)} made {made} of finite values{where}.\n{_KEEP_OUT}"
        )

    def _place(self, finding: Finding) -> str:
        """Where in the array, and in which steps of loops, in words."""
        whole = finding.violation.whole if finding.violation else ()
        parts = [part for part in _positions(finding) if part[0] not in whole]
        words = [self._labels.at(*part) for part in parts]
        steps = [self._step(*loop) for loop in finding.loops]
        return "".join([f", at {', '.join(words)}" if words else "", *steps])

    def _step(self, loop: Node, step: int) -> str:
        place = loop.source
        line = f" of the loop at {place}" if place else ""
        if isinstance(place, Place) and len(place.dims) == 1 and step < place.shape[0]:
            return f", in the step {self._labels.at(place.dims[0], place.shape[0], step)}{line}"
        return f", in step {step}{line}"


_KEEP_OUT = (
    "Keep such entries out before, as in xr.where(x > 0, x, 1), and choose after; where the place is a derivative,"
    " the line is that of the value it belongs to."
)


def _doing(op: Op) -> str:
    return "a derivative taken by JAX" if isinstance(op, VjpCall | JvpCall) else op_name(op)


def _line(source: Source | None) -> str:
    return f"{source}: " if source else ""


def _positions(finding: Finding) -> list[tuple[Any, int, int]]:
    """The dims of the array, with sizes, and the position along each."""
    shape = finding.shape
    position = [int(i) for i in np.unravel_index(finding.position, shape)]
    place = finding.node.source
    dims = place.dims if isinstance(place, Place) and place.shape == shape else None
    names = dims if dims is not None else [f"axis {k}" for k in range(len(shape))]
    return list(zip(names, shape, position, strict=True))
