"""Sphinx configuration: ``sphinx-build docs docs/_build`` with the extra ``docs`` installed."""

project = "xgrad"
author = "xgrad developers"
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["_build"]
# the pages link to each other and to files of the repository, and read as they are without Sphinx
suppress_warnings = ["toc.not_included", "myst.xref_missing"]
