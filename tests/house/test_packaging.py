"""What is installed: the declared dependencies, the type marker, the data, and a wheel that works on its own."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.modules import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_the_core_dependencies_are_the_agreed_four():
    names = [requirement.split(">")[0] for requirement in PROJECT["dependencies"]]
    assert names == ["jax", "jaxlib", "numpy", "xarray"]


def test_the_extra_all_has_every_other_extra():
    assert EXTRAS["all"] == [f"xgrad[{','.join(name for name in EXTRAS if name != 'all')}]"]


@pytest.mark.slow
def test_the_wheel_works_in_an_environment_with_only_its_dependencies(tmp_path: Path):
    wheel = build_wheel(tmp_path)
    python = new_environment(tmp_path / "environment")
    run(python, "-m", "pip", "install", "-q", str(wheel))
    program = (
        "import xgrad, importlib.resources as r; assert r.files('xgrad').joinpath('py.typed').is_file(); \
from xgrad.datasets import load_co2; print(float(xgrad.jit(lambda x: x.max())(load_co2())))"
    )
    assert run(python, "-c", program, cwd=tmp_path).strip() == "373.9"


def build_wheel(folder: Path) -> Path:
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT))
    (wheel,) = folder.glob("xgrad-*.whl")
    return wheel


def new_environment(folder: Path) -> str:
    run(sys.executable, "-m", "venv", str(folder))
    return str(folder / "bin" / "python")


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout
