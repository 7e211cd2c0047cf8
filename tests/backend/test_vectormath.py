"""Vector mathematics: error bounds against mpmath, special values, and lanes that agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from theano.backend.native import vectormath
from theano.backend.native.ir import Builder, Function, Module
from theano.backend.native.vectormath import FUNCTIONS, evaluate, special
from theano.backend.native.vectormath.accuracy import LANES, SPECIAL_VALUES, measure, sample
from theano.backend.native.vectormath.evaluate import compiled

pytest.importorskip("mpmath")

DTYPES = ("float64", "float32")
INF, NAN = np.inf, np.nan


def ids(function):
    return function.name


def assert_same(got, expected):
    """Equal bits, but any nan is as good as another."""
    got, expected = np.asarray(got), np.asarray(expected, np.asarray(got).dtype)
    np.testing.assert_array_equal(got, expected)
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=ids)
def test_error_bound(function, dtype):
    operands = sample(function, dtype, 400, seed=7)
    found = measure(function, dtype, operands)
    assert found.largest <= function.bound(dtype), f"{function.name}{found.operands}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=ids)
def test_critical_neighbours(function, dtype):
    """The numbers on both sides of each threshold of a recipe."""
    info = np.finfo(dtype)
    points = [*function.critical, info.tiny, info.smallest_subnormal, info.max, 1.0]
    points = np.array([*points, *(-p for p in points)], dtype)
    with np.errstate(over="ignore"):
        points = np.concatenate([points, np.nextafter(points, INF), np.nextafter(points, -INF)])
    operands = []
    for low, high in function.domain(dtype):
        inside = points[(points >= low) & (points <= high) & np.isfinite(points) & (points != 0)]
        operands.append(np.resize(inside, 60))
    assert measure(function, dtype, operands).largest <= function.bound(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=ids)
def test_lanes_agree(function, dtype):
    operands = sample(function, dtype, 37, seed=3)
    for x in operands:
        x[-len(SPECIAL_VALUES) :] = SPECIAL_VALUES
    wide = compiled(function.emit, function.arity, dtype, LANES[dtype])(*operands)
    for lanes in (1, 4):
        assert_same(compiled(function.emit, function.arity, dtype, lanes)(*operands), wide)


# Results at SPECIAL_VALUES: 0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, inf, -inf, nan. NumPy has those of C.
NUMPY_NAMES = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "cbrt": np.cbrt, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "erf": scipy.special.erf, "erfc": scipy.special.erfc,
    "i0": scipy.special.i0, "i1": lambda x: np.copysign(scipy.special.i1(x), x), "j0": scipy.special.j0,
    "j1": scipy.special.j1,
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NUMPY_NAMES)
def test_special_values(name, dtype):
    x = np.array(SPECIAL_VALUES, dtype)
    with np.errstate(all="ignore"):
        expected = NUMPY_NAMES[name](x)
    got = compiled(FUNCTIONS[name].emit, 1, dtype, LANES[dtype])(x)
    np.testing.assert_allclose(got, expected, rtol=8 * np.finfo(dtype).eps)
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("sigmoid", {INF: 1.0, -INF: 0.0, NAN: NAN, 0.0: 0.5, 1e30: 1.0, -1e30: 0.0}),
        ("softplus", {INF: INF, -INF: 0.0, NAN: NAN, 1e30: 1e30, -1e30: 0.0}),
        ("log1mexp", {0.0: -INF, -INF: -0.0, NAN: NAN, 1.0: NAN, INF: NAN}),
        ("exp10", {0.0: 1.0, 2.0: 100.0, INF: INF, -INF: 0.0, NAN: NAN}),
        ("tri_gamma", {0.0: INF, -1.0: INF, INF: 0.0, NAN: NAN}),
    ],
)
def test_special_values_without_numpy_name(name, points, dtype):
    x = np.array(list(points), dtype)
    assert_same(compiled(FUNCTIONS[name].emit, 1, dtype, LANES[dtype])(x), np.array(list(points.values()), dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "reference"), [("pow", np.power), ("atan2", np.arctan2)])
def test_special_pairs(name, reference, dtype):
    tiny = float(np.finfo(dtype).smallest_subnormal)
    values = np.array([*SPECIAL_VALUES, tiny, -tiny, 1e30, -1e30], dtype)
    x, y = (grid.ravel() for grid in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        expected = reference(x, y)
    for lanes in (1, LANES[dtype]):
        got = compiled(FUNCTIONS[name].emit, 2, dtype, lanes)(x, y)
        np.testing.assert_allclose(got, expected, rtol=1e-6)
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


def test_exact_results():
    powers = 2.0 ** np.arange(-1074, 1024)
    assert_same(compiled(vectormath.log2)(powers), np.arange(-1074, 1024))
    assert_same(compiled(vectormath.exp2)(np.arange(-1074, 1024)), powers)
    whole = np.arange(-100.0, 101.0)
    assert_same(compiled(vectormath.pow, 2)(whole, np.full(201, 3.0)), whole**3)
    assert_same(compiled(vectormath.cbrt)(whole**3), whole)
    assert_same(compiled(vectormath.log10)(10.0 ** np.arange(23)), np.arange(23))


def test_pow_over_the_whole_range():
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-700, 700, 1000))
    y = rng.uniform(-745, 709, 1000) / np.log(x)
    assert measure(FUNCTIONS["pow"], "float64", [x, y]).largest <= 1
    negative = -rng.uniform(0.1, 10, 200)
    assert measure(FUNCTIONS["pow"], "float64", [negative, rng.integers(-40, 40, 200).astype(float)]).largest <= 1


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_reduction_of_large_arguments(name):
    function = FUNCTIONS[name]
    multiples = np.random.default_rng(0).integers(1, 2**29, 500) * (np.pi / 2)
    # numbers that the branch reduces, beside ordinary lanes
    huge = np.array([-1e22, 1e300, 1e22, 0.5, 2.0**30 * 1.0000001, 3.0, -1e300, 1.0])
    bound = function.bound("float64")
    assert measure(function, "float64", [multiples]).largest <= bound
    assert measure(function, "float64", [huge]).largest <= bound
    assert measure(function, "float64", [huge], lanes=1).largest <= bound
    # of all doubles the one nearest to a multiple of pi/2
    nearest = np.full(8, 6381956970095103.0 * 2.0**797)
    assert measure(function, "float64", [nearest]).largest <= bound


# The functions of SciPy that recipes replace, at SPECIAL_VALUES and where overflow, underflow and poles are.
SCIPY_NAMES = ("gamma", "gammaln", "psi", "erfinv", "erfcinv", "erfcx")
EXTREMES = (-4.0, -170.0, -171.0, 170.0, 171.0, 1e15, -1e15, 1e30, -1e30, 2.5, -2.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SCIPY_NAMES)
def test_special_values_are_those_of_scipy(name, dtype):
    info = np.finfo(dtype)
    sizes = np.array([info.smallest_subnormal, info.tiny / 64, info.max], dtype)
    sizes = sizes[-1:] if name in ("gammaln", "erfcinv") else sizes  # of subnormal numbers SciPy's are infinite
    x = np.concatenate([np.array([*SPECIAL_VALUES, *EXTREMES], dtype), sizes, -sizes])
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(x)
    for lanes in (1, LANES[dtype]):
        got = compiled(FUNCTIONS[name].emit, 1, dtype, lanes)(x)
        np.testing.assert_allclose(got, expected, rtol=8 * info.eps, atol=2 * float(info.smallest_subnormal))
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


def test_gamma_where_it_overflows_and_vanishes():
    def exact(points):
        assert measure(FUNCTIONS["gamma"], "float64", [np.array(points)]).largest <= FUNCTIONS["gamma"].bound_double

    exact([171.6243769563027, np.nextafter(171.6243769563027, INF), 170.9999, 172.0])
    exact([-170.5, -171.5, -173.25, -177.5, -178.3, -179.5, -184.4999])  # subnormal, then zeros of either sign
    exact([5.56268464626801e-309, -5.56268464626801e-309, 5.5626846462680035e-309, 1e-308, -1e-308])
    got = compiled(vectormath.gamma)(np.array([-180.5, -181.5, -1000.5, -1001.5, -(2.0**51) - 0.5]))
    assert_same(got, [-0.0, 0.0, -0.0, 0.0, -0.0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_inverses_of_the_error_functions(dtype):
    """There and back, in both tails: what comes back is as near as the slope of the way there allows."""
    y = np.linspace(-26, 26, 500).astype(dtype) / (1 if dtype == "float64" else 3)
    p = compiled(vectormath.erfc, 1, dtype)(y)
    moved = compiled(vectormath.erfc, 1, dtype)(compiled(vectormath.erfcinv, 1, dtype)(p))
    inside = (p > np.finfo(dtype).tiny) & (p < 2)
    slope = 1 + 2 * y.astype(float) ** 2  # relative error of p for a relative error of y
    assert (np.abs(moved / p - 1) < 8 * np.finfo(dtype).eps * slope)[inside].all()
    x = np.linspace(-0.99, 0.99, 500).astype(dtype)
    back = compiled(vectormath.erf, 1, dtype)(compiled(vectormath.erfinv, 1, dtype)(x))
    np.testing.assert_allclose(back, x, rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ["gammaln", "psi"])
def test_precision_at_zeros(name):
    """Relative error at the zeros of positive numbers; below 0 it is that of a number of the size `floor`."""
    zeros = {"gammaln": [1.0, 2.0], "psi": [1.4616321449683622]}[name]
    near = [zero + sign * 2.0**-n for zero in zeros for n in range(3, 52) for sign in (1, -1)]
    assert measure(FUNCTIONS[name], "float64", [np.array(near)]).largest <= FUNCTIONS[name].bound_double
    negative = {"gammaln": [-2.457024738220801, -2.7476826467274127, -3.143580888349980, -3.955294284858598]}
    points = negative.get(name, [-0.504083008264455, -1.573498473162390, -2.610720868444145, -50.2])
    assert measure(FUNCTIONS[name], "float64", [np.array(points)]).largest <= FUNCTIONS[name].bound_double


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["exp", "exp2", "exp10", "sigmoid", "erfc", "pow", "gammau", "iv", "jv"])
def test_scaling_by_an_instruction_changes_no_bit(name, dtype, monkeypatch):
    """Machines that scale by powers of two in one instruction give what two factors give, subnormal results, too."""
    function = FUNCTIONS[name]
    rng = np.random.default_rng(0)
    ends = {"float32": (-160, 160), "float64": (-1100, 1100)}[dtype]
    x = np.concatenate([rng.uniform(*ends, 500), rng.normal(size=200), [np.nan, np.inf, -np.inf, 0.0, -0.0]])
    x = x.astype(dtype)
    operands = [x] if function.arity == 1 else [np.full_like(x, 1.9), x]
    results = []
    for bits in (256, 512):
        monkeypatch.setattr(evaluate, "vector_bits", lambda bits=bits: bits)
        with np.errstate(all="ignore"):
            results.append(compiled.__wrapped__(function.emit, function.arity, dtype, 8)(*operands))
    assert results[0].tobytes() == results[1].tobytes()


def test_text_is_free_of_addresses():
    module = Module()
    function = Function(module, "f", "double", [("double", "x")])
    result = special.call_scipy(Builder(function, 1), "iv", *function.parameters * 2)
    function.emit(f"ret {result!r}")
    assert "@theano_special_iv" in str(module)
    assert "inttoptr" not in str(module)
    assert special.symbol_address("iv") != special.symbol_address("jv")
    with pytest.raises(KeyError):
        special.symbol_address("no such function")


def test_every_public_recipe_is_in_the_table():
    recipes = {n for n in vectormath.__all__ if getattr(getattr(vectormath, n), "__module__", "").startswith("theano")}
    plumbing = {"VectorFunction", "provide_symbols", "symbol_address"}
    assert recipes - plumbing == set(FUNCTIONS)
