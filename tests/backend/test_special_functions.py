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


def orders_and_points(count):
    """Of the Bessel functions of real order, where each of the methods is used."""
    rng = np.random.default_rng(6)
    yield rng.uniform(-1, 1, count), rng.uniform(0, 30, count)
    yield rng.uniform(0, 30, count), rng.uniform(0, 30, count)
    yield rng.integers(-20, 20, count), rng.uniform(-60, 60, count)
    yield rng.uniform(0, 300, count), rng.uniform(0, 30, count)
    yield rng.uniform(0, 100, count), rng.uniform(30, 200, count)
    yield rng.uniform(-5, 5, count), np.exp(rng.uniform(4, 25, count))
    x = np.exp(rng.uniform(4.1, 7, count))
    yield x + np.cbrt(x) * rng.uniform(-2, 9, count), x  # around the turning point of J
    yield x * rng.uniform(1.2, 3, count), x
    yield np.exp(rng.uniform(-50, 4, count)), np.exp(rng.uniform(-50, 6, count))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["iv", "jv"])
def test_bessel_functions_where_each_method_is_used(name, dtype):
    for v, x in orders_and_points(16):
        if name == "iv":  # left to SciPy
            v = np.where((v < -1) & (v != np.round(v)), -v, v)
        assert_bound(name, dtype, v, x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["iv", "jv"])
def test_bessel_functions_at_the_ends(name, dtype):
    orders = [0.0, 0.5, 1.0, 2.0, 3.0, -0.5, -1.0, -2.0, -3.0, -2.5, -7.25, 100.5, NAN]
    points = [0.0, -0.0, 0.5, -0.5, 5.0, -5.0, 50.0, -50.0, 800.0, -800.0, 1e10, INF, -INF, NAN]
    v, x = (grid.ravel().astype(dtype) for grid in np.meshgrid(orders, points))
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(v.astype("float64"), x.astype("float64")).astype(dtype)
    for lanes in (1, LANES[dtype]):
        got = compiled(FUNCTIONS[name].emit, 2, dtype, lanes)(v, x)
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_bessel_functions_of_huge_orders_and_points():
    def values(name, v, x):
        return compiled(FUNCTIONS[name].emit, 2)(np.array(v), np.array(x)).tolist()

    assert values("iv", [1e300, 1e300, 2.0, INF, 0.0], [1e300, 5.0, 1e300, 3.0, 1e-310]) == [INF, 0, INF, 0, 1]
    assert values("jv", [1e300, 1e200, INF, 0.0], [5.0, 1e100, 3.0, 1e-310]) == [0, 0, 0, 1]
    assert_bound("jv", "float64", [0.0, 2.0, 1.5, -4.5], [1e300, 1e22, 2.0**40, 1e15])


def test_bessel_functions_of_orders_left_to_scipy():
    """Fractional orders below -1, and large orders far below a larger argument, beside lanes with methods of ours."""
    v = np.array([-2.5, 0.5, -7.25, 3.0, -100.5, 5000.5, -3.75, 1.0])
    x = np.array([3.0, 3.0, 40.0, -3.0, 5.0, 9000.0, 0.5, 2.0])
    for name in ("iv", "jv"):
        got = compiled(FUNCTIONS[name].emit, 2)(v, x)
        np.testing.assert_allclose(got, getattr(scipy.special, name)(v, x), rtol=1e-11)
