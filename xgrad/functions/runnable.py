"""An optimised graph, ready to run on arrays: compiled, with the arrays that it holds and the checks that are on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from xgrad.functions.checks import Checks, Labels
from xgrad.graph import Graph
from xgrad.jax_backend.arrays import to_device
from xgrad.jax_backend.emit import lift
from xgrad.jax_backend.executable import DEFAULT, CompileOptions, Executable, executable_for
from xgrad.options import current_options


class Runnable(NamedTuple):
    """A program and what looks at each of its runs; None for nothing."""

    executable: Executable
    constants: tuple[Any, ...]
    checks: Checks | None

    @classmethod
    def of(cls, graph: Graph, labels: Labels, options: CompileOptions = DEFAULT) -> "Runnable":
        """The program of a graph, under the checks that are on now."""
        lifted, constants = lift(graph)
        kinds = current_options().checks
        checks = Checks(graph, kinds, labels, options) if kinds else None
        return cls(executable_for(lifted, options), to_device(constants), checks)

    def __call__(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """The outputs for some arrays. Raises what the checks find."""
        checked = None if self.checks is None else self.checks.run(arrays)
        return self.executable(*arrays, *self.constants) if checked is None else checked
