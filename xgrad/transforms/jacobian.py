"""``jacobian``, ``hessian`` and ``hessian_vector_product``: of functions of labeled arrays, and of symbolic arrays.

The derivatives of all elements are one batched derivative node (``gradient.jacobian``); labels are put on by ``blocks``.
Along dims in which the computation does not mix entries (``gradient.dependence``), only what is not zero is computed.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple, get_args

from xgrad.errors import ArgumentError, DimensionError, nearest
from xgrad.gradient.dependence import Apart, State, dependence
from xgrad.gradient.jacobian import Block, Pair, blocks_of, plan_for
from xgrad.gradient.lazy import Wrt, lazy_pushforward
from xgrad.gradient.status import statuses
from xgrad.graph import Var, located, user_source
from xgrad.names.types import Dim
from xgrad.options import AD
from xgrad.transforms.blocks import Piece, Side, assemble, names_for, side_of, with_vars
from xgrad.transforms.grad import grad, gradient_of, raise_disconnected, raise_undefined
from xgrad.transforms.jit import Compiled
from xgrad.transforms.tangents import tangents_like
from xgrad.transforms.tree import flatten, unflatten

MODES = ("auto", "forward", "reverse")


class Request(NamedTuple):
    """The options of a Jacobian."""

    mode: str = "auto"
    chunk: int | str | None = "auto"
    pointwise: Any = ()
    suffix: str = "_wrt"
    ad: str = ""
    strict: bool = True  # whether an input that nothing depends on is an error
    named: bool = True
