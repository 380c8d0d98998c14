"""What gradient programs cost, in exact counts of the optimised program: not more than hand-written JAX."""

import pytest

from benchmarks.counts import compare
from benchmarks.models import models
from benchmarks.programs import programs

PROGRAMS = {p.name: p for p in (*programs(), *models())}
# Flops and bytes of value and gradient over those of ``jax.value_and_grad``, at most.
# A kernel density is a sum of exponentials with all digits, which ``jax.scipy.special.logsumexp`` has not.
LIMITS = {
    "12 operations": (0.84, 0.85),
    "12 operations, skipping NaN": (1.0005, 0.93),
    "12 operations, gradient behind NaN": (0.55, 0.71),
    "200 operations": (0.94, 1.0),
    "autoregression": (0.93, 0.79),
    "Kalman filter": (0.54, 0.93),
    "Gaussian process": (0.95, 1.0),
    "kernel density": (1.18, 1.28),
    "attention": (0.99, 1.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIMITS)
def test_a_gradient_takes_no_more_operations_than_by_hand(name):
    ours, by_hand = compare(PROGRAMS[name])["value and gradient"]
    flops, bytes_accessed = LIMITS[name]
    assert ours.flops <= flops * by_hand.flops
    assert ours.bytes <= bytes_accessed * by_hand.bytes


def test_all_programs_are_measured():
    assert set(LIMITS) == set(PROGRAMS)
