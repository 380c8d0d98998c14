"""All rewrite rules by name, and the page ``docs/rewrites.md`` that lists them with their equations.

``python -m xgrad.lower.catalogue`` prints the page; a test compares it with the file. The equations are the comments
beside the rules, so that they are written once.
"""

import ast
import inspect
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import NamedTuple

from xgrad.lower import chains, delegated, factors, frames
from xgrad.lower.canonical import CANONICAL
from xgrad.lower.rules import (
    arithmetic,
    choice,
    constants,
    expansions,
    fast_math,
    folding,
    identities,
    indexing,
    logs,
    loops,
    matrices,
    missing,
    movement,
    packing,
    pieces,
    products,
    reductions,
    repeats,
    residuals,
    roots,
    shifts,
    signs,
    stabilise,
    transposes,
)

HEAD = """\
# Rewrites

Made by `python -m xgrad.lower.catalogue`. Between lowering and XLA the tensor graph is rewritten by the tables below,
until no rule applies: before gradients are expanded, so that a gradient is that of the stable form, and again after. A
name that has `…` in it stands for one rule for each op.

What fired is in `f.stages(*args).rewrites`, with the user's lines; `XGRAD_SHOW=rewrites` prints it. A rule is switched
off by its name, and those that are only roughly right are switched on together:

```python
>>> import numpy as np
>>> import xarray as xr
>>> import xgrad as xg
>>> x = xr.DataArray([800.0, 801.0], dims="k")
>>> f = xg.jit(lambda x: np.log(np.exp(x).sum("k", skipna=False)))
>>> print(f(x).item())
801.3132616875182
>>> [fired.rule for fired in f.stages(x).rewrites]
['logsumexp']
>>> with xg.options(disable=("logsumexp",)):
...     print(f(x).item())
inf
>>> with xg.options(fast_math=True):
...     print(xg.jit(lambda x: np.exp(np.log(x)))(x).values)
[800. 801.]

```
"""

PAGE: tuple[tuple[str, ModuleType], ...] = (
    ("Logarithms", logs),
    ("Differences, quotients and products", stabilise),
    ("Shifted exponentials", shifts),
    ("Linear algebra", matrices),
    ("Sums of products", products),
    ("Chains of products", chains),
    ("One factorisation", factors),
    ("Roots of sums of squares", roots),
    ("Arithmetic", arithmetic),
    ("Single functions", identities),
    ("Missing values", missing),
    ("Choices and masks", choice),
    ("Constants", constants),
    ("Small known arrays", folding),
    ("Movement and casts", movement),
    ("Pieces of arrays", pieces),
    ("Parts", indexing),
    ("Reductions", reductions),
    ("Repeated values", repeats),
    ("Repeating last", expansions),
    ("Transposes", transposes),
    ("Only with `fast_math`", fast_math),
    ("Loops", loops),
    ("Backward loops", residuals),
    ("Loops in batches and choices", frames),
    ("Loops in derivatives by JAX", delegated),
    ("Many small carries", packing),
    ("Signs at last", signs),
)

_MAKERS = ("rule", "LoopRule", "PairRule", "WholeRule", "for_each_op", "for_counts")


class Entry(NamedTuple):
    """A rule, or one for each op, as its table writes it."""

    name: str
    equation: str


@cache
def rule_names() -> frozenset[str]:
    """The names of all rules: what ``options(disable=…)`` may name."""
    tables = [r.name for r in (*CANONICAL.rules, *fast_math.FAST_MATH.rules, *signs.SIGNS.rules)]
    loop_tables = (loops.LOOPS, residuals.RESIDUALS, packing.PACKING)
    of_loops = [r.name for table in loop_tables for r in (*table.single, *table.pairs)]
    whole = [chains.CHAIN, factors.CHOLESKY, factors.LU]
    whole += [frames.BATCH, frames.CHOICE, delegated.ASIDE]
    return frozenset([*tables, *of_loops, *[rule.name for rule in whole]])


def entries(module: ModuleType) -> Iterator[Entry]:
    """The rules of a module in order, each with the comment beside it, or the docstring of what it does."""
    source = inspect.getsource(module)
    comments = dict(_comments(source))
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in _MAKERS:
            continue
        name = _name(node.args[0]) if node.args else ""
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        beside = [comments[line] for line in lines if line in comments]
        if name:
            yield Entry(name, beside[0] if beside else _documented(module, node.args[-1]))


def _documented(module: ModuleType, make: ast.expr) -> str:
    """The first sentence about the function that makes the right-hand side."""
    function = getattr(module, getattr(make, "id", ""), None)
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ").partition(" pyright:")[0]


def _name(node: ast.expr) -> str:
    """The name that a rule is given; ``…`` for the part that differs from op to op."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join([str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values])
    return ""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *[_section(title, module) for title, module in PAGE]])


def _section(title: str, module: ModuleType) -> str:
    rows = [f"| `{e.name}` | {_cell(e.equation)} |" for e in entries(module)]
    doc = inspect.getdoc(module) or ""
    return "\n".join(
        [f"## {title}", "", doc, "", "| rule | equation |", "| --- | --- |", *rows, ""]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


if __name__ == "__main__":
    print(page(), end="")
