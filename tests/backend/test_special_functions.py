"""Special functions of two arguments, over the regions of their methods, and at the ends of their domains."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from theano.backend.native.vectormath import FUNCTIONS
from theano.backend.native.vectormath.accuracy import LANES, measure
from theano.backend.native.vectormath.evaluate import compiled

pytest.importorskip("mpmath")

DTYPES = ("float64", "float32")
INF, NAN = np.inf, np.nan
INCOMPLETE = ("gammainc", "gammaincc", "gammal", "gammau")
REFERENCES = {
    "gammainc": scipy.special.gammainc,
    "gammaincc": scipy.special.gammaincc,
    "gammal": lambda a, x: scipy.special.gammainc(a, x) * scipy.special.gamma(a),
    "gammau": lambda a, x: scipy.special.gammaincc(a, x) * scipy.special.gamma(a),
    "chi2sf": lambda x, k: scipy.special.chdtrc(k, x),
}


def assert_bound(name, dtype, *operands):
    function = FUNCTIONS[name]
    found = measure(function, dtype, [np.asarray(x, dtype) for x in operands])
    assert found.largest <= function.bound(dtype), f"{name}{found.operands}"


def shapes_and_points(count):
    """Of the incomplete gamma functions, where each of the methods is used."""
    rng = np.random.default_rng(5)
    yield rng.uniform(0, 1, count), rng.uniform(0, 1, count)
    yield rng.uniform(0, 1, count), rng.uniform(0.9, 1, count) * np.exp(rng.uniform(0, 4, count))
    yield rng.uniform(1, 24, count), rng.uniform(0, 40, count)
    a = np.exp(rng.uniform(3, 5.3, count))
    yield a, a * rng.uniform(0.3, 2.6, count)
    a = np.exp(rng.uniform(5, 13, count))
    yield a, np.abs(a + np.sqrt(a) * rng.uniform(-12, 20, count))
    yield np.exp(rng.uniform(-40, 6, count)), np.exp(rng.uniform(-300, 6, count))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", INCOMPLETE)
def test_incomplete_gamma_where_each_method_is_used(name, dtype):
    for a, x in shapes_and_points(20):
        assert_bound(name, dtype, a, x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*INCOMPLETE, "chi2sf"])
def test_incomplete_gamma_at_the_ends(name, dtype):
    values = [0.0, 0.25, 1.0, 20.0, 30.0, INF, -1.0, -INF, NAN]
    if name in ("gammainc", "gammaincc", "chi2sf"):  # SciPy's gamma overflows
        values += [1e10, 1e30]
    first, second = (grid.ravel().astype(dtype) for grid in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        expected = REFERENCES[name](first.astype("float64"), second.astype("float64")).astype(dtype)
    for lanes in (1, LANES[dtype]):
        got = compiled(FUNCTIONS[name].emit, 2, dtype, lanes)(first, second)
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_incomplete_gamma_beyond_the_range_of_gamma():
    """Where SciPy's product with an infinite gamma is infinite or nan."""
    for name in ("gammal", "gammau"):
        assert_bound(name, "float64", [200.0, 200.0, 175.0, 173.0, 5000.0], [1.0, 2000.0, 250.0, 100.0, 3.0])
        assert_bound(name, "float64", [1e-310, 1e-310, 1e-200, 2.0**-1074], [0.5, 30.0, 1e-300, 5.0])


def test_lower_and_upper_meet_at_huge_shapes():
    a = np.array([1e9, 1e12, 1e15, 1e18, 1e300])
    lower, upper = (compiled(FUNCTIONS[name].emit, 2)(a, a) for name in ("gammainc", "gammaincc"))
    third = 1 / (3 * np.sqrt(2 * np.pi * a))  # DLMF 8.12.3 at x = a
    np.testing.assert_allclose(lower, 0.5 + third, rtol=1e-15)
    np.testing.assert_allclose(upper, 0.5 - third, rtol=1e-15)
    above, below = np.nextafter(a[-1:], INF), np.nextafter(a[-1:], 0)
    assert compiled(FUNCTIONS["gammainc"].emit, 2)(a[-1:], above)[0] == 1
    assert compiled(FUNCTIONS["gammainc"].emit, 2)(a[-1:], below)[0] == 0
