"""Test classes with a table ``cases``: each of their tests that takes ``name`` runs for every entry."""

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames and hasattr(metafunc.cls, "cases"):
        metafunc.parametrize("name", metafunc.cls.cases)
