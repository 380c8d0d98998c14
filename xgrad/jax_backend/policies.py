"""Policies of JAX about what a derivative keeps of a computation, asked about ops of ours.

A policy is a function of a JAX primitive, the types of its inputs and its parameters. An op is kept where the policy
keeps one of the primitives that it is emitted as.
"""

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax

from xgrad.graph import Graph, Node, Op, Var
from xgrad.jax_backend.emit import emit

NAMED: dict[str, str] = {  # our names, and what they are called in jax.checkpoint_policies
    "nothing": "nothing_saveable",
    "dots": "dots_saveable",
    "everything": "everything_saveable",
}


@dataclasses.dataclass(frozen=True)
class Policy:
    """A policy of JAX; what it would move to another memory is kept where it is."""

    function: Callable[..., Any]

    @classmethod
    def of(cls, wanted: str | Callable[..., Any]) -> "Policy":
        """The policy of one of our names, or of a function as JAX has them."""
        if not isinstance(wanted, str):
            return cls(wanted)
        return cls(getattr(jax.checkpoint_policies, NAMED[wanted]))

    def saves(self, node: Node) -> bool:
        """Whether the outputs of an op are kept."""
        equations = _primitives(node.op, tuple([v.type for v in node.inputs]))
        return any(
            _is_kept(self.function(e.primitive, *[v.aval for v in e.invars], **e.params))
            for e in equations
        )

    @property
    def spelling(self) -> str | None:
        """How a program names the policy; None for a function of the user's."""
        known = vars(jax.checkpoint_policies).items()
        names = [name for name, policy in known if policy is self.function]
        return f"jax.checkpoint_policies.{names[0]}" if names else None

    def __str__(self) -> str:
        return self.spelling or getattr(self.function, "__name__", "policy")


@lru_cache(maxsize=4096)
def _primitives(op: Op, types: tuple[Any, ...]) -> list[Any]:
    """What JAX is told to compute for an op on inputs of these types."""
    inputs = [Var(t) for t in types]
    graph = Graph(inputs, op.apply(*inputs))
    shapes = [jax.ShapeDtypeStruct(t.shape, t.dtype) for t in types]
    with jax.enable_x64(True):
        return jax.make_jaxpr(emit(graph))(*shapes).jaxpr.eqns


def _is_kept(answer: Any) -> bool:
    """JAX's policies answer with a truth value, or with a case that has a name."""
    return answer is True or type(answer).__name__ in ("SaveableType", "Offloadable")
