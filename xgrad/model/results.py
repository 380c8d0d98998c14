"""Results as xarray.DataTrees, in the groups that ArviZ knows, with all labels."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import xarray as xr

from xgrad.errors import ArgumentError
from xgrad.model.sites import DeterministicSite, FreeSite, ObservedSite, Sites, known_values


def tree(groups: Mapping[str, xr.Dataset], attrs: Mapping[str, Any]) -> xr.DataTree:
    """The groups that are not empty, each with ``attrs``."""
    kept = {name: ds.assign_attrs(attrs) for name, ds in groups.items() if ds.data_vars}
    return xr.DataTree.from_dict(kept)


def as_chains(samples: xr.Dataset, chains: int = 1) -> xr.Dataset:
    """Samples along ``SAMPLE`` as ``(chain, draw)``, the chains one after another."""
    if SAMPLE not in samples.sizes:
        return samples  # there are no variables
    draws = samples.sizes[SAMPLE] // chains
    folded = samples.coarsen({SAMPLE: draws}).construct({SAMPLE: ("chain", "draw")})
    return folded.assign_coords(chain=range(chains), draw=range(draws)).transpose(
        "chain", "draw", ...
    )


def as_samples(posterior: xr.Dataset) -> xr.Dataset:
    """A Dataset over ``(chain, draw)`` with its draws along ``SAMPLE``, one chain after another."""
    flat = posterior.drop_vars(["chain", "draw"], errors="ignore")
    return flat.stack({SAMPLE: ("chain", "draw")}, create_index=False).transpose(SAMPLE, ...)


def posterior_of(result: xr.DataTree | xr.Dataset) -> xr.Dataset:
    """The posterior in a result, or what is one already. Raises ArgumentError where there is none."""
    found = (
        result["posterior"].to_dataset()
        if isinstance(result, xr.DataTree) and "posterior" in result
        else result.to_dataset()
        if isinstance(result, xr.DataTree)
        else result
    )
    if not isinstance(found, xr.Dataset) or not {"chain", "draw"} <= set(found.dims):
        raise ArgumentError(
            "a posterior is what Model.sample returned, its group `posterior`, or a Dataset over (chain, draw)."
        )
    return found


def labeled(variables: xr.Dataset, coords: Mapping[Any, xr.DataArray]) -> xr.Dataset:
    """``variables`` in the order of ``coords``, with those that fit their dims where they have none of that name."""
    sizes = variables.sizes
    order = {
        k: coords[k]
        for k, index in variables.indexes.items()
        if k in coords and len(index) == coords[k].size and index.isin(coords[k].to_index()).all()
    }
    variables = variables.reindex({k: c for k, c in order.items() if c.to_index().is_unique})
    fitting = {
        k: c
        for k, c in coords.items()
        if k not in variables.coords and all(sizes.get(d) == n for d, n in c.sizes.items())
    }
    return variables.assign_coords(fitting)


def only(variables: xr.Dataset, sites: Sites, *kinds: type) -> xr.Dataset:
    """The variables that sites of these kinds have."""
    return variables[[k for k in variables.data_vars if isinstance(sites[str(k)], kinds)]]


def known_groups(sites: Sites) -> dict[str, xr.Dataset]:
    """The data of a model: what was observed, and what is constant."""
    known = known_values(sites)
    seen = [s for s in sites.values() if isinstance(s, ObservedSite)]
    observed = {s.name: known[s.data.name] for s in seen}
    constant = {k: v for k, v in known.items() if k not in {s.data.name for s in seen}}
    return {"observed_data": together(observed), "constant_data": together(constant)}


def together(variables: Mapping[Any, xr.DataArray]) -> xr.Dataset:
    """The variables as one Dataset, without the coords on which they disagree."""
    found: dict[Any, xr.Variable] = {}
    differ: set[Any] = set()
    for array in variables.values():
        plain = {k: c.variable for k, c in array.coords.items() if k not in array.xindexes}
        differ |= {k for k, c in plain.items() if not found.setdefault(k, c).equals(c)}
    if not differ:
        return xr.Dataset(variables)  # a gradient is made often, and dropping nothing takes long
    return xr.Dataset({k: a.drop_vars(differ & set(a.coords)) for k, a in variables.items()})


def provenance(library: str, key: xr.DataArray) -> dict[str, Any]:
    """Who made a result, when, and from which seed, as attributes of a file."""
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "inference_library": library,
        "inference_library_version": version(library),
        "xgrad_version": sys.modules["xgrad"].__version__,
        **{f"{name}_version": version(name) for name in ("jax", "xarray")},
        "seed": seed_text(key),
    }


def seed_text(key: xr.DataArray) -> str:
    """The words of a key."""
    return " ".join(map(str, key.values.tolist()))


LIKELIHOOD = "log_likelihood"
SAMPLE = "__sample__"  # the dim of samples of any kind; no variable of a model can have it
LATENT = (FreeSite, DeterministicSite)
