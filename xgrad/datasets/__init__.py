"""Small data sets that come with the package, as labeled arrays with their units and their source.

Each is one CSV file in this folder. Its header states title, units, source and licence, and becomes the attributes of
the array, so what is known of a file is written once, beside its numbers; ``SOURCES.md`` tells where they come from.
This module knows files and xarray, and nothing of tracing or gradients.
"""

from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from xgrad.errors import LabelNotFoundError, nearest

__all__ = ["available", "load", "load_co2", "load_sst"]

_FOLDER = Path(__file__).parent


def load_co2() -> xr.DataArray:
    """Load the weekly CO₂ record of Mauna Loa, in ppm: dims ``time``, March 1958 to December 2001, gaps as NaN.

    >>> co2 = load_co2()
    >>> dict(co2.sizes), int(co2.isnull().sum()), co2.units
    ({'time': 2284}, 59, 'ppm')
    """
    table, attrs = _read("co2.csv")
    time = pd.to_datetime(table["time"]).to_numpy("datetime64[ns]")
    return xr.DataArray(
        table["co2"].to_numpy("float64"), coords={"time": time}, name="co2", attrs=attrs
    )


def load_sst() -> xr.DataArray:
    """Load monthly sea surface temperatures of the eastern Pacific, in °C: dims ``year`` (1950 to 2010), ``month``.

    The region is Niño 1+2: 0-10° S, 90-80° W. Months have the labels Jan to Dec.

    >>> load_sst().sel(month="Jan").mean("year").round(1).item()
    24.4
    """
    table, attrs = _read("sst.csv")
    months = table.drop(columns="year")
    coords = {"year": table["year"].to_numpy("int64"), "month": np.array(months.columns, dtype=str)}
    return xr.DataArray(months.to_numpy("float64"), coords=coords, name="sst", attrs=attrs)


_LOADERS: dict[str, Callable[[], xr.DataArray]] = {"co2": load_co2, "sst": load_sst}


def available() -> tuple[str, ...]:
    """List the names that ``load`` knows.

    >>> available()
    ('co2', 'sst')
    """
    return tuple(_LOADERS)


def load(name: str) -> xr.DataArray:
    """Load a data set by its name; a name that does not exist raises ``LabelNotFoundError``.

    >>> load("co2").identical(load_co2())
    True
    """
    if name not in _LOADERS:
        raise LabelNotFoundError(
            f"there is no data set {name!r} (there are: {', '.join(_LOADERS)}){nearest(name, _LOADERS)}"
        )
    return _LOADERS[name]()


def _read(file: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table of a file, and the ``# key: value`` lines of its header."""
    path = _FOLDER / file
    with path.open(encoding="utf-8") as lines:
        header = [line[1:].strip() for line in takewhile(lambda line: line.startswith("#"), lines)]
    attrs = dict(line.split(": ", 1) for line in header)
    return pd.read_csv(path, skiprows=len(header)), attrs
