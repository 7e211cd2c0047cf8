"""Products by our own functions: all sizes of tiles, layouts, scaling, what is accumulated."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.tensor.products import Gemm


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 3, 8, 16, 17, 24, 47, 48, 49, 97])
def test_all_sizes_of_tiles(dtype: str, columns: int) -> None:
    a, b = T.matrix("a", dtype), T.matrix("b", dtype)
    f = theano.function([a, b], T.dot(a, b))
    rng = np.random.default_rng(columns)
    for rows in (4, 7, 8, 9, 23):
        for depth in (32, 33, 256, 259, 600):
            x, y = rng.normal(size=(rows, depth)).astype(dtype), rng.normal(size=(depth, columns)).astype(dtype)
            tolerance = 1e-4 if dtype == "float32" else 1e-12
            np.testing.assert_allclose(f(x, y), x @ y, rtol=tolerance, atol=tolerance * 10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layouts_and_accumulation(dtype: str) -> None:
    z, a, b = T.matrix("z", dtype), T.matrix("a", dtype), T.matrix("b", dtype)
    half, one, two, nothing = (T.constant(v, dtype=dtype) for v in (0.5, 1.0, 2.0, 0.0))
    f = theano.function([z, a, b], Gemm()(z, half, a, b, two))
    plain = theano.function([z, a, b], Gemm()(z, one, a, b, nothing))
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 400)).astype(dtype), rng.normal(size=(400, 80)).astype(dtype)
    for left in (x, np.asfortranarray(x), x[::2], x[:, ::-1], np.repeat(x, 2, 1)[:, ::2]):
        for right in (y, np.asfortranarray(y), y[::-1], y[:, ::3], y[:, 5:50]):
            start = rng.normal(size=(left.shape[0], right.shape[1])).astype(dtype)
            tolerance = 1e-4 if dtype == "float32" else 1e-12
            expected = 2 * start + 0.5 * (left @ right)
            np.testing.assert_allclose(f(start, left, right), expected, rtol=tolerance, atol=tolerance * 10)
            start[:] = np.nan  # what is scaled by 0 is not looked at
            np.testing.assert_allclose(plain(start, left, right), left @ right, rtol=tolerance, atol=tolerance * 10)


def test_values_that_are_no_numbers() -> None:
    a, b = T.dmatrix("a"), T.dmatrix("b")
    f = theano.function([a, b], T.dot(a, b))
    x, y = np.ones((9, 40)), np.ones((40, 11))
    x[8, 3], y[5, 10] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(f(x, y), x @ y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 3, 4), (60, 400, 80), (60, 10, 80), (3, 40, 50), (200, 300, 200)])
def test_what_is_added_has_any_layout(dtype: str, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    z, a, b, v = T.matrix("z", dtype), T.matrix("a", dtype), T.matrix("b", dtype), T.vector("v", dtype)
    half = T.constant(0.5, dtype=dtype)
    f = theano.function([z, a, b, v], [z - half * T.dot(a, b), v * half + T.dot(a, b[:, 0])])
    rng = np.random.default_rng(1)
    x, y, u = (rng.normal(size=s).astype(dtype) for s in ((m, k), (k, n), (2 * m,)))
    plain = rng.normal(size=(m, n)).astype(dtype)
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    for added in (
        plain,
        np.asfortranarray(plain),
        plain[::-1],
        plain[:, ::-1],
        np.broadcast_to(plain[:1], (m, n)),
        np.broadcast_to(plain[:, :1], (m, n)),
        np.repeat(plain, 2, 1)[:, ::2],
    ):
        before = added.copy()
        found = f(added, x, y, u[::2])
        np.testing.assert_allclose(found[0], before - 0.5 * (x @ y), rtol=tolerance, atol=tolerance * 10)
        np.testing.assert_allclose(found[1], u[::2] * 0.5 + x @ y[:, 0], rtol=tolerance, atol=tolerance * 10)
        np.testing.assert_array_equal(added, before)


def test_what_is_added_is_not_copied() -> None:
    z, a, b = T.dmatrices("z", "a", "b")
    program = theano.function([z, a, b], z + T.dot(a, b)).stages()["program"]
    assert "loop" not in program, program
    memory = theano.function([a, b], T.dot(a, b) + T.dot(b, a)).stages()["memory"]
    assert memory.startswith("0 slots"), memory
