"""Fixtures for every test. Warnings are errors by the configuration in ``pyproject.toml``."""

import zlib
from collections.abc import Iterator

import jax
import numpy as np
import pytest

from xgrad.jax_backend.executable import executables


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers seeded by the name of the test (with its parameters): the same in every run and every order."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


@pytest.fixture(autouse=True, scope="module")
def forget_programs() -> Iterator[None]:
    """Compiled programs are forgotten after each file: thousands of them take gigabytes."""
    yield
    executables.clear()
    jax.clear_caches()
