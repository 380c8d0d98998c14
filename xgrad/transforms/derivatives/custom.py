"""``custom_gradient``: a function with derivatives that the user gives, in place of those of its operations."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

from xgrad.axes.base import Flow
from xgrad.errors import ArgumentError
from xgrad.gradient.lazy import close, lazy_pullback
from xgrad.gradient.markers import CustomGradient
from xgrad.gradient.ops import cotangent_type
from xgrad.graph import Graph, Var, located, substitute, user_source
from xgrad.transforms.calls.jit import is_symbolic
from xgrad.transforms.derivatives.derive import zeros
from xgrad.transforms.derivatives.functions import argument_name, function_name, inner_function
from xgrad.transforms.derivatives.targets import Targets, fitted


class NoGradient(NamedTuple):
    """What a rule returns for an argument by which there is no derivative; made by the two functions below."""

    flow: Flow
    reason: str


def grad_undefined(reason: str) -> NoGradient:
    """In the rule of a ``custom_gradient``: the derivative by this argument has no meaning, for this reason.

    >>> grad_undefined("the order is an integer").reason
    'the order is an integer'
    """
    return NoGradient(Flow.MEANINGLESS, reason)


def grad_not_implemented(reason: str) -> NoGradient:
    """In the rule of a ``custom_gradient``: the derivative by this argument exists, but is not written.

    >>> grad_not_implemented("the derivative by the shape parameter is not written").flow.value
    'missing'
    """
    return NoGradient(Flow.MISSING, reason)


def custom_gradient(
    fun: Callable[..., Any],
    pullback: Callable[..., Any] | None = None,
    pushforward: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """``fun`` with a derivative of its own: by its pullback, its pushforward, or both.

    ``pullback(args, out, ct)`` gets the arguments as a tuple, the result of ``fun`` and its cotangent in the same
    containers, and returns a tuple with one cotangent per argument: of the dims of the argument, 0 where it has none,
    or ``grad_undefined(reason)`` or ``grad_not_implemented(reason)``. ``pushforward(args, out, tangents)`` gets a tuple
    of tangents and returns the tangent of the result. Both must be linear in what they are given last; from one of them
    the other is made by transposing it. Rules are differentiated for higher derivatives.

    What ``fun`` takes from outside has no rule: make it an argument. Without tracing, ``fun`` simply runs.

    Raises ArgumentError without a rule, and where a rule returns something else.

    >>> import xgrad as xg, xarray as xr
    >>> clipped = xg.custom_gradient(lambda x: x.clip(0, 1), pullback=lambda args, out, ct: (ct,))
    >>> xg.grad(lambda x: clipped(x).sum())(xr.DataArray([-1.0, 0.5, 7.0], dims="x")).values
    array([1., 1., 1.])
    """
    if pullback is None and pushforward is None:
        raise ArgumentError(
            f"custom_gradient({function_name(fun)}) needs a rule: pass pullback=, pushforward=, or both."
        )
    inner = inner_function(fun)

    @wraps(inner)
    def with_rule(*args: Any) -> Any:
        if not is_symbolic(args):
            return fun(*args)
        with located(user_source()):
            return _Call(inner, args).apply(pullback, pushforward)

    return with_rule


class _Call:
    """One call of a function with a rule: its arguments and results, outside the node and as the node's inputs."""

    def __init__(self, fun: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.name = function_name(fun)
        self.outside = [Targets(a, argument_name(fun, i)) for i, a in enumerate(args)]
        self.inside = [_stand_in(t) for t in self.outside]
        self.args = tuple([t.rebuilt([x.leaf for x in t.each]) for t in self.inside])
        self.result = fun(*self.args)
        self.ends = Targets(self.result, f"the result of {self.name}")

    @property
    def primals(self) -> list[Var]:
        return [v for t in self.inside for v in t.vars]

    def apply(self, pullback: Any, pushforward: Any) -> Any:
        """The result, computed by one node."""
        outs = _stand_in(self.ends)
        cts, ts = [_derivative(v) for v in outs.vars], [_derivative(v) for v in self.primals]
        rule = _Rule.identity(self)
        pulled = pushed = None
        if pullback is not None:
            answer = pullback(self.args, outs.like(outs.vars), outs.like(cts))
            rule, pulled = _pulled(self, answer)
        if pushforward is not None:
            pushed = _pushed(self, pushforward, outs, ts)
        pulled = _transposed(pushed or [], ts, cts) if pulled is None else pulled
        pushed = _transposed(pulled, cts, ts) if pushed is None else pushed
        return self._node(outs, cts, ts, pulled, pushed, rule)

    def _node(
        self,
        outs: Targets,
        cts: Sequence[Var],
        ts: Sequence[Var],
        pulled: Sequence[Var],
        pushed: Sequence[Var],
        rule: "_Rule",
    ) -> Any:
        given = [*self.primals, *outs.vars, *cts, *ts]
        graphs = [close(group, given) for group in (self.ends.vars, pulled, pushed)]
        captured = list(dict.fromkeys([v for g in graphs for v in g.captured]))
        inputs = [*self.primals, *captured]
        whole, pull, push = (
            _graph(group, [*inputs, *extra])
            for group, extra in (
                (self.ends.vars, ()),
                (pulled, (*outs.vars, *cts)),
                (pushed, (*outs.vars, *ts)),
            )
        )
        count = len(self.primals)
        op = CustomGradient(whole, pull, push, count, rule.flows, rule.reasons, self.name)
        arguments = [v for t in self.outside for v in t.vars]
        return self.ends.like(op.apply(*arguments, *captured))


class _Rule(NamedTuple):
    """How each variable of the arguments counts."""

    flows: tuple[Flow, ...]
    reasons: tuple[str, ...]

    @classmethod
    def identity(cls, call: _Call) -> "_Rule":
        count = len(call.primals)
        return cls((Flow.VALUE,) * count, ("",) * count)


def _pulled(call: _Call, answer: Any) -> tuple[_Rule, list[Var]]:
    """What a pullback returned: how each argument counts, and the cotangents, with zeros for those that have none."""
    if not isinstance(answer, tuple) or len(answer) != len(call.inside):
        what = f"{len(answer)}" if isinstance(answer, tuple) else f"a {type(answer).__name__}"
        raise ArgumentError(
            f"the pullback of `{call.name}` must return a tuple of {len(call.inside)} cotangents,"
            f" one per argument; it returned {what}."
        )
    flows: list[Flow] = []
    reasons: list[str] = []
    cts: list[Var] = []
    for given, target in zip(answer, call.inside, strict=True):
        count = len(target.vars)
        if not count:
            continue
        flow, reason = _how(given, call, target)
        flows += [flow] * count
        reasons += [reason] * count
        passes = flow is Flow.VALUE
        cts += fitted(given, target, "cotangents") if passes else [zeros(v) for v in target.vars]
    return _Rule(tuple(flows), tuple(reasons)), cts


def _how(given: Any, call: _Call, target: Targets) -> NoGradient:
    if isinstance(given, NoGradient):
        return given
    if given is None:
        raise ArgumentError(
            f"the pullback of `{call.name}` returned None for `{target.name}`.\n"
            "Return its cotangent, 0, xgrad.grad_undefined(reason) or xgrad.grad_not_implemented(reason)."
        )
    if isinstance(given, int | float) and given == 0:
        return NoGradient(
            Flow.STEP, f"the pullback of `{call.name}` says that the derivative is zero"
        )
    return NoGradient(Flow.VALUE, "")


def _pushed(call: _Call, rule: Callable[..., Any], outs: Targets, ts: Sequence[Var]) -> list[Var]:
    rest = iter(ts)
    tangents = tuple([t.like([next(rest) for _ in t.vars]) for t in call.inside])
    answer = rule(call.args, outs.like(outs.vars), tangents)
    return fitted(answer, call.ends, "tangents")


def _transposed(outputs: Sequence[Var], of: Sequence[Var], cts: Sequence[Var]) -> list[Var]:
    """The transpose of ``outputs``, linear in ``of``, applied to ``cts``: the same at every point, so at 0."""
    pulled = lazy_pullback(outputs, of, cts)
    return list(substitute(pulled, {v: zeros(v) for v in of}))


# ---- variables -----------------------------------------------------------------------------------------------------
def _stand_in(targets: Targets) -> Targets:
    """The same labels around fresh variables."""
    fresh = [Var(v.type, name=v.name, source=v.source) for v in targets.vars]
    return Targets(targets.like(fresh), targets.name)


def _derivative(v: Var) -> Var:
    return Var(cotangent_type(v.type))


def _graph(outputs: Sequence[Var], inputs: Sequence[Var]) -> Graph:
    """The closed graph of ``outputs`` with exactly these inputs."""
    closed = close(outputs, inputs)
    assert not closed.captured, closed.captured
    return Graph(closed.graph.inputs, closed.graph.outputs)
