"""Every row's meaning against NumPy and SciPy, over dtypes; and the laws that rows claim."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import theano
from theano import scalar
from theano.scalar.dtypes import all_dtypes, complex_dtypes, discrete_dtypes, float_dtypes
from theano.scalar.table import TABLE

SAME_NAME = [
    "maximum",
    "minimum",
    "sqrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "floor",
    "ceil",
    "trunc",
    "isnan",
    "isinf",
    "deg2rad",
    "rad2deg",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "arctan2",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "arccosh",
    "arctanh",
    "left_shift",
    "right_shift",
    "angle",
    "invert",
    "real",
    "imag",
    "conj",
]
NUMPY = {name: getattr(np, name) for name in SAME_NAME} | {
    "sub": np.subtract, "neg": np.negative, "true_div": np.true_divide, "int_div": np.floor_divide, "mod": np.mod,
    "inv": lambda x: 1 / x, "sqr": lambda x: x * x, "abs_": np.abs, "sgn": np.sign, "eq": np.equal, "neq": np.not_equal,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "and_": np.bitwise_and,
    "or_": np.bitwise_or, "xor": np.bitwise_xor, "identity": lambda x: x, "round_half_to_even": np.rint,
    "round_half_away_from_zero": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "second": lambda x, y: y, "switch": lambda c, x, y: np.where(c != 0, x, y), "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y, "inopenrange": lambda x, a, b: (a < x) & (x < b),
    "inclosedrange": lambda x, a, b: (a <= x) & (x <= b),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.logaddexp(0, x).astype(x.dtype),
    "log1mexp": lambda x: np.log1p(-np.exp(x)), "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "complex": lambda x, y: x + 1j * y, "complex_from_polar": lambda r, t: r * np.exp(1j * t),
}  # fmt: skip
SCIPY = {
    n: getattr(scipy.special, n)
    for n in [
        "erf",
        "erfc",
        "erfcx",
        "erfinv",
        "erfcinv",
        "gamma",
        "gammaln",
        "psi",
        "gammainc",
        "gammaincc",
        "j0",
        "j1",
        "jv",
        "i0",
        "i1",
        "iv",
    ]
}
SCIPY |= {
    "tri_gamma": lambda x: scipy.special.polygamma(1, x),
    "chi2sf": lambda x, k: scipy.special.gammaincc(k / 2, x / 2),
    "gammau": lambda k, x: scipy.special.gammaincc(k, x) * scipy.special.gamma(k),
    "gammal": lambda k, x: scipy.special.gammainc(k, x) * scipy.special.gamma(k),
}
ORACLES = NUMPY | SCIPY
TESTED_BELOW = {"pow", "clip", "ultra_fast_sigmoid"}
TESTED_ELSEWHERE = {"random_bits", "random_uniform", "random_normal"}  # in test_random.py
INTEGER_ONLY = {"and_", "or_", "xor", "invert", "left_shift", "right_shift"}
TOLERANCE = {"float16": 4e-3, "float32": 2e-5, "float64": 1e-11, "complex64": 5e-5, "complex128": 1e-11}


def test_every_row_has_an_oracle():
    assert set(ORACLES) | TESTED_BELOW | TESTED_ELSEWHERE == set(TABLE)


def operands(op, dtype, random):
    n = 2 if op.nin < 0 else op.nin
    if dtype == "bool":
        return [random.integers(0, 2, 50).astype(bool) for _ in range(n)]
    if dtype in discrete_dtypes:
        low = 0 if op.name.endswith("shift") else -5
        return [random.integers(max(low, np.iinfo(dtype).min), 8, 50).astype(dtype) for _ in range(n)]
    if dtype in complex_dtypes:
        return [(random.normal(size=50) + 1j * random.normal(size=50)).astype(dtype) for _ in range(n)]
    return [random.normal(0, 2, 50).astype(dtype) for _ in range(n)]


def in_dtype_of_result(xs, out):
    """What the oracle is asked: operands at the result's precision, and at least in single precision."""
    if out in float_dtypes or out in complex_dtypes:
        wide = {"float16": "float32"}.get(out, out)
        if out == "float64" and xs[0].dtype.kind == "c":
            wide = "complex128"
        return [x.astype(wide if x.dtype.kind != "c" or wide in complex_dtypes else x.dtype) for x in xs]
    return xs


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_meaning(name):
    op = TABLE[name]
    random = np.random.default_rng(1)
    tested = 0
    for dtype in all_dtypes:
        xs = operands(op, dtype, random)
        try:
            out = op.output_types([dtype] * len(xs))
        except TypeError:
            assert dtype in ("bool", *complex_dtypes) or name in INTEGER_ONLY
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = op.impl(*xs)
        assert found.dtype == out
        with np.errstate(all="ignore"):
            converted = xs if name in ("abs_", "real", "imag", "switch") else in_dtype_of_result(xs, out)
            if dtype == "bool" and name in ("sgn", "sqr", "round_half_away_from_zero"):
                converted = [x.astype("int8") for x in xs]
            expected = np.asarray(ORACLES[name](*converted)).astype(out)
        if out in TOLERANCE:
            tolerance = TOLERANCE[out] if dtype != "complex64" else TOLERANCE["complex64"]
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
        else:
            np.testing.assert_array_equal(found, expected)
        tested += 1
    assert tested >= 3


