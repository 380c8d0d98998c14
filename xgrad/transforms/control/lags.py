"""Loops whose steps see several previous values: each carry is a window of them, along the dim "lag".

[y(t-1), y(t-2), …, y(t-k)] -> [y(t), y(t-1), …, y(t-k+1)]
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import DimensionError, SizeMismatchError, UnsupportedTypeError
from xgrad.graph import Var, current_source, located
from xgrad.labels import wrap
from xgrad.names import Dim, build
from xgrad.transforms.control.carry import Carry, Words, here, leaves_like, pair, parts, symbolic
from xgrad.transforms.control.sequences import Sequences
from xgrad.transforms.parts import with_parts
from xgrad.transforms.tree import flatten, leaf_paths, unflatten

LAG = "lag"


class Past:
    """The values before the first step, as windows: ``start`` is what such a loop begins with."""

    def __init__(
        self, init: Any, lags: int, sequences: Sequences, reverse: bool, words: Words
    ) -> None:
        leaves, self._structure = flatten(init)
        self._paths = leaf_paths(self._structure, "init")
        self._dim, self._lags, self._reverse = sequences.dim, lags, reverse
        self._words = words
        leaves = [symbolic(leaf, path) for leaf, path in zip(leaves, self._paths, strict=True)]
        for leaf, path in zip(leaves, self._paths, strict=True):
            self._check(leaf, path)
        self._labels = [_last_labels(leaf, sequences, lags, reverse) for leaf in leaves]
        self.start = unflatten(self._structure, [self._window(leaf) for leaf in leaves])

    def stepping(self, step: Callable[..., Any]) -> Callable[[Any, Any], tuple[Any, Any]]:
        """A step on windows, of one that makes a new value of a window."""
        line = current_source()

        def lagged(windows: Any, x: Any) -> tuple[Any, Any]:
            new, y = pair(step(windows, x), self._words)
            with located(line):
                values = leaves_like(new, self._structure, self._words)
                triples = zip(flatten(windows)[0], values, self._paths, strict=True)
                moved = [self._moved(*triple) for triple in triples]
            return unflatten(self._structure, moved), y

        return lagged

    def end(self, windows: Any) -> Any:
        """The windows as the user gave them: along the dim of the loop, with its labels."""
        pairs = zip(flatten(windows)[0], self._labels, strict=True)
        return unflatten(self._structure, [self._unrolled(*pair) for pair in pairs])

    def _check(self, leaf: Any, path: str) -> None:
        if not isinstance(leaf, xr.DataArray | xr.Dataset):
            raise UnsupportedTypeError(
                f"xgrad.scan: with lags={self._lags}, `{path}` holds the values before the first step along"
                f" {self._dim!r}; it has no dims{here()}.\nMake it a DataArray that has the dim."
            )
        for part in parts(leaf, path):
            sizes = part.var.type.sizes
            shown = ", ".join([f"{d}: {n}" for d, n in sizes.items()])
            if sizes.get(self._dim) != self._lags:
                error = SizeMismatchError if self._dim in sizes else DimensionError
                raise error(
                    f"xgrad.scan: with lags={self._lags}, `{part.path}` holds the {self._lags} values before the first"
                    f" step along {self._dim!r}; it is ({shown}){here()}.\n"
                    "Give as many values as there are lags, the latest last (where reverse=True, first)."
                )
            if LAG in sizes:
                raise DimensionError(
                    f"xgrad.scan: with lags={self._lags}, `{part.path}` has a dim {LAG!r} of its own{here()}.\n"
                    "Give it another name, with .rename."
                )

    def _window(self, leaf: Any) -> Any:
        """[dim, …] -> [lag, …], the latest value first."""
        bare = leaf.drop_vars([name for name, c in leaf.coords.items() if self._dim in c.dims])
        window = _turned(bare, self._dim, self._reverse).rename({self._dim: LAG})
        return window.transpose(LAG, ...).assign_coords({LAG: np.arange(1, self._lags + 1)})

    def _unrolled(self, window: Any, labels: Any) -> Any:
        leaf = _turned(window.drop_vars(LAG), LAG, self._reverse).rename({LAG: self._dim})
        return leaf if labels is None else leaf.assign_coords({self._dim: labels})

    def _moved(self, window: Any, value: Any, path: str) -> Any:
        """The window after a step: the new value before those that were there, less the oldest."""
        form = Carry.of(window.isel({LAG: 0}, drop=True), path)
        new = form.follow(value, self._words)
        old = [part.var for part in parts(window, path)]
        moved = with_parts(window, [wrap(_pushed(v, w)) for v, w in zip(new, old, strict=True)])
        named = isinstance(window, xr.DataArray) and isinstance(value, xr.DataArray)
        return moved.rename(value.name) if named else moved


def _turned(leaf: Any, dim: Dim, reverse: bool) -> Any:
    """In the order of the lags: a loop from the end has its latest value first already."""
    return leaf if reverse else leaf.isel({dim: slice(None, None, -1)})


def _pushed(new: Var, window: Var) -> Var:
    t = new.type
    first = build.broadcast(new, (LAG, *t.dims), (1, *t.shape))
    rest = build.index(window, {LAG: slice(0, window.type.sizes[LAG] - 1)})
    return build.concat([first, rest], LAG)


def _last_labels(leaf: Any, sequences: Sequences, lags: int, reverse: bool) -> Any:
    """The labels of the last values along the dim: those of ``leaf``, then those of the sequences; None if unknown."""
    dim, labels = sequences.dim, sequences.labels
    before = leaf.indexes[dim] if dim in leaf.indexes else None
    steps = labels.to_dataset().indexes[dim] if labels is not None and dim in labels else None
    if steps is None and sequences.length:
        return None
    if steps is None or before is None:
        return before if steps is None else _latest(steps, lags, reverse)
    both = steps.append(before) if reverse else before.append(steps)
    return _latest(both, lags, reverse)


def _latest(index: Any, lags: int, reverse: bool) -> Any:
    if len(index) < lags:
        return None
    return index[:lags] if reverse else index[len(index) - lags :]
