"""Compiled calls as files: the same results in another process, and files that are not what they should be."""

import datetime
import subprocess
import sys
import zipfile
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import xgrad as xg
from tests.house.modules import ROOT
from tests.transforms.samples import rain, weather
from xgrad.errors import ArgumentError, ExportError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "call.xgrad"


class Pair(NamedTuple):
    x: Any
    y: Any


def anomaly(x, scale=1.0):
    return {"anomaly": (x - x.mean("time")) / scale, "largest": x.max()}


def test_results_have_values_and_labels(path):
    compiled = xg.jit(anomaly)
    compiled.export(rain(), 2.0, path=path)
    loaded = xg.load_exported(path)
    other = rain().copy(data=np.random.default_rng(0).normal(size=rain().shape))
    found, expected = loaded(other, 3.0), compiled(other, 3.0)
    assert list(found) == list(expected)
    for name in expected:
        xr.testing.assert_identical(found[name], expected[name])
    assert repr(loaded) == "<xgrad: anomaly(x, scale), exported>"


def test_datasets_keywords_and_gradients(path):
    ds = weather().map(lambda v: v.astype(float) if v.dtype.kind in "fi" else v)
    numeric = ds[[k for k, v in ds.data_vars.items() if v.dtype.kind == "f"]]
    slope = xg.jit(xg.grad(lambda ds, power: sum((v**power).sum() for v in ds.values())))
    slope.export(numeric, power=2.0, path=path)
    xr.testing.assert_identical(
        xg.load_exported(path)(numeric, power=3.0), slope(numeric, power=3.0)
    )


def test_containers_and_labels_of_several_levels(path):
    stacked = rain().stack(cell=("time", "city"))
    high = xg.jit(lambda pair, how: {how: Pair(pair.x.max(), pair.y - pair.x)})
    high.export(Pair(stacked, stacked + 1), "diff", path=path)
    found = xg.load_exported(path)(Pair(stacked, stacked**2), "diff")
    expected = high(Pair(stacked, stacked**2), "diff")
    assert found.keys() == expected.keys() and type(found["diff"]) is Pair
    for one, other in zip(found["diff"], expected["diff"], strict=True):
        xr.testing.assert_identical(one, other)


def test_months_of_a_calendar_of_climate_models(path):
    pytest.importorskip("cftime")
    days = xr.date_range("2001-01-16", periods=24, freq="MS", calendar="noleap", use_cftime=True)
    values = np.random.default_rng(0).normal(size=(24, 2))
    site = pd.CategoricalIndex(["north", "south"])
    tas = xr.DataArray(values, {"time": days, "site": site}, ("time", "site"))
    compiled = xg.jit(lambda x: (x.groupby("time.season").mean(), x.resample(time="YS").max()))
    compiled.export(tas, path=path)
    for found, expected in zip(xg.load_exported(path)(2 * tas), compiled(2 * tas), strict=True):
        xr.testing.assert_identical(found, expected)


def test_arrays_in_jax_stay_there(path):
    double = xg.jit(lambda x, key: (2 * x, key))
    arguments = (rain().copy(data=jnp.asarray(rain().values)), jax.random.key(0))
    double.export(*arguments, path=path)
    loaded = xg.load_exported(path)
    found, _ = loaded(*arguments)
    assert isinstance(found.data, jax.Array)
    xr.testing.assert_identical(found.copy(data=found.values), 2 * rain())
    with pytest.raises(ArgumentError, match="that holds the data is 'numpy', was 'jax'"):
        loaded(rain(), arguments[1])


def test_files_are_small(path):
    long = xr.DataArray(np.zeros(10**6), dims="x")
    xg.jit(lambda x: x + 1).export(long, path=path)
    assert path.stat().st_size < 5000


def test_what_needs_pickle(path):
    dated = rain().assign_attrs(made=datetime.date(2001, 1, 1))
    compiled = xg.jit(anomaly)
    with pytest.raises(ExportError) as error:
        compiled.export(dated, path=path)
    assert str(error.value) == (
        "`anomaly` cannot be exported: `x.attrs['made']` holds a datetime.date, which a file holds only by pickle.\n"
        "Leave it out, make it numbers or strings, or pass allow_pickle=True, here and to load_exported."
    )
    compiled.export(dated, path=path, allow_pickle=True)
    with pytest.raises(ExportError, match="cannot be loaded: it holds pickled objects"):
        xg.load_exported(path)
    loaded = xg.load_exported(path, allow_pickle=True)
    xr.testing.assert_identical(loaded(dated)["largest"], compiled(dated)["largest"])


def test_another_process_needs_no_source(path):
    decomposed = xg.jit(lambda x: xg.linalg.svd(anomaly(x)["anomaly"], dims=("time", "city")))
    decomposed.export(rain(), path=path)
    code = (
        "import sys, xgrad; from tests.transforms.samples import rain;"
        "print(float(xgrad.load_exported(sys.argv[1])(rain()).S.max()))"
    )
    command = [sys.executable, "-c", code, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert float(run.stdout) == float(decomposed(rain()).S.max())


def test_other_arguments_are_refused(path):
    xg.jit(anomaly).export(rain(), path=path)
    loaded = xg.load_exported(path)
    with pytest.raises(ArgumentError) as error:
        loaded(rain().astype("float32"))
    assert str(error.value) == (
        "`anomaly` was exported for other arguments:\n  `x`: dtype is float32, was float64"
    )
    with pytest.raises(ArgumentError, match="the number of positional arguments is 2, was 1"):
        loaded(rain(), 2.0)


@pytest.mark.parametrize("keep", [0, 10, 0.5, -1])
def test_truncated_files(path, keep):
    xg.jit(anomaly).export(rain(), path=path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(ExportError, match=r"is damaged, or not a file that f\.export"):
        xg.load_exported(path)


def test_foreign_and_changed_files(path):
    path.write_text("some text")
    with pytest.raises(ExportError, match="is damaged, or not a file"):
        xg.load_exported(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("about.json", '{"format": "another"}')
        file.writestr("program", b"")
        file.writestr("labels", b"")
    with pytest.raises(ExportError, match="has the format 'another'; this version reads"):
        xg.load_exported(path)
    xg.jit(anomaly).export(rain(), path=path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data + b"x" if name == "labels" else data)
    with pytest.raises(ExportError, match="is damaged: its labels was changed"):
        xg.load_exported(path)
    with pytest.raises(OSError, match="nowhere"):
        xg.load_exported(path.parent / "nowhere")


def test_what_cannot_be_exported(path):
    host = xg.jit(lambda x: xg.apply_host(np.sin, x))
    with pytest.raises(
        ExportError, match="cannot be exported: a file cannot hold functions that run"
    ):
        host.export(rain(), path=path)
    labels = xg.jit(lambda x: x.assign_coords(total=("time", (2 * x).sum("city").data)))
    with pytest.raises(ExportError, match="labels that are computed"):
        labels.export(rain(), path=path)
    assert not path.exists()
