"""From a request for derivatives to lazy nodes: what is connected and defined is differentiated, the rest as asked.

Every check is made here, on the graph as the user wrote it: no rewrite changes the answer.
"""

import warnings
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple, get_args, get_type_hints
from typing import Literal as Choice

import numpy as np

from xgrad.errors import (
    ArgumentError,
    DisconnectedInputError,
    DisconnectedWarning,
    GradNotImplementedError,
    GradUndefinedError,
    nearest,
)
from xgrad.gradient.lazy import lazy_pullback, lazy_pushforward
from xgrad.gradient.markers import Wrt
from xgrad.gradient.oneway import FORWARD, REVERSE, check_mode
from xgrad.gradient.ops import cotangent_dtype
from xgrad.gradient.status import Definition, Edge, GradStatus, statuses, worst
from xgrad.graph import Var, toposort, user_source
from xgrad.names import build
from xgrad.options import AD
from xgrad.transforms.derivatives.targets import Target, Targets


class Policy(NamedTuple):
    """What to do where there is no derivative; each field is an option of ``grad``, with its choices as its type."""

    disconnected_inputs: Choice["raise", "warn", "ignore"] = "raise"
    return_disconnected: Choice["zero", "none", "disconnected"] = "zero"
    null_gradients: Choice["raise", "return"] = "raise"

    @classmethod
    def of(cls, **options: str) -> "Policy":
        """The policy of these options; ``ArgumentError`` for one that is not among the choices."""
        for name, value in options.items():
            check_choice(name, value, get_args(_CHOICES[name]))
        return cls(**options)  # pyright: ignore[reportArgumentType]