SMALL = settings(max_examples=25, deadline=None)
INTEGERS = arrays(st.sampled_from(["int8", "int16", "int32", "int64"]), 10, elements=st.integers(-128, 127))


@SMALL
@given(INTEGERS, INTEGERS)
def test_integer_division_is_pythons(x, y):
    quotient, remainder = scalar.int_div.impl(x, y), scalar.mod.impl(x, y)
    for a, b, q, r in zip(x.tolist(), y.tolist(), quotient.tolist(), remainder.tolist(), strict=True):
        wanted = (a // b, a % b) if b else (0, 0)
        wrapped = np.asarray(wanted[0]).astype(quotient.dtype)
        assert (q, r) == (wrapped, wanted[1])


@SMALL
@given(INTEGERS, st.integers(-4, 6))
def test_integer_power(x, y):
    found = scalar.pow.impl(x, np.int8(y))
    for a, z in zip(x.tolist(), found, strict=True):
        exact = a**y if y >= 0 else (int(1 / a**-y) if a else 0)
        assert z == np.asarray(exact).astype(found.dtype)


def test_power_of_floats_and_complex_numbers():
    x = np.array([0.0, 0.5, 2.0, -2.0, np.inf])
    np.testing.assert_array_equal(scalar.pow.impl(x, np.float64(2)), x**2)
    np.testing.assert_array_equal(scalar.pow.impl(x, np.int8(-1)), [np.inf, 2, 0.5, -0.5, 0])
    assert scalar.pow.impl(np.float32(2), np.int8(3)).dtype == "float32"
    np.testing.assert_allclose(scalar.pow.impl(1j, 2), -1, atol=1e-15)


@SMALL
@given(arrays("float64", 10, elements=st.floats(allow_nan=True)), st.floats(-5, 5), st.floats(-5, 5))
def test_clip(x, low, high):
    found = scalar.clip.impl(x, low, high)
    for a, z in zip(x, found, strict=True):
        expected = low if a < low else high if a > high else a
        assert z == expected or (np.isnan(z) and np.isnan(expected))


def test_extrema_hand_nan_on():
    nan, one = np.array([np.nan, 1, np.nan]), np.array([1, np.nan, np.nan])
    assert np.isnan(scalar.maximum.impl(nan, one)).all() and np.isnan(scalar.minimum.impl(nan, one)).all()


def test_rounding_of_halves():
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994])
    np.testing.assert_array_equal(scalar.round_half_to_even.impl(x), [-2, -2, 0, 0, 2, 2, 0])
    np.testing.assert_array_equal(scalar.round_half_away_from_zero.impl(x), [-3, -2, -1, 1, 2, 3, 0])


