"""Sphinx configuration: ``sphinx-build -W docs docs/_build`` with the extra ``docs`` installed."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import xgrad
from xgrad import model
from xgrad.functions import keys, random, vectors

project = "xgrad"
author = "xgrad developers"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "index"
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"page_width": "76em", "sidebar_width": "17em"}
autodoc_member_order = "bysource"
autodoc_typehints = "none"
myst_heading_anchors = 3
highlight_language = "python"

PAGES = Path(__file__).parent


def reference_of_names() -> Iterator[str]:
    """Every name in the tables of ``api.md``, under the headings of that page; modules have headings of their own."""
    for section in (PAGES / "api.md").read_text("utf-8").split("\n## ")[1:]:
        names = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        if set(names) & set(xgrad._OWN):
            yield f"## {section.splitlines()[0]}\n\n{documented(xgrad, names)}"


def documented(module: object, names: list[str]) -> str:
    """Directives that take the docstrings of these members of a module."""
    directives = [
        f".. auto{'class' if inspect.isclass(getattr(module, name)) else 'function'}::"
        f" {module.__name__}.{name}\n"
        for name in names
    ]
    return "\n".join(["```{eval-rst}", *directives, "```\n"])


def reference_of_keys() -> str:
    """What ``xgrad.random`` has from other modules."""
    own = {keys.__name__, vectors.__name__}
    return documented(
        random, [n for n, f in vars(random).items() if getattr(f, "__module__", "") in own]
    )


def fill_reference(app: object, page: str, source: list[str]) -> None:
    """Put the names in where the page of reference has a place for them."""
    if page == "reference":
        filled = source[0].replace("% names", "\n".join(reference_of_names()))
        filled = filled.replace("% keys", reference_of_keys())
        source[0] = filled.replace(
            "% models", documented(model, [n for n in model.__all__ if n != "Model"])
        )


def keep_bars(
    app: object, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Leave |x| in docstrings what it is there: the bars of mathematics, not a substitution."""
    in_example = False
    for i, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            parts = line.split("``")
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[i] = "``".join(parts)


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("source-read", fill_reference)
    app.connect("autodoc-process-docstring", keep_bars)
