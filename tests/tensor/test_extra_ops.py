"""Running sums, counting, diagonals, one-hot rows, unique elements and index arithmetic against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import theano
import theano.tensor as T
from tests.tensor.evaluation import check_derivatives, check_infer_shape, evaluate, value_of
from theano.gradient import NullTypeGradError, grad
from theano.tensor import extra_ops

X = np.random.default_rng(2).normal(size=(2, 3, 4))
AXES = [None, 0, 1, -1]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_running_sums_and_products(name, axis):
    build = lambda v: getattr(T, name)(v, axis=axis)  # noqa: E731
    np.testing.assert_allclose(value_of(build, X), getattr(np, name)(X, axis=axis))
    check_derivatives(build, X)
    check_infer_shape(build, X)
    for dtype in ("int8", "float32", "bool"):
        x = np.ones((2, 3), dtype=dtype)
        expected = getattr(np, name)(x, axis=axis if axis != 1 else 0, dtype="int64" if dtype == "bool" else dtype)
        found = value_of(lambda v: getattr(v, name)(axis if axis != 1 else 0), x)
        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("zeros", [(), (0,), (2,), (1, 3), (0, 1, 2, 3, 4)])
def test_gradient_of_running_products_with_zeros(zeros):
    x = np.array([2.0, -3, 4, 0.5, 5])
    x[list(zeros)] = 0
    weights = np.array([1.0, 2, 3, 4, 5])
    v = T.dvector()
    found = evaluate(grad((T.cumprod(v) * weights).sum(), v), {v: x})
    expected = [sum(weights[k] * np.prod(np.delete(x[: k + 1], i)) for k in range(i, 5)) for i in range(5)]
    np.testing.assert_allclose(found, expected)
    check_derivatives(T.cumprod, x)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_diff(n, axis):
    build = lambda v: extra_ops.diff(v, n, axis)  # noqa: E731
    np.testing.assert_allclose(value_of(build, X), np.diff(X, n, axis))
    if n < 2:
        check_derivatives(build, X)
    flags = X > 0
    np.testing.assert_array_equal(value_of(build, flags), np.diff(flags, n, axis))


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(st.sampled_from(["int8", "uint8", "int64"]), st.integers(0, 6), elements=st.integers(0, 5)),
    st.one_of(st.none(), st.integers(0, 9)),
    st.booleans(),
)
def test_bincount(x, minlength, weighted):
    weights = np.arange(len(x)) / 2 if weighted else None
    expected = np.bincount(x, weights, minlength or 0)
    if weighted:
        found = value_of(lambda v, w: T.bincount(v, w, minlength), x, weights)
        expected = expected.astype("float64")
    else:
        found = value_of(lambda v: T.bincount(v, minlength=minlength), x)
    np.testing.assert_array_equal(found, expected, strict=True)


def test_bincount_checks_its_input():
    with pytest.raises(ValueError, match="negative numbers"):
        value_of(T.bincount, np.array([1, -1]))
    with pytest.raises(ValueError, match="differ in length"):
        value_of(T.bincount, np.array([1, 1]), np.ones(3))
    with pytest.raises(TypeError, match="must be integers"):
        T.bincount(T.dvector())
    x = np.array([0, 2, 2])
    check_derivatives(lambda w, n: T.bincount(n, w), np.array([1.0, 2, 3]), also=[x])


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_searchsorted(side, shape):
    x, v = np.array([1.0, 2, 2, 3.5]), np.random.default_rng(0).integers(0, 5, size=shape).astype("float64")
    build = lambda a, b: extra_ops.searchsorted(a, b, side)  # noqa: E731
    np.testing.assert_array_equal(value_of(build, x, v), np.asarray(np.searchsorted(x, v, side)), strict=True)
    check_infer_shape(build, x, v)
    order = np.array([2, 0, 3, 1])
    shuffled = np.array([2.0, 3.5, 1, 2])
    found = value_of(lambda a, b, s: a.searchsorted(b, side, s), shuffled, v, order)
    np.testing.assert_array_equal(found, np.searchsorted(shuffled, v, side, order))


def test_searchsorted_checks_its_input():
    with pytest.raises(ValueError, match="side must be"):
        extra_ops.searchsorted(T.dvector(), 1.0, side="middle")
    with pytest.raises(ValueError, match="must be a vector"):
        extra_ops.searchsorted(T.dmatrix(), 1.0)
    with pytest.raises(TypeError, match="sorter must be integers"):
        extra_ops.searchsorted(T.dvector(), 1.0, sorter=T.dvector())
    with pytest.raises(ValueError, match="does not fit"):
        value_of(lambda a, s: extra_ops.searchsorted(a, 1.0, sorter=s), np.ones(3), np.array([0, 1]))


def test_unique():
    x = np.array([[3, 1, 3], [2, 1, 1]])
    outputs = value_of(lambda v: extra_ops.unique(v, True, True, True), x)
    for found, expected in zip(outputs, np.unique(x.ravel(), True, True, True), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(value_of(extra_ops.unique, x), [1, 2, 3])
    check_infer_shape(lambda v: extra_ops.unique(v, False, True), x)
    v = T.dvector()
    with pytest.raises(NullTypeGradError, match="changes in jumps"):
        grad(extra_ops.unique(v).sum(), v)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_compress(axis):
    condition = np.array([1, 0, 1])[: 2 if axis == 0 else 3]
    x = np.arange(6.0).reshape(2, 3)
    found = value_of(lambda c, v: extra_ops.compress(c, v, axis), condition, x)
    np.testing.assert_array_equal(found, np.compress(condition, x, axis))
    found = value_of(lambda c, v: c.compress(v, axis), condition, x)
    np.testing.assert_array_equal(found, np.compress(condition, x, axis))


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (0, 2), (3, 3, 3)])
def test_fill_diagonal(shape):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    expected = x.copy()
    expected[(np.arange(min(shape)),) * len(shape)] = -1
    np.testing.assert_array_equal(value_of(lambda v: T.fill_diagonal(v, -1), x), expected)
    check_derivatives(T.fill_diagonal, x, np.array(2.0))


@pytest.mark.parametrize("offset", range(-5, 6))
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_fill_diagonal_offset(shape, offset):
    x = np.zeros(shape)
    build = lambda v, k: T.fill_diagonal_offset(v, 1, k)  # noqa: E731
    np.testing.assert_array_equal(value_of(build, x, np.array(offset)), np.eye(*shape, k=offset))


def test_diagonals_check_their_input():
    with pytest.raises(ValueError, match="all dimensions must be equal"):
        value_of(lambda v: T.fill_diagonal(v, 1.0), np.ones((2, 2, 3)))
    with pytest.raises(TypeError, match="takes a matrix"):
        T.fill_diagonal(T.dvector(), 1)
    with pytest.raises(TypeError, match="cannot hold"):
        T.fill_diagonal(T.fmatrix(), T.dscalar())
    with pytest.raises(TypeError, match="value must be a scalar"):
        T.fill_diagonal_offset(T.dmatrix(), T.dvector(), 0)


def test_to_one_hot():
    y = np.array([1, 0, 3], dtype="int32")
    np.testing.assert_array_equal(value_of(lambda v: extra_ops.to_one_hot(v, 4), y), np.eye(4)[y], strict=True)
    found = value_of(lambda v: extra_ops.to_one_hot(v, 4, dtype="int8"), y)
    np.testing.assert_array_equal(found, np.eye(4, dtype="int8")[y], strict=True)
    with pytest.raises(IndexError):
        value_of(lambda v: extra_ops.to_one_hot(v, 3), y)


@pytest.mark.parametrize("points", [-1, 0, 1, 2, 5, 8])
def test_bartlett(points):
    np.testing.assert_allclose(value_of(T.bartlett, np.array(points)), np.bartlett(points), atol=1e-15)


@pytest.mark.parametrize("order", ["C", "F"])
def test_index_arithmetic(order):
    positions, shape = np.array([[0, 5], [23, 11]]), (2, 3, 4)
    indices = value_of(lambda v: T.unravel_index(v, shape, order=order), positions)
    for found, expected in zip(indices, np.unravel_index(positions, shape, order), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)
    back = value_of(lambda *v: T.ravel_multi_index(v, shape, order=order), *indices)
    np.testing.assert_array_equal(back, positions, strict=True)
    check_infer_shape(lambda *v: T.ravel_multi_index(v, shape, order=order), *indices)
    dims = T.lvector()
    v = T.lvector()
    rows, _ = T.unravel_index(v, dims, ndim=2)
    np.testing.assert_array_equal(evaluate(rows, {v: np.array([5]), dims: np.array([2, 3])}), [1])


def test_indices_out_of_bounds():
    with pytest.raises(ValueError, match="out of bounds"):
        value_of(lambda v: T.unravel_index(v, (2, 3)), np.array([6]))
    far = (np.array([3]), np.array([-1]))
    with pytest.raises(ValueError, match="invalid entry"):
        value_of(lambda *v: T.ravel_multi_index(v, (2, 3)), *far)
    for mode in ("wrap", "clip"):
        found = value_of(lambda *v, mode=mode: T.ravel_multi_index(v, (2, 3), mode), *far)
        np.testing.assert_array_equal(found, np.ravel_multi_index(far, (2, 3), mode=mode))
    with pytest.raises(ValueError, match="mode must be"):
        T.ravel_multi_index((T.lvector(),), (2,), mode="crash")


@pytest.mark.parametrize("values", [[1 + 2j, -0.5j, 2, 1 - 1j], [1 + 1j, 0, 2 - 1j, 0.5j]])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_complex_gradients(name: str, values: list[complex]) -> None:
    z, weights = T.zvector(), np.array([1 - 1j, 2j, -0.5, 0.25 + 1j])
    cost = T.real(getattr(T, name)(z) * weights).sum()
    f, slope = (theano.function([z], v, mode="FAST_COMPILE") for v in (cost, grad(cost, z)))
    at, step = np.array(values), 1e-6
    wanted = [
        sum(unit * (f(at + step * unit * e) - f(at - step * unit * e)) / (2 * step) for unit in (1, 1j))
        for e in np.eye(len(at))
    ]
    np.testing.assert_allclose(slope(at), wanted, atol=1e-6)


def test_names_of_theano_1() -> None:
    assert T.extra_ops.repeat is T.repeat and T.extra_ops.squeeze is T.squeeze
