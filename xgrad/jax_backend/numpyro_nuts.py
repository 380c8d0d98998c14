"""NUTS by numpyro: the alternative to blackjax, of the same density and with the same result."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from xgrad.jax_backend.extras import require
from xgrad.jax_backend.nuts import Draws, Report, Settings
from xgrad.jax_backend.own_gradient import Form

_PURPOSE = "Model.sample with backend='numpyro'"
_FIELDS = {  # what numpyro calls the statistics, and how they become ours
    "potential_energy": ("lp", np.negative),
    "diverging": ("diverging", np.asarray),
    "energy": ("energy", np.asarray),
    "num_steps": ("n_steps", np.asarray),
    "accept_prob": ("acceptance_rate", np.asarray),
    "adapt_state.step_size": ("step_size", np.asarray),
}


def run(
    form: Form,
    others: Any,
    start: dict[str, Any],
    seed: Any,
    settings: Settings,
    report: Report,
) -> tuple[Draws, Draws]:
    """Warm-up and draws, as ``nuts.run`` makes them; the chains are one batch, and report when they are done."""
    if settings.chains == 1:
        start = {name: value[0] for name, value in start.items()}  # numpyro has no batch of one
    with jax.enable_x64(True):
        key = jax.random.wrap_key_data(jnp.asarray(seed))
        mcmc = _runner(form, others, settings)
        early: Any = None
        if settings.warmup:
            mcmc.warmup(key, init_params=start, collect_warmup=True, extra_fields=tuple(_FIELDS))
            early = _draws(mcmc)
        mcmc.run(key, init_params=start, extra_fields=tuple(_FIELDS))
        found = _draws(mcmc)
    for i in range(settings.chains):
        report(i, settings.steps)
    return early if early is not None else _cut(found, 0), found


def _runner(form: Form, others: Any, settings: Settings) -> Any:
    density = form.bound(others)
    infer = require("numpyro.infer", _PURPOSE)
    kernel = infer.NUTS(
        potential_fn=lambda x: -density(x),
        target_accept_prob=settings.target_accept,
        max_tree_depth=settings.max_depth,
        dense_mass=settings.dense,
    )
    return infer.MCMC(
        kernel,
        num_warmup=settings.warmup,
        num_samples=settings.draws,
        num_chains=settings.chains,
        chain_method="vectorized",
        progress_bar=False,
    )


def _draws(mcmc: Any) -> Draws:
    fields = mcmc.get_extra_fields(group_by_chain=True)
    stats = {name: change(np.asarray(fields[k])) for k, (name, change) in _FIELDS.items()}
    stats["tree_depth"] = np.ceil(np.log2(stats["n_steps"] + 1)).astype(np.int64)
    return Draws(jax.tree.map(np.asarray, mcmc.get_samples(group_by_chain=True)), stats)


def _cut(draws: Draws, n: int) -> Draws:
    return jax.tree.map(lambda x: x[:, :n], draws)
