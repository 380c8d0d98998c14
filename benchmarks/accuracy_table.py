"""Expressions as users write them, at arguments where they cancel, overflow or underflow.

Each is written once, on a library ``m`` of functions: that of xarray under xgrad, of JAX, of PyTensor, and of mpmath.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

Number = float | tuple[float, ...]  # a tuple is a row of numbers along one dim

ROOT2 = math.sqrt(2)


class Expression(NamedTuple):
    """A scalar function of numbers and rows, and the arguments at which it is computed."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Number, ...]

    def __str__(self) -> str:
        return f"{self.name} at {', '.join(map(_text, self.arguments))}"


def _text(argument: Number) -> str:
    if isinstance(argument, tuple):
        return f"[{', '.join(map(_text, argument))}]"
    return f"{argument:.6g}"


def at(name: str, function: Callable[..., Any], *arguments: Number) -> Expression:
    return Expression(name, function, arguments)


def logsumexp(m: Any, x: Any) -> Any:
    return m.log(m.sum(m.exp(x)))


def weighted(m: Any, x: Any, w: Any) -> Any:
    return m.log(m.sum(w * m.exp(x)))


def dotted(m: Any, x: Any, w: Any) -> Any:
    return m.log(m.dot(m.exp(x), w))


def logmeanexp(m: Any, x: Any) -> Any:
    return m.log(m.mean(m.exp(x)))


def logaddexp(m: Any, a: Any, b: Any) -> Any:
    return m.log(m.exp(a) + m.exp(b))


def softplus(m: Any, x: Any) -> Any:
    return m.log(1 + m.exp(x))


def log1mexp(m: Any, x: Any) -> Any:
    return m.log(1 - m.exp(x))


def sigmoid(m: Any, x: Any) -> Any:
    return 1 / (1 + m.exp(-x))


def log_sigmoid(m: Any, x: Any) -> Any:
    return m.log(sigmoid(m, x))


def log_one_minus_sigmoid(m: Any, x: Any) -> Any:
    return m.log(1 - sigmoid(m, x))


def softmax(m: Any, x: Any) -> Any:
    return m.exp(x) / m.sum(m.exp(x))


def log_softmax(m: Any, x: Any) -> Any:
    return m.first(m.log(softmax(m, x)))


def log_softmax_shifted(m: Any, x: Any) -> Any:
    shifted = m.exp(x - m.max(x))
    return m.first(m.log(shifted / m.sum(shifted)))


def log_softmax_by_difference(m: Any, x: Any) -> Any:
    return m.first(x - logsumexp(m, x))


def cross_entropy(m: Any, x: Any, y: Any) -> Any:
    return -m.sum(y * m.log(softmax(m, x)))


def bernoulli(m: Any, x: Any) -> Any:
    p = sigmoid(m, x)
    return 0.25 * m.log(p) + 0.75 * m.log(1 - p)


def logistic_log_density(m: Any, x: Any) -> Any:
    p = sigmoid(m, x)
    return m.log(p * (1 - p))


def entropy(m: Any, x: Any) -> Any:
    return -m.sum(x * m.log(x))


def log_normal_cdf(m: Any, x: Any) -> Any:
    return m.log(0.5 * m.erfc(-x / ROOT2))


def log_normal_cdf_by_erf(m: Any, x: Any) -> Any:
    return m.log(0.5 * (1 + m.erf(x / ROOT2)))


def radius(m: Any, a: Any, b: Any) -> Any:
    return m.sqrt(a**2 + b**2)


def variance(m: Any, x: Any) -> Any:
    return m.mean(x**2) - m.mean(x) ** 2


def tanh_by_exp(m: Any, x: Any) -> Any:
    return (m.exp(x) - m.exp(-x)) / (m.exp(x) + m.exp(-x))


def gammaln_difference(m: Any, x: Any, d: Any) -> Any:
    return m.gammaln(x + d) - m.gammaln(x)


def betaln(m: Any, a: Any, b: Any) -> Any:
    return m.gammaln(a) + m.gammaln(b) - m.gammaln(a + b)


