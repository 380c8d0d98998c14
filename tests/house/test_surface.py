"""The public names: those of ``docs/api.md``, each documented, and the same for people and for type checkers."""

import ast
import re

import numpy as np
import pytest
import xarray as xr

import xgrad
from tests.house.modules import MODULES, ROOT

OWN = sorted([*xgrad._OWN, *xgrad._MODULES])


def documented_names() -> list[str]:
    """The names in the first column of the tables of ``docs/api.md``."""
    return re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/api.md").read_text("utf-8"), re.MULTILINE)


def names_for_type_checkers() -> list[str]:
    """What ``xgrad/__init__.py`` imports where only a type checker looks."""
    blocks = [node for node in MODULES["xgrad"].tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return [alias.asname or alias.name for node in imports for alias in node.names]


def test_the_api_page_lists_the_public_names():
    assert sorted(documented_names()) == OWN


def test_type_checkers_see_the_public_names():
    assert sorted(names_for_type_checkers()) == OWN


@pytest.mark.parametrize("name", OWN)
def test_every_public_name_exists_and_has_a_docstring(name: str):
    value = getattr(xgrad, name)
    assert value.__doc__
    assert name in dir(xgrad)


@pytest.mark.parametrize("module", [xgrad, xgrad.model], ids=lambda module: module.__name__)
def test_every_public_name_has_an_example(module):
    names = getattr(module, "__all__", xgrad._OWN)
    assert [n for n in names if ">>> " not in (getattr(module, n).__doc__ or "")] == []


@pytest.mark.parametrize("name", xgrad._OWN)
def test_a_public_name_is_not_hidden_by_a_module(name: str):
    assert callable(getattr(xgrad, name))


@pytest.mark.parametrize("name", xgrad._XARRAY)
def test_the_names_of_xarray_are_its_own_objects(name: str):
    assert getattr(xgrad, name) is getattr(xr, name)


@pytest.mark.parametrize("name", xgrad._NUMPY)
def test_the_names_of_numpy_are_its_own_objects(name: str):
    assert getattr(xgrad, name) is getattr(np, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'xgrad' has no attribute 'gard'"):
        _ = xgrad.gard
