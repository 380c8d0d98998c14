"""Compiled functions on several devices: dims divided over the axes of a mesh, by name.

The programs run in another process, which JAX gives eight devices on this machine's CPU.
"""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import xgrad as xg
from xgrad.errors import ArgumentError, SizeMismatchError

HERE = Path(__file__)
ROOT = HERE.parents[2]


@pytest.mark.slow
def test_on_eight_devices():
    """All of what ``main`` asserts, in one process, since starting one is what takes time."""
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
    }
    run = subprocess.run(
        [sys.executable, "-W", "error", str(HERE)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]


def main():
    """What holds on eight devices: four along the members, two along the latitudes."""
    import numpy as np  # noqa: PLC0415
    import xarray as xr  # noqa: PLC0415
    from jax.sharding import PartitionSpec as P  # noqa: PLC0415

    mesh = jax.make_mesh((4, 2), ("data", "model"))
    divided = xg.jit(mesh=mesh, shard={"member": "data", "lat": "model", "unused": "data"})
    rng = np.random.default_rng(0)
    coords = {"member": list("abcdefgh"), "lat": np.arange(6.0), "time": np.arange(5)}
    state = xr.DataArray(rng.normal(size=(8, 6, 5)), coords, name="state")
    weight = xr.DataArray(rng.normal(size=6), {"lat": coords["lat"]})

    def model(state, weight, k):
        smooth = (state * weight).rolling(time=2).mean()
        ranked = state.sortby("lat", ascending=False).cumsum("time")
        return xr.Dataset({"mean": (smooth**2).mean("member") * k, "ranked": ranked})

    def cost(state, weight):
        def step(c, x):
            return c * 0.5 + x * weight, None

        return (xg.scan(step, state.isel(time=0, drop=True), state, dim="time")[0] ** 2).sum()

    # NumPy in, NumPy out
    result = divided(model)(state, weight, 2.0)
    xr.testing.assert_allclose(result, model(state, weight, 2.0), rtol=1e-12)
    assert isinstance(result["mean"].data, np.ndarray)

    # JAX in, JAX out: results are divided as arguments are, wherever these were
    with jax.enable_x64(True):
        held = [state.copy(data=jax.device_put(state.values, jax.devices()[3])), weight]
    result = divided(model)(*held, 2.0)
    assert result["ranked"].data.sharding.spec == P("data", "model", None)
    assert result["mean"].data.sharding.spec == P("model", None)
    assert len(result["ranked"].data.sharding.device_set) == 8
    assert result["ranked"].data.addressable_shards[0].data.shape == (2, 3, 5)
    again = divided(lambda d: d["ranked"] - d["ranked"].mean())(result)
    np.testing.assert_allclose(again.values.sum(), 0.0, atol=1e-10)
    assert divided(lambda x: x.sum())(result["ranked"]).data.sharding.is_fully_replicated

    # the work is divided: the reduction over members needs the other devices
    assert "all-reduce" in divided(model).stages(state, weight, 2.0).hlo
    # a dim that a result has in another size is whole on every device
    odd = divided(lambda x: x.isel(lat=slice(3)))(held[0])
    assert odd.data.sharding.spec == P("data", None, None)

    # derivatives are those of one device, and divided like what they are of
    for ad in ("symbolic", "jax"):
        slopes = xg.grad(divided(cost), (0, 1), ad=ad)
        alone = xg.grad(cost, (0, 1), ad=ad)(state, weight)
        for one, many in zip(alone, slopes(state, weight), strict=True):
            xr.testing.assert_allclose(one, many, rtol=1e-12)
        assert slopes(*held)[0].data.sharding.spec == P("data", "model", None)
    along = xg.pushforward(divided(cost), (state, weight), (state, weight))
    slope = float((alone[0] * state).sum() + (alone[1] * weight).sum())
    np.testing.assert_allclose(float(along[1]), slope, rtol=1e-12)
    product = xg.hessian_vector_product(divided(cost))(state, weight, state)
    xr.testing.assert_allclose(product, slopes(state, weight)[0], rtol=1e-12)
    mapped = xg.vmap(divided(lambda x: (x**2).sum()), "lat")(state)
    xr.testing.assert_allclose(mapped, (state**2).sum(["member", "time"]), rtol=1e-12)

    # one axis for two dims, two axes for one, two such dims in one array, sizes that do not divide
    both = xg.jit(lambda x: x * 2, mesh=mesh, shard={"member": ("data", "model")})
    assert both(held[0]).data.addressable_shards[0].data.shape == (1, 6, 5)
    with pytest.raises(ArgumentError) as error:
        xg.jit(cost, mesh=mesh, shard={"member": "data", "lat": "data"})(
            state.isel(lat=slice(4)), weight.isel(lat=slice(4))
        )
    assert str(error.value) == (
        "`state` has the dims 'member' and 'lat', which are both divided over mesh axis 'data'; leave one of them out"
        " of shard=, or use another axis."
    )
    with pytest.raises(SizeMismatchError) as error:
        divided(cost)(state.isel(member=slice(3)), weight)
    assert str(error.value) == (
        "dim 'member' has size 3 in `state`, which the 4 devices along mesh axis 'data' cannot share equally.\n"
        "Pad the dim, use fewer devices, or leave it out of shard=."
    )

    # checks, and one device among many
    with (
        xg.checks(),
        pytest.raises(xg.errors.NonFiniteError, match=r"member='a', lat=0\.0, time=0"),
    ):
        divided(lambda x: 1 / (x - x))(state)
    on_one = xg.jit(lambda x: x + 1, device="cpu:5")(held[0])
    assert on_one.data.device == jax.devices()[5]


# ---- what is no mesh, on one device --------------------------------------------------------------------------------
MESH = "jax.make_mesh((1,), ('data',))"
REFUSED = {
    "no mesh": (
        {"shard": {"city": "data"}},
        "mesh= and shard= go together: jit(mesh=jax.make_mesh((4,), ('data',)), shard={'member': 'data'}).",
    ),
    "another object": (
        {"mesh": 4, "shard": {"city": "data"}},
        "mesh must be a jax.sharding.Mesh, such as jax.make_mesh((4,), ('data',)), not 4.",
    ),
    "no mapping": (
        {"mesh": MESH, "shard": "city"},
        "shard must say which dim goes to which axis of the mesh, as in {'member': 'data'}, not 'city'.",
    ),
    "no such axis": (
        {"mesh": MESH, "shard": {"city": "model"}},
        "shard={'city': 'model'}: the mesh has no axis 'model'; it has: 'data'.",
    ),
    "a device too": (
        {"mesh": MESH, "shard": {"city": "data"}, "device": "cpu"},
        "device= is one device and mesh= several; give one of them.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_do_not_fit(name):
    options, expected = REFUSED[name]
    if options.get("mesh") == MESH:
        options = {**options, "mesh": jax.make_mesh((1,), ("data",))}
    with pytest.raises(ArgumentError) as error:
        xg.jit(lambda x: x, **options)
    assert str(error.value) == expected


def test_dims_that_no_argument_has():
    mesh = jax.make_mesh((1,), ("data",))
    with pytest.raises(ArgumentError) as error:
        xg.jit(lambda x: x, mesh=mesh, shard={"citty": "data"})(xg.DataArray([1.0], dims="city"))
    assert str(error.value) == (
        "shard= names 'citty', of which no argument has any; the arguments have 'city'; did you mean 'city'?"
    )


if __name__ == "__main__":
    main()
