"""Sorting and the largest elements against NumPy, with derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import theano.tensor as T
from tests.tensor.evaluation import check_derivatives, check_infer_shape, value_of

X = np.random.default_rng(4).permutation(24).reshape(2, 3, 4) / 3.0
AXES = [None, 0, 1, -1]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("kind", ["quicksort", "mergesort", "heapsort", "stable"])
def test_sort_and_argsort(axis, kind):
    for dtype in ("float64", "float32", "int16", "uint8", "bool", "complex128"):
        x = X.astype(dtype)
        found = value_of(lambda v: T.sort(v, axis, kind), x)
        np.testing.assert_array_equal(found, np.sort(x, axis=axis, kind=kind), strict=True)
    found = value_of(lambda v: T.argsort(v, axis, kind), X)
    np.testing.assert_array_equal(found, np.argsort(X, axis=axis, kind=kind), strict=True)


@pytest.mark.parametrize("axis", AXES)
def test_derivatives_and_shapes(axis):
    for build in (lambda v: T.sort(v, axis), lambda v: T.topk(v, 2, axis), lambda v: T.topk(v, -1, axis)):
        check_derivatives(build, X)
        check_infer_shape(build, X)
    check_infer_shape(lambda v: T.argsort(v, axis), X)


def test_nan_is_last():
    x = np.array([2.0, np.nan, 1])
    np.testing.assert_array_equal(value_of(T.sort, x), [1, 2, np.nan])
    np.testing.assert_array_equal(value_of(lambda v: T.topk(v, 2), x), [np.nan, 2])


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["int8", "float32", "float64"]),
        hnp.array_shapes(max_dims=3, min_side=1, max_side=4),
        elements=st.integers(-3, 3),
    ),
    st.data(),
)
def test_topk(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = x.shape[axis]
    k = data.draw(st.integers(-n, n).filter(bool))
    values, places = value_of(lambda v: T.topk_and_argtopk(v, k, axis, idx_dtype="int32"), x)
    ascending = np.sort(x, axis=axis)
    expected = np.flip(ascending, axis).take(range(k), axis) if k > 0 else ascending.take(range(-k), axis)
    np.testing.assert_array_equal(values, expected, strict=True)
    assert places.dtype == "int32"
    np.testing.assert_array_equal(np.take_along_axis(x, places, axis), expected)
    np.testing.assert_array_equal(value_of(lambda v: T.argtopk(v, k, axis), x), places)


def test_number_of_elements_at_run_time():
    found = value_of(lambda v, k: T.topk(v, k), np.array([3.0, 1, 2]), np.array(2))
    np.testing.assert_array_equal(found, [3, 2])
    with pytest.raises(ValueError, match=r"4 elements were asked for along axis 0 of an array of shape \(3,\)"):
        value_of(lambda v, k: T.topk(v, k), np.array([3.0, 1, 2]), np.array(4))


def test_what_is_refused():
    with pytest.raises(ValueError, match="must not be 0"):
        T.topk(T.dvector(), 0)
    with pytest.raises(TypeError, match="integer dtype"):
        T.argtopk(T.dvector(), 1, idx_dtype="float32")
    with pytest.raises(ValueError, match="kind must be one of"):
        T.sort(T.dvector(), kind="bogosort")
    with pytest.raises(ValueError, match="order is for arrays with fields"):
        T.argsort(T.dvector(), order="x")


def test_methods():
    x = T.dmatrix()
    assert x.sort().owner.op == T.sort(x, 1).owner.op
    assert x.argsort(0).owner.op == T.argsort(x, -2).owner.op
