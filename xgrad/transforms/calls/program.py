"""What becomes of one traced call: its graphs, an executable shared by all of the same structure, and its results."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from xgrad.axes.interpret import evaluate
from xgrad.functions.runnable import Runnable
from xgrad.graph import Graph
from xgrad.jax_backend.arrays import to_numpy
from xgrad.jax_backend.executable import DEFAULT, CompileOptions
from xgrad.lower.pipeline import compile_graph, reference_graph
from xgrad.options import current_options
from xgrad.transforms.calls.stages import Stages
from xgrad.transforms.calls.trace import Traced


class Program:
    """A traced call, compiled (by XLA when it first runs)."""

    def __init__(
        self, traced: Traced, name: str, ad: str = "auto", options: CompileOptions = DEFAULT
    ) -> None:
        graphs = compile_graph(traced.graph, current_options().ad if ad == "auto" else ad)
        self._runnable = Runnable.of(graphs.optimised, traced.labels, options)
        self.executable, self.constants, _ = self._runnable
        self.stages = Stages(name, graphs, self.executable)
        self.result = traced.result
        self._build = traced.result.build

    def run(self, arrays: Sequence[Any], on_host: bool) -> Any:
        """The result for the arrays of a call; in NumPy, or left in JAX."""
        outputs = self._runnable(arrays)
        return self._build(list(map(to_numpy, outputs)) if on_host else outputs)

    def run_plain(self, arrays: Sequence[Any]) -> Any:
        """The arrays of the result, without labels, in its containers."""
        return self.result.plain(self.executable(*arrays, *self.constants))

    def run_reference(self, arrays: Sequence[Any]) -> Any:
        """The result computed by NumPy, one op at a time."""
        types = [v.type for v in self._reference.inputs]
        given = [np.asarray(x, t.dtype) for x, t in zip(arrays, types, strict=True)]
        return self._build(evaluate(self._reference, given))

    @cached_property
    def _reference(self) -> Graph:
        """The plainest equivalent tensor graph."""
        return reference_graph(self.stages.names)
