"""Where programs run: one device by JAX's own object or by name, or several that share the work along some axes."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from xgrad.errors import ArgumentError, SizeMismatchError, nearest

Dims = tuple[Hashable, ...]


class Layout(NamedTuple):
    """The shardings of a program's inputs and outputs, those first; ``rest`` is that of all others."""

    rest: Any
    inputs: tuple[Any, ...] = ()
    outputs: tuple[Any, ...] = ()

    def of_inputs(self, count: int) -> tuple[Any, ...]:
        """For ``count`` inputs, the constants at their end among them."""
        return (*self.inputs, *(self.rest,) * (count - len(self.inputs)))

    def of_outputs(self, count: int) -> tuple[Any, ...]:
        """For ``count`` outputs, those that checks add among them."""
        return (*self.outputs, *(self.rest,) * (count - len(self.outputs)))


def on_device(device: Any) -> Layout:
    """Everything on one device."""
    return Layout(SingleDeviceSharding(_named(device) if isinstance(device, str) else device))


def _named(name: str) -> Any:
    platform, _, number = name.partition(":")
    try:
        return jax.devices(platform)[int(number or 0)]
    except (RuntimeError, IndexError, ValueError):
        known = ", ".join(str(d) for d in jax.devices())
        raise ArgumentError(f"there is no device {name!r}; JAX has: {known}.") from None


class Division:
    """Which dims are divided over which axes of a mesh of devices.

    Raises ArgumentError for what is no mesh, and for axes that it does not have.
    """

    def __init__(self, mesh: Any, shard: Mapping[Hashable, Any]) -> None:
        if not isinstance(mesh, Mesh):
            raise ArgumentError(
                f"mesh must be a jax.sharding.Mesh, such as jax.make_mesh((4,), ('data',)), not {mesh!r}."
            )
        # XLA divides the work by itself: programs say nothing of shardings, as explicit axes ask
        kinds = (AxisType.Auto,) * len(mesh.axis_names)
        self._mesh = Mesh(mesh.devices, mesh.axis_names, axis_types=kinds)
        self._axes = {dim: _axes(dim, axes, mesh) for dim, axes in shard.items()}

    @property
    def rest(self) -> NamedSharding:
        """The whole of an array on every device."""
        return NamedSharding(self._mesh, PartitionSpec())

    def of_argument(self, name: str, dims: Dims, shape: Sequence[int]) -> NamedSharding:
        """The sharding of an argument. Raises SizeMismatchError for a size that does not divide."""
        for dim, size in zip(dims, shape, strict=True):
            count = self._count(dim)
            if size % count:
                axes = " and ".join(map(repr, self._axes[dim]))
                raise SizeMismatchError(
                    f"dim {dim!r} has size {size} in `{name}`, which the {count} devices along mesh axis {axes} cannot"
                    " share equally.\nPad the dim, use fewer devices, or leave it out of shard=."
                )
        return self._sharding(name, dims)

    def of_result(self, dims: Dims, shape: Sequence[int]) -> NamedSharding:
        """The sharding of a result: what does not divide is whole on every device."""
        divided = [d if not n % self._count(d) else None for d, n in zip(dims, shape, strict=True)]
        return self._sharding("a result", tuple(divided))

    def check_used(self, dims: set[Hashable]) -> None:
        """Raise ArgumentError where no argument has any of the dims."""
        if self._axes and not dims & self._axes.keys():
            known = sorted(map(str, dims))
            missing = next(iter(self._axes))
            raise ArgumentError(
                f"shard= names {', '.join(map(repr, self._axes))}, of which no argument has any; the arguments have"
                f" {', '.join(map(repr, known)) or 'no dims'}{nearest(str(missing), known) or '.'}"
            )

    def _count(self, dim: Hashable) -> int:
        """How many parts a dim is divided into."""
        count = 1
        for axis in self._axes.get(dim, ()):
            count *= self._mesh.shape[axis]
        return count

    def _sharding(self, name: str, dims: Dims) -> NamedSharding:
        parts = [self._axes.get(dim) for dim in dims]
        used = [axis for part in parts if part for axis in part]
        for axis in used:
            if used.count(axis) > 1:
                both = [dim for dim in dims if axis in self._axes.get(dim, ())]
                raise ArgumentError(
                    f"`{name}` has the dims {' and '.join(map(repr, both))}, which are both divided over mesh axis"
                    f" {axis!r}; leave one of them out of shard=, or use another axis."
                )
        return NamedSharding(self._mesh, PartitionSpec(*parts))


def _axes(dim: Hashable, axes: Any, mesh: Mesh) -> tuple[str, ...]:
    """The axes that a dim is divided over, which must be there."""
    found = (axes,) if isinstance(axes, str) else tuple(axes)
    for axis in found:
        if axis not in mesh.axis_names:
            known = ", ".join(map(repr, mesh.axis_names))
            raise ArgumentError(
                f"shard={{{dim!r}: {axes!r}}}: the mesh has no axis {axis!r}; it has: {known}."
            )
    return found