def test_sigmoids():
    x = np.linspace(-10, 10, 201)
    assert np.abs(scalar.ultra_fast_sigmoid.impl(x) - scalar.sigmoid.impl(x)).max() < 0.03
    assert scalar.ultra_fast_sigmoid.impl(0.0) == 0.5 and np.isnan(scalar.ultra_fast_sigmoid.impl(np.nan))
    np.testing.assert_allclose(scalar.softplus.impl(np.array([-1000.0, 0, 1000])), [0, np.log(2), 1000])
    np.testing.assert_allclose(scalar.log1mexp.impl(np.array([-1e-20, -50.0])), [-46.051701859880914, -np.exp(-50)])


def test_no_warnings_leave_a_row():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scalar.log.impl(np.array([0.0, -1]))
        scalar.true_div.impl(1, 0)
        scalar.exp.impl(np.float32(1000))
        scalar.Cast("int8").impl(np.array([np.nan, 1e300]))


@pytest.mark.parametrize(
    "name",
    [n for n, op in TABLE.items() if op.commutative or op.idempotent or op.involution or op.identity is not None],
)
def test_laws(name):
    op = TABLE[name]
    for dtype in ("bool", "int16", "float64"):
        try:
            x, y, z = (operands(TABLE["identity"], dtype, np.random.default_rng(i))[0] for i in (1, 2, 3))
            op.output_types([dtype] * abs(op.nin))
        except TypeError:
            continue

        def same(a, b):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)

        if op.commutative:
            same(op.impl(x, y), op.impl(y, x))
        if op.associative:
            same(op.impl(op.impl(x, y), z), op.impl(x, op.impl(y, z)))
        if op.idempotent:
            same(op.impl(x, x), x)
        if op.involution and dtype != "bool" and op.name != "inv":
            same(op.impl(op.impl(x)), x)
        if op.identity is not None:
            same(op.impl(x, np.asarray(op.identity).astype(dtype)), x)
        if op.absorbing is not None:
            constant = np.asarray(op.absorbing).astype(dtype)
            same(op.impl(x, constant), np.broadcast_to(constant, x.shape))


def test_rows_are_themselves_after_pickling():
    for op in TABLE.values():
        assert pickle.loads(pickle.dumps(op)) is op
    assert pickle.loads(pickle.dumps(scalar.Cast("int8"))) == scalar.Cast("int8")


def test_rows_say_what_they_are():
    for op in TABLE.values():
        assert op.doc.endswith(".") and len(op.doc) > 8
        assert str(op) == op.name
        assert op.nin < 0 or len(op.operands) == op.nin


@pytest.mark.parametrize("source", all_dtypes)
def test_cast(source):
    x = operands(TABLE["identity"], source, np.random.default_rng(0))[0]
    for target in all_dtypes:
        cast = scalar.Cast(target)
        if source in complex_dtypes and target not in complex_dtypes:
            with pytest.raises(TypeError, match="ambiguous"):
                cast.output_types([source])
            continue
        assert cast.output_types([source]) == target
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(cast.impl(x), x.astype(target))
    assert scalar.Cast("int8") == scalar.convert_to_int8 != scalar.Cast("int16")
    with pytest.raises(TypeError, match="float33"):
        scalar.Cast("float33")


def test_legacy_import_path():
    import theano.scalar.basic as legacy

    assert legacy.exp is scalar.exp and legacy.upgrade_to_float is scalar.upgrade_to_float
    assert legacy.float64("x").type == theano.tensor.dscalar
    assert legacy.int64 in legacy.discrete_types and legacy.float32 not in legacy.discrete_types
    assert [v.name for v in legacy.float32s("a", "b")] == ["a", "b"]
    with pytest.raises(AttributeError, match="nothing"):
        scalar.nothing  # noqa: B018
