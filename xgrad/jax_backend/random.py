"""JAX's random numbers as samplers: hashable functions of key words and parameters, repeated over leading axes."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from xgrad.axes.random import AbstractDraw
from xgrad.jax_backend.namespace import jax_namespace

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

    @property
    def __name__(self) -> str:
        return self.name

    def __call__(self, *arrays: Array) -> Array:
        function: Callable[..., Array] = functools.partial(self.one, jax_namespace)
        for _ in range(arrays[0].ndim - self.core):
            function = jax.vmap(function)
        with jax.enable_x64(True):
            return function(*[jax.numpy.asarray(x) for x in arrays])

    def one(self, xp: Any, *arrays: Array) -> Array:
        """The draw for one key, with the functions of ``xp``."""
        found = SAMPLERS[self.name](xp, self, *arrays)
        return found if np.dtype(found.dtype) == self.dtype else xp.astype(found, self.dtype)


def emit_draw(op: AbstractDraw, xp: Any, key: Array, *parameters: Array) -> Array:
    """A draw for one key is written down call by call; for many, JAX repeats it."""
    if key.ndim == op.core and isinstance(op.sampler, Sampler):
        return op.sampler.one(xp, key, *parameters)
    return op.sampler(key, *parameters)


def as_key(words: Array, xp: Any = jax_namespace) -> Array:
    """A typed key from its words."""
    return xp.random.wrap_key_data(words, impl=WORDS[words.shape[-1]])


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

    def draw(xp: Any, s: Sampler, words: Array, *parameters: Array) -> Array:
        options = dict(s.options)
        key, function = as_key(words, xp), getattr(xp.random, name)
        return function(key, *parameters, shape=s.shape, dtype=s.dtype, **options)

    return draw


def _discrete(name: str) -> Callable[..., Array]:
    """Those that choose their dtype themselves."""

    def draw(xp: Any, s: Sampler, words: Array, *parameters: Array) -> Array:
        return getattr(xp.random, name)(as_key(words, xp), *parameters, shape=s.shape)

    return draw


def _double_sided_maxwell(xp: Any, s: Sampler, words: Array) -> Array:
    return xp.random.double_sided_maxwell(as_key(words, xp), 0.0, 1.0, s.shape, s.dtype)


def _seed(xp: Any, s: Sampler, seed: Array) -> Array:
    return xp.random.key_data(xp.random.key(seed, **dict(s.options)))


def _split(xp: Any, s: Sampler, words: Array) -> Array:
    return xp.random.key_data(xp.random.split(as_key(words, xp), s.shape[:-1]))


def _fold_in(xp: Any, s: Sampler, words: Array, data: Array) -> Array:
    return xp.random.key_data(xp.random.fold_in(as_key(words, xp), data))


def _randint(xp: Any, s: Sampler, words: Array, low: Array, high: Array) -> Array:
    return xp.random.randint(as_key(words, xp), s.shape, low, high, s.dtype)


def _bits(xp: Any, s: Sampler, words: Array) -> Array:
    return xp.random.bits(as_key(words, xp), s.shape, s.dtype)


def _dirichlet(xp: Any, s: Sampler, words: Array, alpha: Array) -> Array:
    return xp.random.dirichlet(as_key(words, xp), alpha, s.shape[:-1], s.dtype)


def _categorical(xp: Any, s: Sampler, words: Array, logits: Array) -> Array:
    return xp.random.categorical(as_key(words, xp), logits, axis=-1, shape=s.shape)


def _multinomial(xp: Any, s: Sampler, words: Array, n: Array, p: Array) -> Array:
    return xp.random.multinomial(as_key(words, xp), n, p, shape=s.shape)


def _choice(xp: Any, s: Sampler, words: Array, *p: Array) -> Array:
    options = dict(s.options)
    weights = p[0] if p else None
    return xp.random.choice(as_key(words, xp), options["n"], s.shape, options["replace"], weights)


def _permutation(xp: Any, s: Sampler, words: Array) -> Array:
    return xp.random.permutation(as_key(words, xp), s.shape[0])


def _ball(xp: Any, s: Sampler, words: Array) -> Array:
    *shape, d = s.shape
    return xp.random.ball(
        as_key(words, xp), d, shape=tuple(shape), dtype=s.dtype, **dict(s.options)
    )


def _orthogonal(xp: Any, s: Sampler, words: Array) -> Array:
    *shape, n, m = s.shape
    return xp.random.orthogonal(as_key(words, xp), n, shape=tuple(shape), dtype=s.dtype, m=m)


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
