"""``python -m benchmarks``: xgrad against hand-written JAX and eager xarray, in one run, as ratios.

Sections: what a call costs, time to the first result, exact counts of the optimised program, warm run time, speed and
tracing against eager xarray, the cost of rewriting, what the rules do to densities, fits of curves, posteriors, and
long chains.
``--only SECTION`` runs one of them.
"""

import argparse
import platform
from collections.abc import Callable, Iterator

import jax
import numpy as np
import xarray as xr

import xgrad
from benchmarks import (
    calls,
    chains,
    counts,
    curvefit,
    densities,
    eager,
    first_result,
    gp,
    grouping,
    loops,
    lorenz,
    rewriting,
    sampling,
    warm,
)

Row = tuple[str, str]

SECTIONS: dict[str, tuple[str, Callable[[], Iterator[Row]]]] = {
    "calls": ("A call with labels over jax.jit on the same arrays", calls.rows),
    "first": ("Time to the first result over hand-written JAX", first_result.rows),
    "counts": ("Optimised HLO over hand-written JAX (exact)", counts.rows),
    "warm": ("Warm run time over hand-written JAX", warm.rows),
    "eager": ("Speed against eager xarray", eager.rows),
    "loops": ("Derivatives of loops over hand-written JAX", loops.rows),
    "lorenz": ("4D-Var through 1,024 steps over hand-written JAX", lorenz.rows),
    "rewriting": ("Rewriting: share of the time to the first result", rewriting.rows),
    "gp": ("A Gaussian process as in a textbook, value and gradient, 1,000 points", gp.rows),
    "grouping": ("Groups and windows over hand-written JAX", grouping.rows),
    "curvefit": ("2,000 curves fitted, against DataArray.curvefit", curvefit.rows),
    "models": ("Five posteriors over numpyro's (needs xgrad[numpyro,sample])", sampling.rows),
    "densities": ("Density-like expressions, all rules on over all rules off", densities.rows),
    "chains": ("A chain of traced elementwise operations, without XLA", chains.rows),
}


def main() -> None:
    """Print the sections that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=SECTIONS, action="append")
    only = parser.parse_args().only or list(SECTIONS)
    print(
        f"xgrad {xgrad.__version__}, jax {jax.__version__}, xarray {xr.__version__}, numpy {np.__version__},"
        f" Python {platform.python_version()}, {jax.devices()[0].platform}"
    )
    for key in only:
        title, rows = SECTIONS[key]
        print(f"\n{title}")
        for name, text in rows():
            print(f"  {name:<44} {text}", flush=True)


if __name__ == "__main__":
    main()
