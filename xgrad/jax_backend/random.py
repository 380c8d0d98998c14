"""JAX's random numbers as samplers: hashable functions of key words and parameters, repeated over leading axes."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

Array = Any

WORDS = {2: "threefry2x32", 4: "rbg"}  # the generator of a key, by how many words it has


@dataclasses.dataclass(frozen=True)
class Sampler:
    """``jax.random.<name>`` for keys given as words: what is drawn for one key has ``shape`` and ``dtype``.

    ``options`` are further arguments by name, ``core`` how many axes of the first input are its own.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    options: tuple[tuple[str, Any], ...] = ()
    core: int = 1

    def __call__(self, *arrays: Array) -> Array:
        function: Callable[..., Array] = self._one
        for _ in range(arrays[0].ndim - self.core):
            function = jax.vmap(function)
        with jax.enable_x64(True):
            return function(*[jax.numpy.asarray(x) for x in arrays])

    def _one(self, *arrays: Array) -> Array:
        return SAMPLERS[self.name](self, *arrays).astype(self.dtype)


def as_key(words: Array) -> Array:
    """A typed key from its words."""
    return jax.random.wrap_key_data(words, impl=WORDS[words.shape[-1]])


def new_key(seed: int, impl: str) -> np.ndarray:
    """The words of the key of a seed."""
    with jax.enable_x64(True):
        return np.asarray(jax.random.key_data(jax.random.key(seed, impl=impl)))


def is_typed_key(value: Any) -> bool:
    """Whether ``value`` is an array of keys of JAX's own dtype."""
    return isinstance(value, jax.Array) and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key)


def key_words(keys: Array) -> Array:
    """The words of typed keys."""
    return jax.random.key_data(keys)


def _floats(name: str) -> Callable[..., Array]:
    """Most of them take a key, parameters, a shape and a dtype."""
    function = getattr(jax.random, name)

    def draw(s: Sampler, words: Array, *parameters: Array) -> Array:
        options = dict(s.options)
        return function(as_key(words), *parameters, shape=s.shape, dtype=s.dtype, **options)

    return draw


def _discrete(name: str) -> Callable[..., Array]:
    """Those that choose their dtype themselves; the result is converted."""
    function = getattr(jax.random, name)

    def draw(s: Sampler, words: Array, *parameters: Array) -> Array:
        return function(as_key(words), *parameters, shape=s.shape)

    return draw


def _double_sided_maxwell(s: Sampler, words: Array) -> Array:
    return jax.random.double_sided_maxwell(as_key(words), 0.0, 1.0, s.shape, s.dtype)


def _seed(s: Sampler, seed: Array) -> Array:
    return jax.random.key_data(jax.random.key(seed, **dict(s.options)))


def _split(s: Sampler, words: Array) -> Array:
    return jax.random.key_data(jax.random.split(as_key(words), s.shape[:-1]))


def _fold_in(s: Sampler, words: Array, data: Array) -> Array:
    return jax.random.key_data(jax.random.fold_in(as_key(words), data))


def _randint(s: Sampler, words: Array, low: Array, high: Array) -> Array:
    return jax.random.randint(as_key(words), s.shape, low, high, s.dtype)


def _bits(s: Sampler, words: Array) -> Array:
    return jax.random.bits(as_key(words), s.shape, s.dtype)


def _dirichlet(s: Sampler, words: Array, alpha: Array) -> Array:
    return jax.random.dirichlet(as_key(words), alpha, s.shape[:-1], s.dtype)


def _categorical(s: Sampler, words: Array, logits: Array) -> Array:
    return jax.random.categorical(as_key(words), logits, axis=-1, shape=s.shape)


def _multinomial(s: Sampler, words: Array, n: Array, p: Array) -> Array:
    return jax.random.multinomial(as_key(words), n, p, shape=s.shape)


def _choice(s: Sampler, words: Array, *p: Array) -> Array:
    options = dict(s.options)
    weights = p[0] if p else None
    return jax.random.choice(as_key(words), options["n"], s.shape, options["replace"], weights)


def _permutation(s: Sampler, words: Array) -> Array:
    return jax.random.permutation(as_key(words), s.shape[0])


def _ball(s: Sampler, words: Array) -> Array:
    *shape, d = s.shape
    return jax.random.ball(as_key(words), d, shape=tuple(shape), dtype=s.dtype, **dict(s.options))


def _orthogonal(s: Sampler, words: Array) -> Array:
    *shape, n, m = s.shape
    return jax.random.orthogonal(as_key(words), n, shape=tuple(shape), dtype=s.dtype, m=m)


_OF_FLOATS = """
    beta cauchy chisquare exponential f gamma generalized_normal gumbel laplace loggamma logistic
    lognormal maxwell normal pareto rayleigh t triangular truncated_normal uniform wald weibull_min
""".split()

SAMPLERS: Mapping[str, Callable[..., Array]] = {
    **{name: _floats(name) for name in _OF_FLOATS},
    **{
        name: _discrete(name)
        for name in ("binomial", "geometric", "poisson", "rademacher", "bernoulli")
    },
    "ball": _ball,
    "bits": _bits,
    "categorical": _categorical,
    "choice": _choice,
    "dirichlet": _dirichlet,
    "double_sided_maxwell": _double_sided_maxwell,
    "fold_in": _fold_in,
    "multinomial": _multinomial,
    "orthogonal": _orthogonal,
    "permutation": _permutation,
    "randint": _randint,
    "seed": _seed,
    "split": _split,
}
