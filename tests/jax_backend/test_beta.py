"""log B(a, b) against mpmath, over twelve decades of both arguments."""

import numpy as np
import pytest

import xgrad as xg

mpmath = pytest.importorskip("mpmath")


def test_betaln_has_full_precision():
    rng = np.random.default_rng(0)
    a, b = 10 ** rng.uniform(-6, 6, (2, 300))
    with mpmath.workdps(40):
        exact = [
            float(mpmath.log(mpmath.beta(x, y)))
            for x, y in zip(a.tolist(), b.tolist(), strict=True)
        ]
    np.testing.assert_allclose(xg.special.betaln(a, b), exact, rtol=1e-13, atol=1e-15)
