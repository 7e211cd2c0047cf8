"""Matrix products against the reference: ranks, dtypes, layouts, lengths around where BLAS takes over."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

import theano.tensor as T
from tests.backend.comparison import REAL, Pair, compare, like, values
from theano.tensor.products import BatchedDot, Dot22Scalar, Gemm, Gemv, Ger

SIZES = (0, 1, 2, 7, 8, 9, 30)


@pytest.mark.parametrize("dtype", ("float64", "float32"))
def test_lengths_of_matrix_products(dtype):
    x, y, v, w, u = (T.TensorType(dtype, (False,) * r)() for r in (2, 2, 1, 1, 1))
    pair = Pair(
        [x, y, v, w, u],
        [T.dot(x, y), T.dot(v, x), T.dot(x, w), T.dot(w, w), T.dot(w, y), T.dot(y, u), T.dot(x * 2, y + 1).sum(0)],
    )
    for m, k, n in itertools.product(SIZES, repeat=3):
        arrays = [values(dtype, s, i) for i, s in enumerate(((m, k), (k, n), (m,), (k,), (n,)))]
        pair.check(*arrays, tolerance=1e-4 if dtype == "float32" else 1e-11)
    for m, k, n in (
        (3, 4, 5),
        (9, 10, 11),
        (1, 40, 50),
        (40, 1, 50),
        (40, 50, 1),
        (0, 40, 40),
        (40, 0, 40),
        (1, 1, 900),
    ):
        arrays = [values(dtype, s, i) for i, s in enumerate(((m, k), (k, n), (m,), (k,), (n,)))]
        pair.check_layouts(*arrays, tolerance=1e-4 if dtype == "float32" else 1e-11)


def strided(shape, kind, seed):
    """A matrix with unusual strides."""
    m, n = shape
    if kind == "repeated rows":
        return np.broadcast_to(values("float64", (n,), seed), shape)
    if kind == "repeated columns":
        return np.broadcast_to(values("float64", (m, 1), seed), shape)
    if kind == "one value":
        return np.broadcast_to(values("float64", (), seed), shape)
    if kind == "reversed rows":
        return values("float64", shape, seed)[::-1]
    if kind == "reversed columns":
        return values("float64", shape, seed)[:, ::-1]
    if kind == "overlapping":
        return np.lib.stride_tricks.as_strided(values("float64", (m + n,), seed), shape, (8, 8))
    return values("float64", (n, m), seed).T


@pytest.mark.parametrize("size", (4, 12))
def test_operands_of_unusual_strides(size):
    kinds = (
        "repeated rows",
        "repeated columns",
        "one value",
        "reversed rows",
        "reversed columns",
        "overlapping",
        "transposed",
    )
    x, y = T.dmatrices("x", "y")
    v = T.dvector()
    pair = Pair(
        [x, y, v],
        [
            T.dot(x, y),
            T.dot(x, v),
            T.dot(v, y.T),
            T.dot(x.T, y.T[:size]) if size == 4 else T.dot(y.T, x.T),
            T.dot(x, x.T),
        ],
    )
    for a, b in itertools.product(kinds, repeat=2):
        for vector in (
            values("float64", (size,)),
            values("float64", (2 * size,))[::2],
            values("float64", (size,))[::-1],
            np.broadcast_to(2.0, (size,)),
        ):
            pair.check(strided((size, size), a, 1), strided((size, size), b, 2), vector)


def test_broadcastable_operands():
    for m, k, n in itertools.product((1, 6), repeat=3):

        def build(x, y, v, w):
            return [
                T.dot(x, y),
                T.dot(v, x),
                T.dot(x, w),
                T.dot(v, v),
                T.dot(x * 1, y * 1),
                T.outer(v, w),
                T.dot(x.T, v),
            ]

        given = (
            values("float64", (m, k), 1),
            values("float64", (k, n), 2),
            values("float64", (m,), 3),
            values("float64", (k,), 4),
        )
        pair = compare(build, *given, every_layout=True)
        del pair
        compare(build, *given, flags=False)


@pytest.mark.parametrize("dtype", [d for d in REAL if d not in ("float64", "float32")])
def test_products_of_other_dtypes(dtype):
    def build(x, y, v, w):
        return [T.dot(x, y), T.dot(v, x), T.dot(x, w), T.dot(w, w)]

    for m, k, n in ((3, 4, 5), (1, 9, 70), (70, 1, 3), (2, 0, 3), (0, 2, 3)):
        given = values(dtype, (m, k), 1), values(dtype, (k, n), 2), values(dtype, (m,), 3), values(dtype, (k,), 4)
        compare(build, *given, every_layout=m == 3, tolerance=2e-2 if dtype == "float16" else None)


def test_products_of_mixed_dtypes():
    for a, b in (
        ("int8", "float32"),
        ("float32", "float64"),
        ("bool", "float64"),
        ("int64", "float32"),
        ("uint8", "int16"),
        ("int8", "float16"),
    ):
        compare(
            lambda x, y, v: [T.dot(x, y), T.dot(v, y), T.dot(x, v), T.dot(x.T, x)],
            values(a, (5, 6), 1),
            values(b, (6, 7), 2),
            values(a, (6,), 3),
            every_layout=True,
            tolerance=1e-2,
        )


def test_products_that_do_not_fit():
    x, y, v = T.dmatrix("weights"), T.dmatrix("batch"), T.dvector("v")
    good = np.zeros((2, 3)), np.zeros((3, 4)), np.zeros(3)
    for output, wrong in (
        (T.dot(x, y), (np.zeros((2, 3)), np.zeros((4, 4)), np.zeros(3))),
        (T.dot(x, v), (good[0], good[1], np.zeros(2))),
        (T.dot(v, y), (good[0], good[1], np.zeros(4))),
        (T.dot(v, x[:, 0]), (good[0], good[1], np.zeros(3))),
    ):
        pair = Pair([x, y, v], [output * 2])
        error = pair.check_failure(ValueError, *wrong)
        assert any(f"({n}" in str(error) for n in (2, 3, 4))


def number(value, like):
    """A constant of the dtype of `like`."""
    return T.constant(np.asarray(value, like.dtype))


def test_products_that_are_scaled_and_added():
    def build(z, x, y, alpha, beta, a, u, v):
        fresh = T.exp(z)
        outputs = [
            Gemm()(z, alpha, x, y, beta),
            Gemm()(fresh, alpha, x, y, beta),
            Gemm()(z.T, alpha, y.T, x.T, beta),
            Gemm()(z, number(1.0, z), x, y, number(1.0, z)),
            Gemm()(T.tanh(z), number(-1.0, z), x, y, number(0.5, z)),
            Gemm()(z * 3, number(2.0, z), x, y, number(0.0, z)),
            Gemm()(z, number(1.0, z), x, y, number(0.0, z)),
        ]
        outputs += [
            Gemv()(u, alpha, x, v, beta),
            Gemv()(u * 2, number(1.0, z), x, v, number(1.0, z)),
            Gemv()(v, alpha, x.T, u, beta),
            Gemv()(v * 1, number(-1.0, z), x.T, u, number(0.0, z)),
        ]
        outputs += [
            Ger()(x, alpha, u, v),
            Ger()(x * 2, number(1.0, z), u, v),
            Ger()(x.T, alpha, v, u),
            Dot22Scalar()(x, y, alpha),
            Dot22Scalar()(x, y, number(3.0, z)),
        ]
        square = T.dot(x, x.T)
        outputs += [
            Gemm()(square, number(1.0, z), square, square, number(1.0, z)),
            square,
            fresh,
            Gemm()(T.zeros_like(z), alpha, x, y, beta),
        ]
        outputs += [
            Gemm()(Gemm()(z * 1, number(1.0, z), x, y, number(1.0, z)), number(2.0, z), x, y, number(-1.0, z)),
            a,
        ]
        return outputs

    for m, k, n in ((2, 3, 4), (10, 11, 12), (1, 30, 40), (0, 3, 2), (3, 0, 2), (30, 40, 1)):
        for dtype in ("float64", "float32"):
            shapes = ((m, n), (m, k), (k, n), (), (), (), (m,), (k,))
            compare(
                build,
                *(values(dtype, s, i) for i, s in enumerate(shapes)),
                flags=False,
                every_layout=m == 10,
                tolerance=1e-3 if dtype == "float32" else 1e-10,
            )
    compare(build, *(values("float64", s, i) for i, s in enumerate(((5, 1), (5, 4), (4, 1), (), (), (), (5,), (4,)))))


def test_nothing_is_read_where_the_factor_is_zero():
    z = T.dmatrix()
    x, y = T.dmatrices(2)
    pair = Pair([z, x, y], [Gemm()(z, number(1.0, z), x, y, number(0.0, z))])
    for n in (2, 20):
        found = pair.native.run([np.full((n, n), np.nan), np.ones((n, n)), np.ones((n, n))])[0]
        np.testing.assert_array_equal(found, np.full((n, n), n))


@pytest.mark.parametrize("dtype", ("float64", "float32", "int32", "float16"))
def test_batches(dtype):
    def build(x, y):
        return [
            BatchedDot()(x, y),
            BatchedDot()(x * 2, y + 1).sum(0),
            BatchedDot()(y.dimshuffle(0, 2, 1), x.dimshuffle(0, 2, 1)),
            T.batched_dot(x, y[:, :, 0]),
            T.tensordot(x, y, axes=[[2], [1]]),
            T.tensordot(x, y, axes=[[0, 2], [0, 1]]),
        ]

    tolerance = {"float16": 5e-2, "float32": 1e-4}.get(dtype)
    for b, m, k, n in (
        (3, 2, 4, 5),
        (2, 9, 10, 11),
        (1, 3, 4, 2),
        (0, 3, 4, 2),
        (2, 0, 3, 2),
        (2, 3, 0, 2),
        (4, 1, 5, 1),
    ):
        compare(
            build, values(dtype, (b, m, k), 1), values(dtype, (b, k, n), 2), every_layout=b == 3, tolerance=tolerance
        )
        compare(build, values(dtype, (b, m, k), 1), values(dtype, (b, k, n), 2), flags=False, tolerance=tolerance)
    x, y = (T.TensorType(dtype, (False,) * 3)() for _ in range(2))
    pair = Pair([x, y], [BatchedDot()(x, y)])
    for wrong in ((2, 3, 4), (3, 4, 5)):
        pair.check_failure(ValueError, values(dtype, (2, 3, 5)), values(dtype, wrong))


def test_products_inside_larger_programs():
    def build(x, w, b, v):
        h = T.tanh(T.dot(x, w) + b)
        g = T.dot(h, w.T)
        return [
            h,
            g,
            T.dot(h.T, g),
            T.nnet.softmax(g),
            T.dot(h, v),
            T.dot(v, h.T),
            (g * x).sum(1),
            T.dot(x[1:], w[:, ::2]),
            T.dot(g.T, g) + 1,
            T.dot(T.dot(x, w), T.dot(w.T, x.T)).diagonal(),
            T.dot(x.sum(0), w),
            T.dot(x.reshape((-1, x.shape[1])), w),
            T.dot(T.ones_like(x), w),
        ]

    for n in (3, 20):
        compare(
            build,
            values("float64", (n, n + 1), 1),
            values("float64", (n + 1, n + 2), 2),
            values("float64", (n + 2,), 3),
            values("float64", (n + 2,), 4),
            every_layout=True,
            tolerance=1e-9,
        )


def test_variables_of_all_kinds_are_multiplied():
    x, y = like(values("float64", (2, 2)), values("float64", (2, 2)))
    compare(
        lambda x, y: [
            T.dot(x, 2.0),
            T.dot(x[0], y[:, 0]),
            T.dot(x[0, 0], y),
            T.outer(x[0], y[1]),
            T.tensordot(x, y, 0),
            T.tensordot(x, y, 2),
        ],
        values("float64", (2, 2), 1),
        values("float64", (2, 2), 2),
    )
    assert x.ndim == y.ndim


def test_products_by_the_blas_of_scipy():
    program = """
import numpy as np, theano, theano.tensor as T
from theano.backend.native import blas
blas._of_numpy = lambda: None
x, y, v = T.dmatrix(), T.dmatrix(), T.dvector()
a, b = np.random.RandomState(0).standard_normal((2, 90, 90))
for got, want in zip(theano.function([x, y, v], [x.dot(y.T), x.dot(v)])(a, b, b[0]), (a @ b.T, a @ b[0])):
    np.testing.assert_allclose(got, want, 1e-12, 1e-12)
assert blas.found().integer == "i32"
"""
    environment = {**os.environ, "THEANO_FLAGS": "native.cache=False"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
