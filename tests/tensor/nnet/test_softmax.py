"""Softmax and its logarithm against SciPy, derivatives of first and second order."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import theano.tensor as T
from tests.tensor.evaluation import check_derivatives, check_infer_shape, evaluate, value_of
from theano.gradient import grad
from theano.tensor import nnet
from theano.tensor.nnet.softmax import LogSoftmax, Softmax, SoftmaxGrad

PAIRS = [(nnet.softmax, scipy.special.softmax), (nnet.logsoftmax, scipy.special.log_softmax)]


@pytest.mark.parametrize(("function", "oracle"), PAIRS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_values_over_ranks_axes_and_dtypes(function, oracle, data):
    dtype = data.draw(st.sampled_from(["float16", "float32", "float64"]))
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=4))
    x = data.draw(hnp.arrays(dtype, shape, elements=st.integers(-50, 50)))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    found = value_of(lambda v: function(v, axis=axis), x)
    assert found.dtype == dtype
    np.testing.assert_allclose(
        found,
        oracle(x.astype("float64"), axis=axis),
        rtol={"float16": 2e-3, "float32": 1e-5}.get(dtype, 1e-12),
        atol=1e-6,
    )


@pytest.mark.parametrize(("function", "oracle"), PAIRS)
def test_a_vector_is_a_row(function, oracle):
    x = np.array([1.0, 2, 3])
    assert function(T.dvector()).type.broadcastable == (True, False)
    np.testing.assert_allclose(value_of(function, x), oracle(x)[None])
    check_derivatives(function, x)


@pytest.mark.parametrize(("function", "oracle"), PAIRS)
def test_no_overflow(function, oracle):
    x = np.array([[1e4, 0, -1e4], [-1e300, -1e300, -1e300]])
    np.testing.assert_allclose(value_of(function, x), oracle(x, axis=-1))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_empty(shape):
    for op in (Softmax(), LogSoftmax(), SoftmaxGrad()):
        values = [np.zeros(shape)] * (2 if isinstance(op, SoftmaxGrad) else 1)
        assert value_of(op, *values).shape == shape


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("function", [nnet.softmax, nnet.logsoftmax])
def test_derivatives(function, axis):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    check_derivatives(lambda v: function(v, axis=axis), x)
    check_infer_shape(lambda v: function(v, axis=axis), x)
    check_derivatives(lambda v: grad((function(v, axis=axis) ** 2).sum(), v), x)


def test_derivatives_of_the_gradient_operation():
    rng = np.random.default_rng(0)
    check_derivatives(SoftmaxGrad(0), rng.normal(size=(3, 4)), rng.normal(size=(3, 4)))
    with pytest.raises(ValueError, match="shapes differ"):
        value_of(SoftmaxGrad(), np.ones((2, 3)), np.ones((3, 2)))


def test_what_softmax_refuses():
    with pytest.raises(ValueError, match="takes a tensor of floats"):
        nnet.softmax(T.imatrix("n"))
    with pytest.raises(ValueError, match="the scalar"):
        nnet.softmax(T.dscalar())
    with pytest.raises(ValueError, match="no axis 2"):
        nnet.softmax(T.dmatrix(), axis=2)
    with pytest.warns(UserWarning, match="has length 1"):
        nnet.softmax(T.dcol())


def test_axes_count_from_the_end():
    assert nnet.softmax(T.dmatrix(), axis=1).owner.op == Softmax(-1) == nnet.softmax_op
    assert nnet.softmax(T.dtensor3(), axis=1).owner.op == Softmax(-2)


def test_bias_and_graph():
    rng = np.random.default_rng(0)
    x, b = rng.normal(size=(3, 4)), rng.normal(size=4)
    np.testing.assert_allclose(value_of(nnet.softmax_with_bias, x, b), scipy.special.softmax(x + b, axis=1))
    np.testing.assert_allclose(value_of(nnet.softmax_graph, x), scipy.special.softmax(x, axis=1))
    check_derivatives(nnet.softmax_with_bias, x, b)


def test_gradient_keeps_float32():
    v = T.fmatrix()
    gradient = grad(nnet.softmax(v)[:, 0].sum(), v)
    assert gradient.dtype == "float32"
    assert evaluate(gradient, {v: np.ones((2, 3), dtype="float32")}).shape == (2, 3)
