"""The modules of xgrad as syntax trees: what the tests on imports and docstrings read, without importing anything."""

import ast
from dataclasses import dataclass
from functools import cached_property
from importlib.util import resolve_name
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """A source file under its dotted name."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), filename=str(self.path))

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @property
    def layer(self) -> str:
        """The folder or file directly under ``xgrad/``; ``xgrad`` for the package's own ``__init__``."""
        return (*self.name.split("."), "xgrad")[1]

    @cached_property
    def imports(self) -> tuple[str, ...]:
        """The dotted names that the import statements mention, ``from a import b`` as ``a.b``."""
        found: list[str] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = resolve_name("." * node.level + (node.module or ""), self.package)
                found += [f"{base}.{alias.name}" for alias in node.names]
        return tuple(found)


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_dotted(p): Module(_dotted(p), p) for p in sorted((ROOT / "xgrad").rglob("*.py"))}


def dependencies(module: Module) -> set[str]:
    """The modules of xgrad that a module imports: ``from xgrad.graph import Op`` depends on ``xgrad.graph``."""
    homes = {name if name in MODULES else name.rpartition(".")[0] for name in module.imports}
    return homes & MODULES.keys()
