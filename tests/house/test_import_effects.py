"""``import xgrad`` is quick and quiet: no optional package, no change to JAX's flags, no warning."""

import subprocess
import sys

import pytest

from tests.house.modules import MODULES

OPTIONAL = ("matplotlib", "scipy.optimize", "optax", "blackjax", "optimistix", "h5netcdf", "pytest")


def fresh(program: str) -> str:
    """What a program prints in a new interpreter that turns warnings into errors."""
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def imported() -> list[str]:
    return fresh("import xgrad, sys; print(*sys.modules)").split()


@pytest.fixture(scope="module")
def used() -> list[str]:
    """The modules there are after the public names were looked up."""
    program = (
        "import xgrad, sys; [getattr(xgrad, name) for name in dir(xgrad)]; print(*sys.modules)"
    )
    return fresh(program).split()


@pytest.mark.parametrize("package", OPTIONAL)
def test_no_public_name_loads_an_optional_package(used: list[str], package: str):
    assert package not in used


@pytest.mark.parametrize("package", ["jax", "xarray", "numpy"])
def test_import_alone_loads_nothing_heavy(imported: list[str], package: str):
    assert package not in imported


def test_using_xgrad_loads_every_file_of_ops(used: list[str]):
    ops = [name for name, module in MODULES.items() if module.layer in ("axes", "names")]
    assert [name for name in ops if name not in used] == []


def test_using_xgrad_does_not_switch_jax_to_64_bits():
    program = "import jax, xgrad; xgrad.jit(abs)(1.0); print(jax.config.jax_enable_x64)"
    assert fresh(program) == "False"
