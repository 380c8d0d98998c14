"""What an op on named dims is: inference on dims, the flow of values, the dims it owns, its text.

An XOp has no arithmetic and no gradient rule of its own: ``xgrad.lower`` turns each into ops on
axis numbers, which have both. Knows nothing of coords and nothing of JAX.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xgrad.axes.base import Flow, TensorType, is_float
from xgrad.graph import Op
from xgrad.names.types import Dim, XType

Renames = tuple[tuple[Dim, Dim], ...]  # (name before, name after) of dims, all taken at once


class AbstractXOp(Op):
    """An op on named dims. ``infer`` expects inputs that fit, which ``names.build`` checks."""

    def why(self, i: int) -> str:
        """The reason why input ``i`` passes no derivative, in words a user understands."""
        return "integers and booleans change in steps only"

    def is_position(self, i: int) -> bool:
        """Whether input ``i`` decides only where values come from or go to."""
        return False

    def flow(self, i: int, out: int, types: Sequence[XType]) -> Flow:
        """How input ``i`` reaches output ``out``, given the types of the inputs."""
        if self.is_position(i):
            return Flow.POSITION
        inferred = self.infer(*types)
        outputs = (inferred,) if isinstance(inferred, XType) else inferred
        return Flow.VALUE if is_float(outputs[out].dtype) else Flow.STEP

    def owned(self, out: int, types: Sequence[XType]) -> frozenset[Dim]:
        """The dims of output ``out`` that this op makes or resizes, and so may call as it likes."""
        return frozenset()

    def rename(self, mapping: Mapping[Dim, Dim], out: int) -> "AbstractXOp":
        """This op with other names for dims that it owns in output ``out``."""
        raise NotImplementedError(f"{type(self).__name__}.rename")

    def describe(self) -> str:
        """The op in a few words, with dims as the user names them."""
        inside = self.arguments()
        return f"{type(self).__name__}({inside})" if inside else type(self).__name__

    def arguments(self) -> str:
        """What stands between the parentheses of ``describe``."""
        return ", ".join([str(v) for v in self.parameters.values()])


def tensor_type(t: XType) -> TensorType:
    """The type of the tensor whose axes are the dims of ``t`` in order."""
    return TensorType(t.shape, t.dtype)


def op_name(op: Op) -> str:
    """The name of an op as NumPy writes it.

    >>> from xgrad.axes.elementwise import NotEqual
    >>> op_name(NotEqual())
    'not_equal'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(op).__name__).lower()


def op_text(op: Op) -> str:
    """The name of an op with its parameters; some describe themselves."""
    describe = getattr(op, "describe", None)
    if describe is not None:
        return describe()
    inside = ", ".join([str(v) for v in op.parameters.values()])
    return f"{op_name(op)}({inside})" if inside else op_name(op)


def dims_text(dims: Iterable[Any]) -> str:
    """Dims as a list for printing."""
    return ", ".join([str(d) for d in dims])


def arrows(renames: Renames) -> str:
    """Renamed dims for printing."""
    return ", ".join([f"{old}→{new}" for old, new in renames])


def renamed(dims: Iterable[Dim], renames: Renames) -> tuple[Dim, ...]:
    """``dims`` under other names."""
    mapping = dict(renames)
    return tuple([mapping.get(d, d) for d in dims])


def then(renames: Renames, mapping: Mapping[Dim, Dim]) -> Renames:
    """``renames`` followed by ``mapping``, whose keys are names that the first step gave or left.

    >>> then((("x", "a"),), {"a": "x", "y": "z"})
    (('y', 'z'),)
    """
    given = {new for _, new in renames}
    steps = [(old, mapping.get(new, new)) for old, new in renames]
    steps += [(old, new) for old, new in mapping.items() if old not in given]
    return tuple([(old, new) for old, new in steps if old != new])
