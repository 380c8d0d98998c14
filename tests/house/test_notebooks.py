"""The notebooks: their cells run from top to bottom, and they are saved as such a run leaves them."""

import json
from pathlib import Path

import pytest

from tests.house.modules import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)


def code_cells(notebook: Path) -> list[dict]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@each_notebook
def test_the_cells_run_from_top_to_bottom(notebook: Path):
    names: dict = {}
    for number, cell in enumerate(code_cells(notebook), start=1):
        code = compile("".join(cell["source"]), f"{notebook.name}, cell {number}", "exec")
        exec(code, names)


@each_notebook
def test_it_is_saved_as_a_run_from_top_to_bottom_leaves_it(notebook: Path):
    cells = code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
