"""Imports point one way only, and jax and xarray are met in the layers that may know them."""

from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house.modules import MODULES, Module, dependencies

LAYERS = (  # from the bottom up: a layer imports what stands below it, and nothing beside or above it
    ("errors",),
    ("options",),
    ("graph",),
    ("axes",),
    ("names",),
    ("gradient",),
    ("labels", "lower", "jax_backend", "datasets"),
    ("functions",),
    ("transforms",),
    ("model",),
    ("xgrad",),
    ("examples",),
)
HEIGHT = {layer: height for height, row in enumerate(LAYERS) for layer in row}

ABOVE_LABELS = {"labels", "datasets", "functions", "transforms", "model", "xgrad", "examples"}
MAY_IMPORT = {
    "jax": {"jax_backend"},
    "jaxlib": {"jax_backend"},
    "xarray": ABOVE_LABELS,
    "pandas": ABOVE_LABELS,
    "matplotlib": {"examples"},
}


each_module = pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.name)


def may_import(layer: str, other: str) -> bool:
    return layer == other or HEIGHT[other] < HEIGHT[layer]


@each_module
def test_a_layer_imports_only_what_stands_below_it(module: Module):
    above = [
        f"{module.name} imports {name}"
        for name in sorted(dependencies(module))
        if not may_import(module.layer, MODULES[name].layer)
    ]
    assert above == []


@each_module
def test_packages_are_imported_only_in_the_layers_that_may_know_them(module: Module):
    packages = {name.split(".")[0] for name in module.imports}
    assert [p for p in packages if module.layer not in MAY_IMPORT.get(p, {module.layer})] == []


@each_module
def test_private_modules_of_jax_are_not_imported(module: Module):
    assert [name for name in module.imports if name.startswith("jax._")] == []


def test_there_are_no_import_cycles():
    try:
        tuple(TopologicalSorter({m.name: dependencies(m) for m in MODULES.values()}).static_order())
    except CycleError as error:
        pytest.fail("import cycle: " + " → ".join(error.args[1]))


def test_the_rule_is_that_of_the_design():
    assert may_import("transforms", "jax_backend")
    assert may_import("gradient", "names")
    assert not may_import("names", "gradient")
    assert not may_import("labels", "lower")
    assert not may_import("lower", "jax_backend")
    assert not may_import("graph", "axes")
