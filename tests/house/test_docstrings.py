"""Every module and every public class and function says what it is for."""

import ast

import pytest

from tests.house.modules import MODULES, Module

each_module = pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.name)


@each_module
def test_every_module_has_a_docstring(module: Module):
    assert ast.get_docstring(module.tree)
