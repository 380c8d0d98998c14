"""The density of a model as samplers and optimisers see it: a function of a flat dict of unbounded arrays."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, SizeMismatchError
from xgrad.jax_backend.arrays import has_64_bits, is_jax_array
from xgrad.jax_backend.own_gradient import Form, Part
from xgrad.model.density import Density, Values, like
from xgrad.model.sites import free_sites, known_values, unbounded_name
from xgrad.transforms.calls.jit import Compiled
from xgrad.transforms.calls.program import Program
from xgrad.transforms.calls.to_jax import to_jax
from xgrad.transforms.derivatives.grad import value_and_grad

Arrays = dict[str, Any]


class UnboundedDensity:
    """The log-density of a model as a pure JAX function of a dict of arrays without bounds, for any JAX library.

    The keys are those of the free variables with the name of their bijection: ``tau__log``. Log-Jacobians are included.
    ``start`` holds zeros; ``constrain`` maps such a dict to the variables, ``unconstrain`` is its inverse. Call it in
    ``jax.jit``, ``jax.vmap`` and ``jax.grad`` with 64-bit types on. Raises ArgumentError where they are off or a key is
    missing, SizeMismatchError for an array of another shape.

    >>> import jax
    >>> from xgrad.model import HalfNormal, Model
    >>> with Model() as m:
    ...     tau = HalfNormal("tau")
    >>> density = m.logp_fn
    >>> list(density.start)
    ['tau__log']
    >>> with jax.enable_x64(True):
    ...     float(jax.grad(density)({"tau__log": 0.0})["tau__log"])
    0.0
    """

    def __init__(self, density: Density) -> None:
        self._density = density
        self.free = free_sites(density.sites)
        self._data = known_values(density.sites)
        self._names = {name: unbounded_name(site) for name, site in self.free.items()}
        examples = (self.labeled(self.start), self._data)
        total = Compiled(density.traced_unbounded).program(*examples)
        both = value_and_grad(density.traced_unbounded).program(*examples)
        values = to_jax(lambda u, data: density.traced_values(u, data)[0], *examples)
        arrays = {name: array.values for name, array in self._data.items()}
        data = list(arrays.values())
        self.form = Form(tuple(self._names.values()), _part(total), _part(both))
        self.others = ([*data, *total.constants], [*data, *both.constants])
        self._call = self.form.bound(self.others)
        self._values = lambda u: values(u, arrays)

    def __call__(self, flat: Mapping[str, Any]) -> Any:
        """The log-density, log-Jacobians included."""
        self._check(flat)
        _check_64_bits()
        return self._call({key: flat[key] for key in self.form.keys})

    def constrain(self, flat: Mapping[str, Any]) -> Arrays:
        """The free variables by name, as arrays."""
        self._check(flat)
        return self._values(self._by_variable(flat))

    def unconstrain(self, values: Mapping[str, Any]) -> Arrays:
        """The unbounded arrays of which the free variables in ``values``, arrays by name, are the images.

        Values outside their support have none: NaN or an infinity.
        """
        _check_keys("values", values, self.free)
        u = self._inverse(
            {k: _array(s.symbol, values[k], k) for k, s in self.free.items()},
            {name: array.values for name, array in self._data.items()},
        )
        return {self._names[name]: array for name, array in u.items()}

    @cached_property
    def _inverse(self) -> Any:
        def unbounded(values: Values, data: Values) -> Values:
            found = self._density.traced_inverse(values, data)
            return {name: u.transpose(*self.sizes(name)) for name, u in found.items()}

        shapes = {k: s.symbol.sizes for k, s in self.free.items()}
        examples = {
            k: xr.DataArray(np.ones(tuple(n.values())), dims=tuple(n)) for k, n in shapes.items()
        }
        return to_jax(unbounded, examples, self._data)

    def _check(self, flat: Mapping[str, Any]) -> None:
        _check_keys("the dict", flat, self.form.keys)
        for key, name in zip(self.form.keys, self._names, strict=True):
            sizes = self.sizes(name)
            if np.shape(flat[key]) != tuple(sizes.values()):
                raise SizeMismatchError(
                    f"{key!r} has the shape {np.shape(flat[key])}; its dims are {sizes}. For many points at once use"
                    " jax.vmap."
                )

    @property
    def start(self) -> Arrays:
        """Zeros of the shapes and dtypes that the function takes."""
        return {
            self._names[name]: np.zeros(tuple(self.sizes(name).values())) for name in self._names
        }

    def sizes(self, name: str) -> dict[Any, int]:
        """The dims and sizes of the unbounded form of a free variable."""
        site = self.free[name]
        return site.bijection.free_sizes(dict(site.symbol.sizes))

    def labeled(self, flat: Mapping[str, Any], *leading: str) -> Values:
        """Unbounded values by the names of the variables, with their dims after the ``leading`` ones."""
        arrays = self._by_variable(flat)
        return {k: xr.DataArray(a, dims=(*leading, *self.sizes(k))) for k, a in arrays.items()}

    def _by_variable(self, flat: Mapping[str, Any]) -> Arrays:
        return {name: flat[key] for name, key in self._names.items()}


def _check_keys(what: str, given: Mapping[str, Any], wanted: Iterable[str]) -> None:
    for key in wanted:
        if key not in given:
            raise ArgumentError(
                f"{what} lacks {key!r}; it needs {', '.join(wanted)}, and has {', '.join(given) or 'nothing'}."
            )


def _check_64_bits() -> None:
    if not has_64_bits():
        raise ArgumentError(
            "the density of a model has 64 bits, and those types of JAX are off; call it in"
            " `with jax.enable_x64(True):`, or set jax.config.update('jax_enable_x64', True) first."
        )


def _array(symbol: xr.DataArray, value: Any, name: str) -> Any:
    """The array of a value, which in transformations of JAX has no labels and no numbers."""
    return value if is_jax_array(value) else like(symbol, value, name).data


def _part(program: Program) -> Part:
    """A program without the arrays that it holds."""
    outputs = len(program.executable.graph.outputs)
    return Part(
        program.executable, repr(program.result.plain(range(outputs))), program.result.plain
    )
