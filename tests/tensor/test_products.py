"""Products against NumPy, over all ranks and many dtypes, with derivatives, and shapes that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano.tensor as T
from tests.tensor.evaluation import check_derivatives, check_infer_shape, evaluate, value_of
from theano.tensor.products import BatchedDot, Dot, Dot22Scalar, Gemm, Gemv, Ger
from theano.tensor.type import TensorType

rng = np.random.default_rng(3)


def normal(*shape):
    return rng.normal(size=shape)


# ---- dot

RANK_PAIRS = [(m, n) for m in range(5) for n in range(5)]


def operands(m, n):
    shape_x = (2, 3, 4, 5)[4 - m :] if m else ()
    shape_y = (2, 3, 5, 4)[4 - n :] if n > 1 else (5,)[:n]
    return normal(*shape_x), normal(*shape_y)


@pytest.mark.parametrize(("m", "n"), RANK_PAIRS)
def test_dot_of_all_ranks(m, n):
    x, y = operands(m, n)
    expected = np.dot(x, y)
    np.testing.assert_allclose(value_of(T.dot, x, y), expected, rtol=1e-12)
    assert value_of(T.dot, x, y).shape == expected.shape


@pytest.mark.parametrize(("m", "n"), [(0, 2), (1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (3, 1), (3, 2), (2, 4), (3, 3)])
def test_derivatives_of_dot(m, n):
    x, y = operands(m, n)
    check_derivatives(T.dot, x, y)


@pytest.mark.parametrize(("a", "b"), [((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,)), ((2, 3), (3, 0))])
def test_dot_of_empty_arrays(a, b):
    np.testing.assert_array_equal(value_of(T.dot, np.ones(a), np.ones(b)), np.dot(np.ones(a), np.ones(b)))


DTYPES = ["bool", "int8", "uint8", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(DTYPES), st.sampled_from(DTYPES), st.integers(1, 2), st.integers(1, 2))
def test_dtypes_of_dot(first, second, m, n):
    x, y = np.ones((2, 3)[2 - m :], dtype=first), np.ones((3, 2)[:n], dtype=second)
    found = value_of(T.dot, x, y)
    assert found.dtype == np.promote_types(first, second)
    np.testing.assert_array_equal(found, np.dot(x.astype(found.dtype), y.astype(found.dtype)))


def test_strided_operands():
    x, y = normal(6, 8)[::2, ::-2], normal(3, 4).T
    np.testing.assert_allclose(value_of(T.dot, x, y), x @ y)


def test_broadcast_pattern_of_dot():
    row, matrix, col = T.drow(), T.dmatrix(), T.dcol()
    assert T.dot(row, matrix).broadcastable == (True, False)
    assert T.dot(matrix, col).broadcastable == (False, True)


def test_mismatch_names_both_shapes():
    x, y = T.dmatrix("left"), T.dmatrix("right")
    values = {x: np.ones((2, 3)), y: np.ones((4, 5))}
    with pytest.raises(ValueError, match=r"dot: .*left has shape \(2, 3\) and right has shape \(4, 5\)"):
        evaluate(T.dot(x, y), values)
    with pytest.raises(TypeError, match=r"T\.dot and T\.tensordot take any rank"):
        Dot()(T.dtensor3(), y)


def test_other_types_know_their_own_product():
    import theano
    from theano.graph.basic import Variable

    class Sparse(Variable):
        def __dot__(self, other):
            return "left"

        def __rdot__(self, other):
            return "right"

    s = Sparse(theano.graph.Generic())
    assert T.dot(s, T.dmatrix()) == "left"
    assert T.dot(T.dmatrix(), s) == "right"


def test_integer_operands_have_gradients_where_the_result_is_real():
    from theano.gradient import grad

    n, y = T.ivector(), T.dvector()
    gradient = grad(T.dot(n, y), n)
    np.testing.assert_array_equal(evaluate(gradient, {n: np.array([1, 2], "int32"), y: np.array([3.0, 4])}), [3, 4])


# ---- tensordot


@pytest.mark.parametrize(
    ("shape_a", "shape_b", "axes"),
    [
        ((2, 3, 4), (3, 4, 5), 2),
        ((2, 3, 4), (4, 5), 1),
        ((2, 3), (4, 5), 0),
        ((2, 3, 4), (4, 3, 2), [[0, 1, 2], [2, 1, 0]]),
        ((2, 3, 4), (5, 3, 2), [[0, 1], [2, 1]]),
        ((2, 3, 4), (5, 3, 2), ((-2,), (-2,))),
        ((2, 3, 4), (4, 3, 5), [2, 0]),
        ((3, 3), (3, 3), [[0, 1], [0, 1]]),
        ((2, 3), (2, 3), [[], []]),
        ((4,), (4,), 1),
        ((2, 3, 4, 2), (2, 4), [[3, 2], [0, 1]]),
    ],
)
def test_tensordot(shape_a, shape_b, axes):
    a, b = normal(*shape_a), normal(*shape_b)
    build = lambda x, y: T.tensordot(x, y, axes)  # noqa: E731
    np_axes = axes if not isinstance(axes, list | tuple) else tuple(axes)
    np.testing.assert_allclose(value_of(build, a, b), np.tensordot(a, b, np_axes))
    check_derivatives(build, a, b)


def test_tensordot_keeps_what_is_known_to_have_length_1():
    a, b = TensorType("float64", (True, False, False))(), T.dtensor3()
    assert T.tensordot(a, b, [[1], [0]]).broadcastable == (True, False, False, False)
    assert T.tensordot(a, b, [[1, 2], [0, 1]]).broadcastable == (True, False)


def test_wrong_axes_of_tensordot():
    a, b = T.dtensor3("a"), T.dmatrix("b")
    for axes, message in [
        (3, "axes=3 axes cannot be summed"),
        ([[0, 1], [0]], "pair different axes"),
        ([[0, 0], [0, 1]], "pair different axes"),
        ([[3], [0]], "axis 3 of a, of rank 3"),
        ("xy", "two lists of axes"),
        ([[0], [0], [0]], "two lists of axes"),
    ]:
        with pytest.raises(ValueError, match=message):
            T.tensordot(a, b, axes)


def test_tensordot_sees_lengths_that_differ_with_equal_products():
    with pytest.raises(ValueError, match="the lengths of axes"):
        value_of(lambda x, y: T.tensordot(x, y, [[0, 1], [0, 1]]), np.ones((2, 3)), np.ones((3, 2)))


def test_outer():
    x, y = normal(3), normal(4)
    np.testing.assert_allclose(value_of(T.outer, x, y), np.outer(x, y))
    np.testing.assert_allclose(value_of(T.outer, normal(2, 3) * 0 + 1, y), np.outer(np.ones((2, 3)), y))
    check_derivatives(T.outer, x, y)


# ---- batches


@pytest.mark.parametrize(
    ("shape_a", "shape_b", "subscripts"),
    [
        ((2, 3, 4), (2, 4, 5), "bij,bjk->bik"),
        ((2, 3), (2, 3), "bi,bi->b"),
        ((2, 3, 4), (2, 4), "bij,bj->bi"),
        ((2, 3), (2, 3, 4), "bi,bij->bj"),
        ((2,), (2, 3, 4), "b,bij->bij"),
        ((2, 3), (2,), "bi,b->bi"),
        ((2,), (2,), "b,b->b"),
        ((2, 3, 4, 5), (2, 6, 5, 3), "bijk,blkm->bijlm"),
        ((2, 3, 4), (2, 5, 4, 3), "bij,bljm->bilm"),
    ],
)
def test_batched_dot(shape_a, shape_b, subscripts):
    a, b = normal(*shape_a), normal(*shape_b)
    np.testing.assert_allclose(value_of(T.batched_dot, a, b), np.einsum(subscripts, a, b))
    check_derivatives(T.batched_dot, a, b)


@pytest.mark.parametrize(
    ("shape_a", "shape_b", "axes", "subscripts"),
    [
        ((2, 3, 4, 5), (2, 4, 5, 3), 2, "bijk,bjkl->bil"),
        ((2, 3, 4, 5), (2, 3, 5, 4), [[3, 2], [2, 3]], "bijk,blkj->bil"),
        ((2, 3), (2, 4), 0, "bi,bj->bij"),
        ((2, 3, 4), (2, 3, 4), [[1, 2], [1, 2]], "bij,bij->b"),
        ((2, 3, 4), (2, 4, 5), 1, "bij,bjk->bik"),
    ],
)
def test_batched_tensordot(shape_a, shape_b, axes, subscripts):
    a, b = normal(*shape_a), normal(*shape_b)
    build = lambda x, y: T.batched_tensordot(x, y, axes)  # noqa: E731
    np.testing.assert_allclose(value_of(build, a, b), np.einsum(subscripts, a, b))
    check_derivatives(build, a, b)


def test_wrong_batches():
    with pytest.raises(ValueError, match=r"batched_dot: .*\(2, 3, 4\).*\(3, 4, 5\)"):
        value_of(T.batched_dot, np.ones((2, 3, 4)), np.ones((3, 4, 5)))
    with pytest.raises(ValueError, match="is a scalar"):
        T.batched_dot(T.dscalar(), T.dmatrix())
    with pytest.raises(ValueError, match=r"axis 0 of .* cannot be summed"):
        T.batched_tensordot(T.dmatrix(), T.dmatrix(), [[0], [1]])
    with pytest.raises(TypeError, match=r"T\.batched_dot takes other ranks"):
        BatchedDot()(T.dmatrix(), T.dmatrix())


# ---- the operations of BLAS

A, B, C = normal(2, 3), normal(3, 4), normal(2, 4)
SCALES = np.float64(1.5), np.float64(-0.5)
BLAS = [
    (Gemm(), (C, SCALES[0], A, B, SCALES[1]), SCALES[1] * C + SCALES[0] * A @ B),
    (Gemv(), (C[:, 0], SCALES[0], A, B[:, 1], SCALES[1]), SCALES[1] * C[:, 0] + SCALES[0] * A @ B[:, 1]),
    (Ger(), (C, SCALES[0], A[:, 0], B[0]), C + SCALES[0] * np.outer(A[:, 0], B[0])),
    (Dot22Scalar(), (A, B, SCALES[0]), SCALES[0] * A @ B),
]


@pytest.mark.parametrize(("op", "values", "expected"), BLAS, ids=[str(op) for op, _, _ in BLAS])
def test_scaled_products(op, values, expected):
    np.testing.assert_allclose(value_of(op, *values), expected)
    check_infer_shape(op, *values)
    check_derivatives(op, *values)


def test_scaled_products_check_shapes_ranks_and_dtypes():
    with pytest.raises(ValueError, match=r"Gemm: .*\(2, 4\).*\(2, 3\).*\(3, 5\)"):
        value_of(Gemm(), C, 1.0, A, np.ones((3, 5)), 1.0)
    with pytest.raises(TypeError, match=r"operands of ranks \(2, 0, 2, 2, 0\)"):
        Gemm()(C, 1.0, A, B[0], 1.0)
    with pytest.raises(TypeError, match="one float or complex dtype"):
        Dot22Scalar()(A, B.astype("float32"), 1.0)


def test_a_scale_of_zero_ignores_what_is_there():
    z = np.full((2, 4), np.nan)
    np.testing.assert_allclose(value_of(Gemm(), z, np.float64(1), A, B, np.float64(0)), A @ B)


@pytest.mark.parametrize(
    ("op", "shapes"), [(Dot(), [(2, 3), (3, 4)]), (Dot(), [(3,), (3, 4)]), (BatchedDot(), [(2, 3, 4), (2, 4, 5)])]
)
def test_infer_shape(op, shapes):
    check_infer_shape(op, *(np.ones(s) for s in shapes))
