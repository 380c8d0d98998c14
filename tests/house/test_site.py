"""The site: Sphinx builds it without a warning, with every page and every public name in it."""

import re
import subprocess
import sys

import pytest

import xgrad
from tests.house.modules import ROOT

DOCS = ROOT / "docs"


def test_every_page_is_in_the_contents():
    index = (DOCS / "index.md").read_text("utf-8")
    trees = re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)
    listed = {line for tree in trees for line in tree.splitlines() if re.fullmatch(r"\w+", line)}
    assert listed == {page.stem for page in DOCS.glob("*.md")} - {"index"}


@pytest.mark.slow
def test_it_builds_without_warnings(tmp_path):
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_parser")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(DOCS), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "reference.html").read_text("utf-8")
    assert [name for name in xgrad._OWN if f'id="xgrad.{name}"' not in page] == []
    assert [name for name in xgrad.model.__all__ if f'id="xgrad.model.{name}"' not in page] == []
    others = ("functions.linalg.cholesky", "functions.random.choice", "model.Model.sample")
    assert [name for name in others if f'id="xgrad.{name}"' not in page] == []
