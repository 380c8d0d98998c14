"""The way from a names graph to the graph that is compiled: every pass, top to bottom, on one screen.

Each pass takes a graph to a graph and establishes an invariant that the next may rely on. ``XGRAD_SHOW=rewrites``
prints what every rule did; ``options(check_passes=True)`` type-checks the graph after every pass.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from xgrad.graph import Fired, Graph, check
from xgrad.lower.batched import hoist
from xgrad.lower.canonical import CANONICAL, FAST
from xgrad.lower.chains import reorder_chains
from xgrad.lower.choices import choices
from xgrad.lower.delegated import hand_aside
from xgrad.lower.derivatives import REFERENCE, expand_derivatives, strip_everywhere
from xgrad.lower.factors import share_factors
from xgrad.lower.frames import one_of_each
from xgrad.lower.loops import rewrite_loops, simplify
from xgrad.lower.names_to_axes import lower
from xgrad.lower.nested import rewrite_everywhere
from xgrad.lower.rules.loops import LOOPS
from xgrad.lower.rules.packing import PACKING
from xgrad.lower.rules.parallel import refuse_loops
from xgrad.lower.rules.residuals import RESIDUALS
from xgrad.lower.rules.signs import SIGNS
from xgrad.options import current_options


class Pass(NamedTuple):
    """One step of the pipeline: ``run(graph, ad, fired)``, and what holds after it."""

    name: str
    run: Callable[[Graph, str, list[Fired]], Graph]
    invariant: str


def _lower(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    return lower(graph)


def _canonicalise(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    disabled = current_options().disable
    rules = FAST if current_options().fast_math else CANONICAL
    while True:
        graph = simplify(graph, rules.without(disabled), LOOPS.without(disabled), fired)
        log: list[Fired] = []
        graph = reorder_chains(graph, disabled, log)
        if not log:
            return graph
        fired.extend(log)


def _canonicalise_first(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    graph = _canonicalise(graph, ad, fired)
    refuse_loops(graph)
    return graph


def _expand(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    return expand_derivatives(graph, ad, lambda inner: _canonicalise(inner, ad, fired))


def _keep(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    log: list[Fired] = []
    kept = rewrite_loops(graph, RESIDUALS.without(current_options().disable), log)
    fired.extend(log)
    return _canonicalise(kept, ad, fired) if log else graph


def _factor(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    log: list[Fired] = []
    factored = share_factors(graph, current_options().disable, log)
    fired.extend(log)
    return _canonicalise(factored, ad, fired) if log else graph


def _share(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    log: list[Fired] = []
    disabled = current_options().disable
    simplest = partial(_canonicalise, ad=ad, fired=fired)
    shared = one_of_each(graph, disabled, simplest, log)
    shared = hand_aside(shared, disabled, simplest, log)
    fired.extend(log)
    return _canonicalise(shared, ad, fired) if log else graph


def _pack(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    log: list[Fired] = []
    packed = rewrite_loops(graph, PACKING.without(current_options().disable), log)
    fired.extend(log)
    return _canonicalise(packed, ad, fired) if log else graph


def _sign(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    return rewrite_everywhere(graph, SIGNS.without(current_options().disable), fired)


def _strip(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    return strip_everywhere(graph)


def _hoist(graph: Graph, ad: str, fired: list[Fired]) -> Graph:
    return hoist(graph)


PASSES: tuple[Pass, ...] = (
    Pass("lower", _lower, "axes are numbers; broadcasting and casts are explicit"),
    Pass(
        "canonicalise",
        _canonicalise_first,
        "no rule applies, inside lazy derivatives and loops too",
    ),
    Pass("expand gradients", _expand, "no lazy derivative is left"),
    Pass("strip markers", _strip, "no marker is left"),
    Pass("hoist", _hoist, "a batched graph computes nothing that is the same at all its places"),
    Pass("canonicalise again", _canonicalise, "no rule applies, inside loops too"),
    Pass("factor", _factor, "no matrix is factored twice"),
    Pass("keep residuals", _keep, "no backward loop repeats what costs much in the forward one"),
    Pass("share", _share, "no loop is in two batches, or in two choices by one index"),
    Pass("pack", _pack, "many small values that a loop carries alike are one"),
    Pass("sign", _sign, "no sign is taken of what is repeated"),
)


class Stages(NamedTuple):
    """One function at each layer: as traced, as lowered, and as compiled; and what was done on the way.

    That is: the rules that fired, and for each derivative the mode that was chosen, in words.
    """

    names: Graph
    axes: Graph
    optimised: Graph
    rewrites: tuple[Fired, ...]
    derivatives: tuple[str, ...] = ()


def compile_graph(names: Graph, ad: str = "auto") -> Stages:
    """Run a names graph through every pass. ``ad`` is the gradient route of nodes that do not state their own."""
    fired: list[Fired] = []
    graphs = [names]
    for step in PASSES:
        graphs.append(_checked(step.run(graphs[-1], ad, fired), step.name))
    _show(fired)
    _, axes, simplified, *_ = graphs
    return Stages(names, axes, graphs[-1], tuple(fired), choices(simplified, ad))


def reference_graph(names: Graph) -> Graph:
    """The plainest equivalent tensor graph: lowered, with symbolic derivatives, and no rule applied."""
    return strip_everywhere(expand_derivatives(lower(names), REFERENCE, lambda inner: inner))


def _checked(graph: Graph, after: str) -> Graph:
    return check(graph, after) if current_options().check_passes else graph


def _show(fired: Sequence[Fired]) -> None:
    if "rewrites" in current_options().show:
        for f in fired:
            print(f"{f.rule}: {f.before} -> {f.after}  # {f.before.source}")
