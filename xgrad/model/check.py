"""Checking a model before it is fitted: is every term, and every gradient, finite at the start and at prior draws?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ModelCheckError
from xgrad.graph import markup
from xgrad.model.density import Density, Values
from xgrad.model.results import SAMPLE
from xgrad.model.simulation import Simulation
from xgrad.model.sites import FreeSite, ObservedSite, PotentialSite, Site, free_sites, known_values
from xgrad.model.unbounded import UnboundedDensity
from xgrad.transforms.derivatives.grad import grad
from xgrad.transforms.vmap import vmap

DRAWS = 32
_HEADER = ("name", "is", "dims", "logp at start", "gradient at start", "finite at prior draws")


@dataclass(frozen=True)
class Row:
    """What was found of one site."""

    name: str
    kind: str
    dims: str
    logp: float
    gradient: float | None  # the largest entry; None for what is not differentiated by
    finite_draws: int | None  # None where no draws could be made

    @property
    def is_good(self) -> bool:
        return (
            bool(np.isfinite(self.logp))
            and (self.gradient is None or bool(np.isfinite(self.gradient)))
            and self.finite_draws in (None, DRAWS)
        )

    @property
    def cells(self) -> tuple[str, ...]:
        gradient = "" if self.gradient is None else f"{self.gradient:.4g}"
        draws = "no draws" if self.finite_draws is None else f"{self.finite_draws} of {DRAWS}"
        return self.name, self.kind, self.dims, f"{self.logp:.4g}", gradient, draws


@dataclass(frozen=True)
class CheckReport:
    """What a check found, one row for each part of the density. Prints as a table."""

    rows: tuple[Row, ...]

    @property
    def bad(self) -> tuple[Row, ...]:
        """The rows where something is not finite."""
        return tuple([row for row in self.rows if not row.is_good])

    def __str__(self) -> str:
        lines = [_HEADER, *[row.cells for row in self.rows]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        marks = ["", *["" if row.is_good else "  <-- not finite" for row in self.rows]]
        padded = [[c.ljust(w) for c, w in zip(line, widths, strict=True)] for line in lines]
        return "\n".join(
            [("  ".join(cells) + mark).rstrip() for cells, mark in zip(padded, marks, strict=True)]
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return markup.table(
            _HEADER, [row.cells for row in self.rows], [not row.is_good for row in self.rows]
        )


def check(
    density: Density, unbounded: UnboundedDensity, simulation: Simulation, key: Any
) -> CheckReport:
    """The report on a model. Raises ModelCheckError with the table where a log-density or a gradient is not finite."""
    sites, data = density.sites, known_values(density.sites)
    start = unbounded.labeled({k: v[None] for k, v in unbounded.start.items()}, SAMPLE)
    at_start = vmap(density.traced_latent, SAMPLE)(start, data)
    free = free_sites(sites)
    terms, gradients = _evaluated(density, {k: at_start[k] for k in free}, data)
    drawn = _prior_draws(simulation, key, free, data)
    finite = None if drawn is None else _finite(*_evaluated(density, drawn, data))
    rows = [_row(sites[name], term, gradients.get(name), finite) for name, term in terms.items()]
    report = CheckReport(tuple(rows))
    if report.bad:
        raise ModelCheckError(_explained(report))
    return report


def _evaluated(density: Density, values: Values, data: Values) -> tuple[Values, Values]:
    """The terms and the gradients by each free variable, along ``SAMPLE``."""

    def both(values: Values, data: Values) -> tuple[Values, Values]:
        return density.traced_terms(values, data), grad(density.traced_total)(values, data)

    return vmap(both, SAMPLE)(values, data)


def _prior_draws(
    simulation: Simulation, key: Any, free: Mapping[str, FreeSite], data: Values
) -> Values | None:
    """Draws of the free variables; None where one of them cannot be drawn from."""
    try:
        drawn = simulation.draws(key, DRAWS, data)
    except NotImplementedError:
        return None
    return {name: drawn[name] for name in free}


def _finite(terms: Values, gradients: Values) -> dict[str, int]:
    """In how many draws the term, and the gradient, of each site is finite."""
    both = {
        k: _is_finite(v) & _is_finite(gradients[k]) if k in gradients else _is_finite(v)
        for k, v in terms.items()
    }
    return {k: int(v.sum()) for k, v in both.items()}


def _is_finite(array: xr.DataArray) -> xr.DataArray:
    finite: xr.DataArray = abs(array) < np.inf
    return finite.all([d for d in array.dims if d != SAMPLE])


def _row(site: Site, term: Any, gradient: Any, finite: Mapping[str, int] | None) -> Row:
    largest = (
        None
        if gradient is None
        else float(abs(gradient).max(skipna=False))
        if gradient.size
        else 0.0
    )
    dims = ", ".join([f"{d}: {n}" for d, n in site.symbol.sizes.items()])
    return Row(
        site.name,
        _KINDS[type(site)],
        dims,
        float(term.sum(skipna=False)),
        largest,
        None if finite is None else finite[site.name],
    )


_KINDS = {FreeSite: "free", ObservedSite: "observed", PotentialSite: "potential"}


def _explained(report: CheckReport) -> str:
    names = ", ".join([repr(row.name) for row in report.bad])
    return (
        f"the log-density or its gradient is not finite: see {names} in the table.\n{report}\n"
        "Look at the parameters and the support of what is marked: a scale that can be 0, a parameter that is missing,"
        " data outside the support, a prior that is too wide."
    )
