"""Sphinx configuration: ``sphinx-build docs docs/_build`` with the extra ``docs`` installed."""

project = "xgrad"
author = "xgrad developers"
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["_build"]
