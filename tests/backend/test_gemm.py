"""Products by our own functions: all sizes of tiles, layouts, scaling, what is accumulated."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


LAYOUTS = ("rows", "columns", "reversed rows", "reversed columns", "every other", "one row", "one column")


def laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same elements, or some of them repeated, in another layout of the last two dimensions."""
    match layout:
        case "columns":
            return array.swapaxes(-1, -2).copy().swapaxes(-1, -2)
        case "reversed rows":
            return array[..., ::-1, :].copy()[..., ::-1, :]
        case "reversed columns":
            return array[..., ::-1].copy()[..., ::-1]
        case "every other":
            return np.repeat(array, 2, -1)[..., ::2]
        case "one row":
            return np.broadcast_to(array[..., :1, :], array.shape)
        case "one column":
            return np.broadcast_to(array[..., :1], array.shape)
    return array


lengths = st.one_of(st.integers(0, 9), st.integers(10, 70), st.integers(250, 270))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["float32", "float64"]), lengths, lengths, lengths, *[st.sampled_from(LAYOUTS)] * 3, st.data()
)  # fmt: skip
def test_all_layouts_and_lengths(dtype, m, k, n, left, right, added, data) -> None:
    alpha, beta = (data.draw(st.sampled_from([0.0, 1.0, -0.5])) for _ in range(2))
    rng = np.random.default_rng(m + 100 * k)
    x, y, z = (rng.normal(size=s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    x, y, z = laid_out(x, left), laid_out(y, right), laid_out(z, added)
    if beta == 0:
        z = np.full((m, n), np.nan, dtype)
    found = accumulation(dtype)(z, x, y, alpha, beta)
    # Each element is a sum of k products in whatever order: the bound of Higham, "Accuracy and Stability", section 3.1.
    exact = alpha * (x.astype(np.longdouble) @ y) + (beta * z.astype(np.longdouble) if beta else 0)
    size = abs(alpha) * (abs(x).astype(np.longdouble) @ abs(y)) + (abs(beta * z) if beta else 0)
    assert (abs(found - exact) <= (k + 3) * np.finfo(dtype).eps * size + np.finfo(dtype).tiny).all()


@functools.cache
def accumulation(dtype: str) -> theano.compile.Function:
    z, a, b = (T.matrix(name, dtype) for name in "zab")
    alpha, beta = T.scalar("alpha", dtype), T.scalar("beta", dtype)
    return theano.function([z, a, b, alpha, beta], Gemm()(z, alpha, a, b, beta), allow_input_downcast=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 6), *[st.integers(0, 20)] * 3, *[st.sampled_from(LAYOUTS)] * 2, st.booleans())
def test_batches_of_all_layouts(count, m, k, n, left, right, same) -> None:
    rng = np.random.default_rng(m)
    x, y = laid_out(rng.normal(size=(count, m, k)), left), laid_out(rng.normal(size=(count, k, n)), right)
    if same and count:
        x = np.broadcast_to(x[:1], x.shape)
    np.testing.assert_allclose(batch()(x, y), x @ y, rtol=1e-12, atol=1e-12)


@functools.cache
def batch() -> theano.compile.Function:
    x, y = T.dtensor3s("x", "y")
    return theano.function([x, y], T.batched_dot(x, y))


@pytest.mark.parametrize("shape", [(64, 32, 64, 64), (3, 300, 100, 120), (2000, 1, 60, 70), (40, 500, 200, 1)])
def test_large_batches(shape: tuple[int, int, int, int]) -> None:
    count, m, k, n = shape
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(count, m, k)), rng.normal(size=(count, k, n))
    for left in (x, laid_out(x, "columns"), np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)):
        for right in (y, laid_out(y, "columns")):
            np.testing.assert_allclose(batch()(left, right), x @ y, rtol=1e-11, atol=1e-11)


def test_operands_of_batches_are_not_copied() -> None:
    x, y = T.dtensor3s("x", "y")
    product = T.batched_dot(x.dimshuffle(1, 0, 2), y.dimshuffle(2, 1, 0))
    program = theano.function([x, y], product).stages()["program"]
    assert "loop" not in program, program