_CHOICES = get_type_hints(Policy)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise where an option has a value that does not exist."""
    if value not in choices:
        listed = ", ".join([repr(c) for c in choices])
        hint = nearest(value, choices) or "."
        raise ArgumentError(f"{name} must be one of {listed}; got {value!r}{hint}")


def checked_mode(mode: str) -> str:
    """The mode of a derivative."""
    check_choice("mode", mode, MODES)
    return mode


def checked_route(ad: str | None) -> str:
    """A gradient route; empty for that of the function around."""
    if not ad:
        return ""
    check_choice("ad", ad, get_args(AD))
    return ad


MODES = ("auto", "forward", "reverse")


class Request(NamedTuple):
    """What is differentiated: ``cut`` are outputs whose cotangents are known, ``stop`` variables held constant.

    In messages ``what`` says what is differentiated, and ``held`` what is constant.
    """

    outputs: Sequence[Var]
    stop: Sequence[Var] = ()
    cut: Sequence[Var] = ()
    ad: str = ""
    mode: str = "auto"
    what: str = "the cost"
    held: str = ""

    def status(self, wrt: Var) -> GradStatus:
        """The status of all outputs together with respect to one variable."""
        walls = [(v, [*self.stop, *[c for c in self.cut if c is not v]]) for v in self.outputs]
        found = worst([statuses([v], wrt, stop)[0] for v, stop in walls])
        return found if found.connected else self._explained(found, wrt)

    def _explained(self, found: GradStatus, wrt: Var) -> GradStatus:
        """``found``, saying so where it is what was held constant that disconnects."""
        if found.path or not self.held or not worst(statuses(self.outputs, wrt)).connected:
            return found
        return found._replace(
            reason=f"it is used only through {self.held}, which this call holds constant"
        )


# ---- reverse mode --------------------------------------------------------------------------------------------------
def pull(
    request: Request, cts: Sequence[Var], groups: Sequence[Targets], policy: Policy
) -> list[Any]:
    """The gradients by each group of targets, in its containers, as the policy says.

    A group is what the user asked by: it may be connected in part only.
    """
    vars_ = [v for group in groups for v in group.vars]
    found = {v: request.status(v) for v in vars_}
    for group in groups:
        check_group(group, found, policy, request.what)
    passing = [v for v in vars_ if _passes(found[v])]
    if request.mode == FORWARD:
        _check_one_number(passing, groups)
    pulled = _pulled(request, cts, passing)
    return [_answer(group, pulled, found, policy) for group in groups]


def _pulled(request: Request, cts: Sequence[Var], passing: Sequence[Var]) -> dict[Var, Var]:
    if not passing:
        return {}
    check_mode(request.outputs, passing, FORWARD if request.mode == FORWARD else REVERSE)
    options: dict[str, Any] = {
        "stop": request.stop,
        "cut": request.cut,
        "ad": request.ad,
        "mode": request.mode,
    }
    return dict(zip(passing, lazy_pullback(request.outputs, passing, cts, **options), strict=True))


def _check_one_number(wrt: Sequence[Var], groups: Sequence[Targets]) -> None:
    """Forward mode gives a gradient by one real number; by more, it takes as many derivatives."""
    if not wrt or (
        len(wrt) == 1 and prod(wrt[0].type.shape) == 1 and wrt[0].type.dtype.kind == "f"
    ):
        return
    each = [target for group in groups for target in group.each]
    listed = ", ".join([f"`{target.name}` ({v.type})" for target in each for v in target.vars])
    raise ArgumentError(
        f'mode="forward" gives a gradient by one real number; this one is by {listed}.\n'
        'Leave mode out; or use jacobian(..., mode="forward"), which takes one derivative per number.'
    )


def _passes(status: GradStatus) -> bool:
    return status.connected and status.definition is Definition.DEFINED


def _answer(
    group: Targets, pulled: dict[Var, Var], found: dict[Var, GradStatus], policy: Policy
) -> Any:
    return group.rebuilt([_leaf_answer(target, pulled, found, policy) for target in group.each])


def _leaf_answer(
    target: Target, pulled: dict[Var, Var], found: dict[Var, GradStatus], policy: Policy
) -> Any:
    """The gradient by one leaf; in place of it None or its status, where the policy wants them."""
    mine = [found[v] for v in target.vars]
    undefined = next((s for s in mine if s.connected and not _passes(s)), None)
    if undefined is not None:
        return undefined
    if mine and not any(s.connected for s in mine) and policy.return_disconnected != "zero":
        return None if policy.return_disconnected == "none" else mine[0]
    return target.like([pulled.get(v) or zeros(v) for v in target.vars])


def zeros(v: Var) -> Var:
    """A derivative of ``v`` that is zero."""
    return build.broadcast(number(0, v), v.type.dims, v.type.shape)


def number(value: float, like: Var) -> Var:
    """A 0-d constant in the dtype of a derivative of ``like``."""
    return build.constant(np.asarray(value, cotangent_dtype(like.type.dtype)), (), inline=True)


# ---- forward mode --------------------------------------------------------------------------------------------------
def push(
    request: Request, wrt: Sequence[Var], tangents: Sequence[Var], outputs: Targets, policy: Policy
) -> Any:
    """The tangents of ``outputs``, in their containers. There, the policy speaks of outputs instead of inputs."""
    found = {v: _output_status(request, v, wrt) for v in outputs.vars}
    for target in outputs.each:
        single = Targets(target.leaf, target.name)
        check_group(single, found, policy, request.what, of_output=True)
    moving = [v for v in outputs.vars if _passes(found[v])]
    check_mode(moving, wrt, FORWARD)
    made = (
        lazy_pushforward(moving, wrt, tangents, stop=request.stop, ad=request.ad) if moving else ()
    )
    return _answer(outputs, dict(zip(moving, made, strict=True)), found, policy)


def _output_status(request: Request, output: Var, wrt: Sequence[Var]) -> GradStatus:
    return worst([statuses([output], v, request.stop)[0] for v in wrt])


# ---- what is said where there is none ------------------------------------------------------------------------------
def check_group(
    group: Targets,
    found: dict[Var, GradStatus],
    policy: Policy,
    what: str = "the cost",
    *,
    of_output: bool = False,
) -> None:
    """Raise or warn, as the policy says, where a group has no derivative."""
    names = [path for target in group.each for path in target.paths]
    mine = [found[v] for v in group.vars]
    if not mine:
        raise ArgumentError(f"`{group.name}` {_held(group)}")
    for name, status in zip(names, mine, strict=True):
        if policy.null_gradients == "raise":
            raise_undefined(name, status)
    if not any(status.connected for status in mine) and policy.disconnected_inputs != "ignore":
        _say_disconnected(disconnected_text(group.name, mine[0], what, of_output), policy)


_KINDS = {
    "U": "strings",
    "S": "bytes",
    "M": "dates",
    "m": "time differences",
    "O": "Python objects",
}


def _held(group: Targets) -> str:
    """What a group without numbers holds, and what to do with dates."""
    kind = getattr(getattr(group.each[0].leaf, "dtype", None), "kind", "") if group.each else ""
    what = f"holds {_KINDS[kind]}" if kind in _KINDS else "holds no numbers"
    if kind != "M":
        return f"{what}: there is nothing to differentiate with respect to."
    return f"{what}: pass numbers to differentiate with respect to, (t - t[0]) / np.timedelta64(1, 'D')."


def _say_disconnected(text: str, policy: Policy) -> None:
    if policy.disconnected_inputs == "raise":
        raise DisconnectedInputError(text)
    at = user_source()
    if at is None:
        warnings.warn(text, DisconnectedWarning, stacklevel=2)
    else:
        warnings.warn_explicit(text, DisconnectedWarning, at.file, at.line)


def disconnected_text(
    name: str, status: GradStatus, what: str = "the cost", of_output: bool = False
) -> str:
    """What is said where the values of ``name`` do not reach ``what`` (or, of an output, are not reached)."""
    if not of_output:
        return (
            f"{what} does not depend on the values of `{name}`: {status.reason}{_at(status)}.\n"
            f"Differentiate with respect to something that {what} uses,"
            ' or pass disconnected_inputs="ignore" for zeros.'
        )
    reason = f": {status.reason}{_at(status)}" if status.path else ""
    return (
        f"the output `{name}` does not depend on the values of {what}{reason}.\n"
        'Leave it out, or pass disconnected_outputs="ignore" for zeros.'
    )


_UNDEFINED: dict[Definition, tuple[type[Exception], str]] = {
    Definition.UNDEFINED: (GradUndefinedError, "is undefined"),
    Definition.NOT_IMPLEMENTED: (GradNotImplementedError, "is not implemented"),
}


def raise_undefined(name: str, status: GradStatus) -> None:
    """Raise where a connected path has no derivative: with the op, the reason and the path."""
    if not status.connected or status.definition is Definition.DEFINED:
        return
    error, claim = _UNDEFINED[status.definition]
    raise error(
        f"the gradient with respect to `{name}` {claim}: {status.reason}{_at(status)}.\n"
        f"{_way(status)}"
        "Take it out of what is differentiated, or hold it constant on the way: xgrad.disconnected_grad(...)."
    )


def _at(status: GradStatus) -> str:
    edge = status.decisive
    return f" ({_edge_text(edge)})" if edge is not None else ""


def _edge_text(edge: Edge) -> str:
    return f"{edge.op}, {edge.source}" if edge.source else edge.op


_SHOWN = 6  # edges of a path in a message: its ends


def _way(status: GradStatus) -> str:
    steps = [_edge_text(e) for e in status.path if not isinstance(e.node.op, Wrt)]
    if len(steps) < 2:
        return ""
    half = _SHOWN // 2
    shown = steps if len(steps) <= _SHOWN else [*steps[:half], "…", *steps[-half:]]
    return f"Its values go through {'; '.join(shown)}.\n"


def names_text(targets: Targets) -> str:
    """The targets by their names, for messages."""
    return ", ".join([f"`{t.name}`" for t in targets.each])


# ---- what belongs to a graph ---------------------------------------------------------------------------------------
def check_used(role: str, given: Targets, outputs: Sequence[Var]) -> None:
    """Raise where an array that an option names is no part of the graph of ``outputs``."""
    known = set(all_vars(outputs))
    for target in given.each:
        if not any(v in known for v in target.vars):
            raise ArgumentError(
                f"{role} has `{target.name}`, which is no part of the graph that is differentiated.\n"
                "Leave it out, or pass the very array that the cost was computed from."
            )


def all_vars(outputs: Sequence[Var]) -> Iterator[Var]:
    """Every variable of the graph of ``outputs``."""
    yield from outputs
    for node in toposort(outputs):
        yield from node.inputs
        yield from node.outputs
