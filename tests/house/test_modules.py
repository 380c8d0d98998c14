"""Every module says what it is for, and every tensor op is of one family."""

import ast
from importlib import import_module

import pytest

from tests.house.modules import MODULES, Module
from xgrad.axes.base import AbstractTensorOp
from xgrad.graph import Op

for name in MODULES:
    if name.startswith("xgrad.axes"):
        import_module(name)

OPS = [op for op in Op.registry.values() if issubclass(op, AbstractTensorOp)]
FAMILIES = AbstractTensorOp.__subclasses__()


@pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.name)
def test_every_module_opens_with_a_docstring(module: Module):
    assert ast.get_docstring(module.tree)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_every_tensor_op_is_of_exactly_one_family(op: type[AbstractTensorOp]):
    assert len([family for family in FAMILIES if issubclass(op, family)]) == 1


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_every_tensor_op_is_final(op: type[AbstractTensorOp]):
    assert op.__subclasses__() == []
