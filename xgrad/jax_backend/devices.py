"""Naming a device: by JAX's own object, or by a platform such as ``"cpu"`` or ``"gpu:1"``."""

from typing import Any

import jax

from xgrad.errors import ArgumentError


def placement(device: Any) -> Any:
    """The sharding that puts a whole array on ``device``; None for no device, which leaves arrays where they are."""
    if device is None:
        return None
    found = _named(device) if isinstance(device, str) else device
    return jax.sharding.SingleDeviceSharding(found)


def _named(name: str) -> Any:
    platform, _, number = name.partition(":")
    try:
        return jax.devices(platform)[int(number or 0)]
    except (RuntimeError, IndexError, ValueError):
        known = ", ".join(str(d) for d in jax.devices())
        raise ArgumentError(f"there is no device {name!r}; JAX has: {known}.") from None