def student_normaliser(m: Any, nu: Any) -> Any:
    return m.gammaln((nu + 1) / 2) - m.gammaln(nu / 2)


def mixture(m: Any, x: Any) -> Any:
    near, far = m.exp(-0.5 * (x - 1) ** 2), m.exp(-0.5 * (x + 2) ** 2)
    return m.log(0.3 * near + 0.7 * far)


def posterior(m: Any, x: Any, w: Any) -> Any:
    joint = w * m.exp(x)
    return m.first(joint / m.sum(joint))


TABLE: tuple[Expression, ...] = (
    at("log(1 + x)", lambda m, x: m.log(1 + x), 1e-18),
    at("log(1 + x)", lambda m, x: m.log(1 + x), 3e-9),
    at("log(1 - x)", lambda m, x: m.log(1 - x), 1e-17),
    at("exp(x) - 1", lambda m, x: m.exp(x) - 1, 1e-15),
    at("1 - exp(x)", lambda m, x: 1 - m.exp(x), -1e-18),
    at("log Σ exp(x)", logsumexp, (800.0, 801.0)),
    at("log Σ exp(x)", logsumexp, (-1000.0, -1001.5, -1000.25)),
    at("log Σ exp(x)", logsumexp, (0.0, -50.0)),
    at("log Σ w exp(x)", weighted, (900.0, 800.0, 899.0), (0.5, 1.0, 0.25)),
    at("log Σ w exp(x), w < 0", weighted, (900.0, 899.0), (0.5, -0.25)),
    at("log dot(exp(x), w)", dotted, (-900.0, -905.0), (0.5, 2.0)),
    at("log mean exp(x)", logmeanexp, (-800.0, -801.0, -790.0)),
    at("log(exp(a) + exp(b))", logaddexp, 710.0, 712.0),
    at("log(exp(a) + exp(b))", logaddexp, -800.0, -750.0),
    at("log(1 + exp(x))", softplus, 800.0),
    at("log(1 + exp(x))", softplus, -50.0),
    at("log(1 - exp(x))", log1mexp, -1e-20),
    at("log(1 - exp(x))", log1mexp, -50.0),
    at("log sigmoid(x)", log_sigmoid, -800.0),
    at("log sigmoid(x)", log_sigmoid, 50.0),
    at("log(1 - sigmoid(x))", log_one_minus_sigmoid, 820.0),
    at("log(1 - sigmoid(x))", log_one_minus_sigmoid, -45.0),
    at("sigmoid(x)", sigmoid, -700.0),
    at("sigmoid(x)", sigmoid, 40.0),
    at("1 - sigmoid(x)", lambda m, x: 1 - sigmoid(m, x), 40.0),
    at("exp(x) / (1 + exp(x))", lambda m, x: m.exp(x) / (1 + m.exp(x)), 700.5),
    at("5 / (1 + exp(-x))", lambda m, x: 5 / (1 + m.exp(-x)), -700.0),
    at("Bernoulli by logit", bernoulli, 750.0),
    at("logistic log-density", logistic_log_density, 800.0),
    at("log softmax(x)[0]", log_softmax, (0.0, 800.0)),
    at("log softmax(x)[0]", log_softmax, (1000.0, 980.0)),
    at("log softmax(x - max)[0]", log_softmax_shifted, (-800.0, 0.5, 1.0)),
    at("(x - log Σ exp(x))[0]", log_softmax_by_difference, (0.0, 900.0, 899.0)),
    at("max softmax(x)", lambda m, x: m.max(softmax(m, x)), (1000.0, 1001.0, 990.0)),
    at("cross-entropy", cross_entropy, (0.0, 900.0, 850.0), (0.7, 0.2, 0.1)),
    at("posterior weight", posterior, (-900.0, -901.0), (0.25, 0.75)),
    at("x log(x)", lambda m, x: x * m.log(x), 1e-300),
    at("entropy", entropy, (1e-200, 0.5, 0.25)),
    at("log erfc(x)", lambda m, x: m.log(m.erfc(x)), 30.0),
    at("log erfc(x)", lambda m, x: m.log(m.erfc(x)), 1e-12),
    at("log erfc(x)", lambda m, x: m.log(m.erfc(x)), 1e6),
    at("1 - erf(x)", lambda m, x: 1 - m.erf(x), 8.0),
    at("1 + erf(x)", lambda m, x: 1 + m.erf(x), -9.0),
    at(
        "exp(x²) erfc(x)",
        lambda m, x: m.exp(x**2) * m.erfc(x),
        30.0,
    ),
    at("log(erfc(-x/√2) / 2)", log_normal_cdf, -40.0),
    at("log(erfc(-x/√2) / 2)", log_normal_cdf, 7.7),
    at("log((1 + erf(x/√2)) / 2)", log_normal_cdf_by_erf, -50.0),
    at("log ndtr(x)", lambda m, x: m.log(m.ndtr(x)), -1e3),
    at("log ndtr(x)", lambda m, x: m.log(m.ndtr(x)), -1e6),
    at("log_ndtr(x)", lambda m, x: m.log_ndtr(x), 7.7),
    at("log_ndtr(x)", lambda m, x: m.log_ndtr(x), -21.0),
    at("1 - ndtr(x)", lambda m, x: 1 - m.ndtr(x), 12.0),
    at("√(a² + b²)", radius, 3e200, 4e200),
    at("√(a² + b²)", radius, 3e-200, 4e-200),
    at("log(x³)", lambda m, x: m.log(x**3), 1e150),
    at("log(x²)", lambda m, x: m.log(x**2), -1e-200),
    at("log(x¹⁰)", lambda m, x: m.log(x**10), 3e-60),
    at("log Π x", lambda m, x: m.log(m.prod(x)), (1e-200, 2e-200, 1e-100)),
    at("mean(x²) - mean(x)²", variance, (1e8, 1e8 + 1, 1e8 + 3)),
    at("mean(x²) - mean(x)²", variance, (2e154, 2.1e154)),
    at("sinh(x) / cosh(x)", lambda m, x: m.sinh(x) / m.cosh(x), 1e-9),
    at("sinh(x) / cosh(x)", lambda m, x: m.sinh(x) / m.cosh(x), 5.0),
    at(
        "sinh(x) / cosh(x)",
        lambda m, x: m.sinh(x) / m.cosh(x),
        20.0,
    ),
    at("(eˣ - e⁻ˣ) / 2", lambda m, x: (m.exp(x) - m.exp(-x)) / 2, 1e-12),
    at("(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)", tanh_by_exp, 1e-11),
    at("(eˣ - 1) / (eˣ + 1)", lambda m, x: (m.exp(x) - 1) / (m.exp(x) + 1), 1e-13),
    at("log cosh(x)", lambda m, x: m.log(m.cosh(x)), 800.0),
    at("log cosh(x)", lambda m, x: m.log(m.cosh(x)), 1e-9),
    at("1 - cos(x)", lambda m, x: 1 - m.cos(x), 1e-9),
    at("log Γ(x + d) - log Γ(x)", gammaln_difference, 1e10, 2.5),
    at("log Γ(x + d) - log Γ(x)", gammaln_difference, 300.0, 1e-3),
    at("log B(a, b)", betaln, 1e10, 2.5),
    at("log B(a, b)", betaln, 3.0, 1e12),
    at("log Γ((ν+1)/2) - log Γ(ν/2)", student_normaliser, 1e9),
    at("log gamma(x)", lambda m, x: m.log(m.gamma(x)), 200.0),
    at("log Γ(x)", lambda m, x: m.gammaln(x), 1 + 1e-9),
    at("log Γ(x)", lambda m, x: m.gammaln(x), 2 - 1e-9),
    at("log(exp(x) y)", lambda m, x, y: m.log(m.exp(x) * y), 800.0, 2.5),
    at("log(y / exp(x))", lambda m, x, y: m.log(y / m.exp(x)), 900.0, 0.5),
    at("normal mixture", mixture, 60.0),
    at("log √Σ exp(x)", lambda m, x: m.log(m.sqrt(m.sum(m.exp(x)))), (900.0, 890.0)),
)
