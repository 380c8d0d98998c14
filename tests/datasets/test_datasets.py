"""The data files: sizes, labels, gaps, units and sources, and the error for a name that does not exist."""

import numpy as np
import pytest

from xgrad import datasets
from xgrad.errors import LabelNotFoundError


@pytest.mark.parametrize("name", datasets.available())
def test_every_data_set_states_its_units_source_and_licence(name):
    data = datasets.load(name)
    assert data.name == name
    assert data.dtype == np.float64
    assert list(data.attrs) == ["title", "long_name", "units", "source", "licence", "comment"]
    assert all(data.attrs.values())


def test_every_file_is_in_the_list_of_sources():
    files = sorted(path.name for path in datasets._FOLDER.glob("*.csv"))
    sources = (datasets._FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    assert files == sorted(f"{name}.csv" for name in datasets.available())
    assert [file for file in files if f"## `{file}`" not in sources] == []


def test_co2_is_a_regular_weekly_record_with_its_gaps():
    co2 = datasets.load_co2()
    assert co2.dims == ("time",)
    assert set(np.diff(co2.time)) == {np.timedelta64(7, "D")}
    assert co2.time[[0, -1]].dt.strftime("%Y-%m-%d").values.tolist() == ["1958-03-29", "2001-12-29"]
    assert (co2[[0, -1]].values.tolist(), int(co2.isnull().sum())) == ([316.1, 371.5], 59)


def test_sst_is_a_full_table_of_years_by_months():
    sst = datasets.load_sst()
    assert sst.sizes == {"year": 61, "month": 12}
    assert int(sst.isnull().sum()) == 0
    assert sst.sel(year=1950, month="Jan") == 23.11
    assert sst.sel(year=2010, month="Dec") == 22.07


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(LabelNotFoundError) as error:
        datasets.load("c02")
    assert str(error.value) == (
        "there is no data set 'c02' (there are: co2, sst); did you mean 'co2'?"
    )
