"""Fixtures for every test. Warnings are errors by the configuration in ``pyproject.toml``."""

import zlib

import numpy as np
import pytest


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers seeded by the name of the test (with its parameters): the same in every run and every order."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))
