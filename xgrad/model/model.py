"""``Model``: named variables over named dims, declared in a ``with`` block, and what can be done with them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from xgrad.errors import ArgumentError, UnsupportedTypeError, nearest
from xgrad.graph import markup, user_source
from xgrad.jax_backend.variational import FitSettings
from xgrad.model import admission, approximation, context, declaring, prediction
from xgrad.model.admission import admit
from xgrad.model.check import CheckReport, check
from xgrad.model.density import Density
from xgrad.model.dims import Dims, ModelDims
from xgrad.model.distributions.base import Distribution
from xgrad.model.drawing import ModelGraph, draw
from xgrad.model.exchange import exchanged, given_data
from xgrad.model.imputing import imputed_sites
from xgrad.model.mode import Modes
from xgrad.model.results import (
    LATENT,
    as_chains,
    as_samples,
    known_groups,
    labeled,
    only,
    posterior_of,
    tree,
)
from xgrad.model.sampling import Posterior, Settings, Wanted
from xgrad.model.simulation import Simulation, check_counts, seed_key
from xgrad.model.sites import (
    DeterministicSite,
    FreeSite,
    ObservedSite,
    Site,
    free_sites,
    known_values,
)
from xgrad.model.table import HEADER, as_text, rows
from xgrad.model.unbounded import UnboundedDensity


class Model:
    """Named variables over named dims and coords.

    ``coords`` maps dims to labels, or to a size where there are none; or it is a Dataset, whose coords are those of the
    model and whose variables become its data. Dims and labels of arrays declared later are added by themselves.

    >>> from xgrad.model import HalfNormal, Model, Normal
    >>> with Model(coords={"city": ["Oslo", "Rome"]}) as m:
    ...     spread = HalfNormal("spread")
    ...     level = Normal("level", 0.0, spread, dims="city")
    >>> level.sizes
    Frozen({'city': 2})
    >>> float(m.logp({"spread": 1.0, "level": [0.0, 0.0]}))  # doctest: +ELLIPSIS
    -2.5636...
    """

    def __init__(self, coords: Mapping[Any, Any] | xr.Dataset | None = None) -> None:
        self.sites: dict[str, Site] = {}
        self.dims = ModelDims(coords.coords if isinstance(coords, xr.Dataset) else coords)
        self.definition: Callable[[Mapping[str, Any]], Model] | None = None  # see ``define``
        self._density: Density | None = None
        self._unbounded: UnboundedDensity | None = None
        self._simulation: Simulation | None = None
        self._modes: Modes | None = None
        self._checked = False
        if isinstance(coords, xr.Dataset):
            for name, array in coords.data_vars.items():
                self.data(str(name), array)

    def __enter__(self) -> "Model":
        context.enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        context.leave()

    def __getitem__(self, name: str) -> xr.DataArray:
        """The symbolic array called ``name``."""
        if name not in self.sites:
            raise KeyError(f"the model has no variable {name!r}{nearest(name, self.sites)}")
        return self.sites[name].symbol

    @property
    def free(self) -> dict[str, FreeSite]:
        """The variables to be inferred."""
        return free_sites(self.sites)

    @property
    def known(self) -> dict[str, xr.DataArray]:
        """The values of all numeric data."""
        return known_values(self.sites)

    # ---- declaring -------------------------------------------------------------------------------------------------
    def data(self, name: str, value: Any, dims: Dims = None) -> xr.DataArray:
        """Known values as a symbolic array, so that they can be exchanged for others; see ``Data``."""
        return self._add(declaring.data_site(self.dims, name, value, dims))

    def variable(
        self, name: str, family: type[Distribution], args: Sequence[Any], options: dict[str, Any]
    ) -> xr.DataArray:
        """A variable with a distribution of ``family``.

        Options beside the parameters: ``dims`` (``...`` stands for those of the parameters), ``observed`` with
        ``missing`` (``"error"``, ``"drop"`` or ``"impute"``), ``transform`` (a Bijection), and ``noncentered`` for
        families of locations and scales.
        """
        found = declaring.declaration(name, family, args, options)
        if found.observed is None:
            return self._add(declaring.free_site(self.dims, found))
        data = declaring.observed_data(self.sites, self.dims, found)
        if found.missing == "impute" and data.value.isnull().any():
            part, whole = imputed_sites(self.dims, found, data)
            self._add(part)
            return self._add(whole)
        return self._add(declaring.observed_site(self.dims, found, data))

    def deterministic(self, name: str, expression: Any) -> xr.DataArray:
        """A computed value that is kept, with the dims it has; see ``Deterministic``."""
        value = admission.expression("Deterministic", name, expression)
        self.dims.add_results(value, f"Deterministic {name!r}")
        return self._add(DeterministicSite(name, value, user_source()))

    def potential(self, name: str, expression: Any) -> xr.DataArray:
        """A term of the log-density; see ``Potential``."""
        site = admission.potential_site(name, expression, user_source())
        self.dims.add_results(site.symbol, f"Potential {name!r}")
        return self._add(site)

    def _add(self, site: Site) -> xr.DataArray:
        if isinstance(site, ObservedSite) and self.sites.get(site.name) is site.data:
            del self.sites[site.name]  # the variable takes the name over from its data
        admit(site, self.sites, self.dims)
        self.sites[site.name] = site
        self.definition = None
        self._density = self._unbounded = self._simulation = self._modes = None
        self._checked = False
        return site.symbol

    def __copy__(self) -> "Model":
        """A model with the same parts; what is declared in one of them later is not in the other."""
        other = Model()
        other.sites, other.dims = dict(self.sites), self.dims.copy()
        other.definition = self.definition
        return other

    def __deepcopy__(self, _: Any) -> "Model":
        return self.__copy__()

    def __reduce__(self) -> Any:
        if self.definition is None:
            raise UnsupportedTypeError(
                "a model declared in a `with` block cannot be pickled: its symbols belong to this process. Pickle its"
                " results, or write it as a function (xgrad.model.define), whose models are pickled as its name and"
                " data."
            )
        return self.definition, ({},)

    def with_data(self, data: Mapping[str, Any]) -> "Model":
        """This model for other data: a Dataset, or arrays by name. Sizes and labels may be others.

        A model made by ``define`` is declared again. Else its expressions are computed from the new data; where one of
        them holds labels or numbers of the old size, SizeMismatchError says which. What is compiled is found again
        where sizes agree. Raises ArgumentError for names that are no data.
        """
        given = given_data(data)
        if self.definition is not None:
            return self.definition(given)
        model = Model()
        model.sites, model.dims = exchanged(self.sites, self.dims, given)
        return model

    # ---- the density -----------------------------------------------------------------------------------------------
    @property
    def density(self) -> Density:
        """The compiled log-density and its derivatives."""
        if self._density is None:
            self._density = Density(self.sites)
        return self._density

    @property
    def simulation(self) -> Simulation:
        """The compiled draws."""
        if self._simulation is None:
            self._simulation = Simulation(self.sites)
        return self._simulation

    @property
    def _posterior(self) -> Posterior:
        """Draws from the posterior, as labeled groups."""
        return Posterior(self.density, self.logp_fn, self.dims.coords.coords)

    @property
    def modes(self) -> Modes:
        """The compiled search for the mode."""
        if self._modes is None:
            self._modes = Modes(self.density, self.logp_fn)
        return self._modes

    @property
    def logp_fn(self) -> UnboundedDensity:
        """The log-density as a pure JAX function of a flat dict of unbounded arrays; see ``UnboundedDensity``."""
        self._require_free()
        if self._unbounded is None:
            self._unbounded = UnboundedDensity(self.density)
        return self._unbounded

    def logp(self, values: Mapping[str, Any], *, terms: bool = False) -> Any:
        """The log-density at ``values`` of the free variables, given the data: 0-d, or with ``terms`` a Dataset of each
        variable's part, entry by entry.
        """
        return self.density.terms(values) if terms else self.density.total(values)

    def dlogp(self, values: Mapping[str, Any], *, terms: bool = False) -> Any:
        """The gradient of ``logp`` by each free variable; with ``terms`` a dict of that of each variable's part."""
        self._require_free()
        return self.density.gradients(values) if terms else self.density.gradient(values)

    def d2logp(self, values: Mapping[str, Any], *, terms: bool = False) -> Any:
        """The Hessian of ``logp``: a block for each pair of free variables, by name, with the labels of both.

        With ``terms`` a dict of that of each variable's part.
        """
        self._require_free()
        return self.density.hessians(values) if terms else self.density.hessian(values)

    def check(self, seed: Any = 0) -> CheckReport:
        """Whether every term of the log-density and every gradient is finite, at the start and at 32 prior draws.

        Fitting and sampling do this first. Raises ModelCheckError with a table of all sites where one is not.
        """
        return check(self.density, self.logp_fn, self.simulation, seed_key(seed))

    def _require_free(self) -> None:
        if not self.free:
            raise ArgumentError(
                "the model has no free variables, so there is nothing to infer; declare one without observed=."
            )

    def _check_once(self, wanted: bool) -> None:
        """Check, unless it was found good already."""
        if wanted and not self._checked:
            self.check()
            self._checked = True

    # ---- draws -----------------------------------------------------------------------------------------------------
    def prior(self, draws: int = 500, seed: Any = 0) -> xr.DataTree:
        """Draws from the prior: the groups ``prior``, ``prior_predictive`` (of what was observed) and the data.

        ``seed`` is an integer or a key of ``xgrad.random``.
        """
        check_counts(draws=draws)
        samples = as_chains(self.simulation.draws(seed_key(seed), draws, self.known))
        samples = labeled(samples, self.dims.coords.coords)
        groups = {
            "prior": only(samples, self.sites, *LATENT),
            "prior_predictive": only(samples, self.sites, ObservedSite),
        }
        return tree({**groups, **known_groups(self.sites)}, {"seed": str(seed)})

    def sample(
        self,
        draws: int = 1000,
        tune: int = 1000,
        chains: int = 4,
        seed: Any = 0,
        *,
        backend: str = "blackjax",
        target_accept: float = 0.8,
        max_depth: int = 10,
        dense: bool = False,
        keep_warmup: bool = False,
        log_likelihood: bool = False,
        progress: bool | None = None,
        check: bool = True,
    ) -> xr.DataTree:
        """The posterior by NUTS: the groups ``posterior``, ``sample_stats`` and the data.

        ``tune`` steps of warm-up come first, rounded up to a multiple of 50; ``keep_warmup`` adds them as
        ``warmup_posterior`` and ``warmup_sample_stats``. ``log_likelihood`` adds a group of the density of each
        observation. ``dense`` adapts a full mass matrix. ``backend`` is ``"blackjax"`` (a thread for each chain) or
        ``"numpyro"`` (the chains as one batch). ``progress``: by default there is a bar in terminals and notebooks.
        What is compiled serves all calls with the same settings, and models of the same form for data of these sizes.

        Raises ModelCheckError where ``check`` finds a density that is not finite, ImportError where the backend is
        missing; warns of draws that diverged and of chains that disagree (ConvergenceWarning).
        """
        check_counts(draws=draws, chains=chains, max_depth=max_depth)
        check_counts(0, tune=tune)
        if not 0 < target_accept < 1:
            raise ArgumentError(f"target_accept={target_accept!r}: give a share between 0 and 1.")
        wanted = Wanted(backend, keep_warmup, log_likelihood, progress)
        settings = Settings(draws, tune, chains, target_accept, max_depth, dense)
        self._check_once(check)
        return self._posterior.sample(seed_key(seed), settings, wanted)

    def predict(
        self,
        posterior: xr.DataTree | xr.Dataset,
        data: Mapping[str, Any] | None = None,
        seed: Any = 0,
        *,
        new_levels: str = "error",
        chunk: int | str = "auto",
    ) -> xr.DataTree:
        """Draws of what was observed and of the deterministic values, one for each draw of ``posterior``.

        ``data`` (a Dataset, or arrays by name) takes the place of data of the model; its dims may have other sizes and
        labels. Free variables are taken at its labels; those that the posterior has not are drawn from the prior with
        ``new_levels="prior"``, else an error names them. ``chunk`` samples are computed at a time.
        """
        prediction.check_options(new_levels, chunk)
        found = prediction.new_data(self.sites, given_data(data if data is not None else {}))
        draws = posterior_of(posterior)
        samples = prediction.free_samples(self.sites, as_samples(draws), new_levels)
        samples = prediction.at_labels(samples, found, new_levels)
        drawn = prediction.predict(
            self.simulation, self.sites, samples, found, seed_key(seed), chunk
        )
        drawn = as_chains(drawn, draws.sizes["chain"])
        groups = prediction.groups(self.sites, drawn, found, self.dims.coords.coords)
        return tree(groups, {"seed": str(seed)})

    def map(self, *, check: bool = True) -> xr.Dataset:
        """The mode of the posterior: free and deterministic variables at the highest density of the variables.

        Of non-centred variables it is the density of their standard form that counts, as in other libraries.
        The search is L-BFGS-B over their unbounded forms, from zero. ``attrs`` hold ``logp``, ``steps``, ``success``.
        Raises ModelCheckError where ``check`` finds a density that is not finite; warns where the search ends early
        (ConvergenceWarning).
        """
        self._check_once(check)
        return labeled(self.modes.mode(), self.dims.coords.coords)

    def laplace(self, draws: int = 1000, seed: Any = 0, *, check: bool = True) -> xr.DataTree:
        """The posterior as the normal distribution around the mode of the unbounded forms: the group ``posterior``.

        Raises NonFiniteError where the density does not bend down in every direction at the mode.
        """
        check_counts(draws=draws)
        self._check_once(check)
        found = self.modes.laplace(draws, np.asarray(seed_key(seed).values))
        posterior = labeled(as_chains(found), self.dims.coords.coords)
        return tree({"posterior": posterior, **known_groups(self.sites)}, {"seed": str(seed)})

    def fit(
        self,
        method: str = "meanfield",
        draws: int = 1000,
        seed: Any = 0,
        *,
        steps: int = 10_000,
        learning_rate: float = 0.01,
        samples: int = 10,
        progress: bool | None = None,
        check: bool = True,
    ) -> xr.DataTree:
        """The posterior as the normal distribution of the unbounded forms that is nearest to it, by blackjax and optax.

        ``method`` is ``"meanfield"`` (variances only) or ``"fullrank"``. The groups are ``posterior``, ``fit`` with the
        evidence lower bound of each of the ``steps`` of Adam (in whole blocks of 250), and the data. Raises ImportError
        where a library is missing.
        """
        check_counts(draws=draws, steps=steps, samples=samples)
        if not learning_rate > 0:
            raise ArgumentError(f"learning_rate={learning_rate!r}: give a positive number.")
        self._check_once(check)
        settings = FitSettings(method, steps, learning_rate, samples)
        return approximation.fit(self._posterior, seed_key(seed), settings, draws, progress)

    def pathfinder(
        self, draws: int = 1000, seed: Any = 0, *, paths: int = 4, check: bool = True
    ) -> xr.DataTree:
        """The posterior by pathfinder of blackjax: draws from normal distributions along ``paths`` climbs to the mode.

        A quick picture, also for finding out why sampling fails. Warns where the approximation is a bad one
        (ConvergenceWarning). Source: Zhang, Carpenter, Gelman, Vehtari (2022), JMLR 23(306).
        """
        check_counts(draws=draws, paths=paths)
        self._check_once(check)
        return approximation.pathfinder(self._posterior, seed_key(seed), draws, paths)

    def graph(self) -> ModelGraph:
        """The model as a picture, with dims as plates and their sizes: SVG, which notebooks show, and Mermaid."""
        return draw(self.sites)

    def __repr__(self) -> str:
        table = as_text(self.sites).replace("\n", "\n  ")
        return f"<xgrad.model.Model>\n  {table}"

    def _repr_html_(self) -> str:
        graph = markup.part("graph", markup.svg(self.graph().svg), opened=True)
        return markup.page("Model", [markup.table(HEADER, rows(self.sites)), graph])
