"""Labeled arrays that the tests of this folder share."""

import numpy as np
import xarray as xr


def rain() -> xr.DataArray:
    """Dims, two indexes, a coord of floats along a dim, a 0-d coord, a name and attrs; made afresh at each call."""
    return xr.DataArray(
        np.arange(12.0).reshape(3, 4),
        dims=("time", "city"),
        coords={
            "time": np.array(["2001-01-01", "2001-01-02", "2001-01-03"], "datetime64[ns]"),
            "city": ("city", ["a", "b", "c", "d"], {"long_name": "town"}),
            "height": ("city", [1.0, np.nan, 3.0, 4.0], {"units": "m"}),
            "run": 5,
        },
        name="rain",
        attrs={"units": "mm", "levels": [1, 2]},
    )


def same(result, expected) -> None:
    """Assert equal labels, names, attrs and dtypes, and values equal but for rounding."""
    xr.testing.assert_allclose(result, expected, rtol=1e-12)
    assert result.dtype == expected.dtype
    xr.testing.assert_identical(result.copy(data=expected.data), expected)


def weather() -> xr.Dataset:
    """A Dataset of variables with different dims."""
    r = rain()
    return xr.Dataset(
        {"rain": r, "wind": r.mean("time") + 1, "bias": 0.5}, attrs={"source": "made up"}
    )
