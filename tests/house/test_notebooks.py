"""The notebooks: a clean kernel runs them from top to bottom, quickly and in silence, and leaves them as saved."""

import json
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.house.modules import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 120
LONG = {"eight_schools", "per_pixel_fitting"}  # they compile samplers and fits
NEEDS = {"eight_schools": "blackjax"}  # what an extra installs

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
each_in_its_time = pytest.mark.parametrize(
    "notebook",
    [pytest.param(n, marks=[pytest.mark.slow] * (n.stem in LONG)) for n in NOTEBOOKS],
    ids=lambda path: path.name,
)


def code_cells(cells: list[dict]) -> list[dict]:
    return [cell for cell in cells if cell["cell_type"] == "code"]


@each_in_its_time
@pytest.mark.filterwarnings("default")  # of what runs the kernel; those of the cells are outputs
def test_a_clean_kernel_runs_it(notebook: Path):
    if notebook.stem in NEEDS:
        pytest.importorskip(NEEDS[notebook.stem])
    begin = time.monotonic()
    run = nbformat.read(notebook, as_version=4)
    folder = {"metadata": {"path": str(ROOT)}}
    NotebookClient(run, timeout=SECONDS, kernel_name="python3", resources=folder).execute()
    assert time.monotonic() - begin < SECONDS
    outputs = [output for cell in code_cells(run.cells) for output in cell["outputs"]]
    assert [o["text"] for o in outputs if o.get("name") == "stderr"] == []


@each_notebook
def test_it_is_saved_as_a_run_from_top_to_bottom_leaves_it(notebook: Path):
    cells = code_cells(json.loads(notebook.read_text(encoding="utf-8"))["cells"])
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    assert [output for output in outputs if output.get("name") == "stderr"] == []


@each_notebook
def test_it_shows_no_path_of_a_machine(notebook: Path):
    text = notebook.read_text(encoding="utf-8")
    assert [path for path in ("/tmp/", sys.prefix, str(ROOT)) if path in text] == []
