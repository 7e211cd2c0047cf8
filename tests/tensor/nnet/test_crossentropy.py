"""Cross-entropies against their definitions, derivatives of first and second order, and classes out of bounds."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import theano.tensor as T
from tests.tensor.evaluation import check_derivatives, check_infer_shape, evaluate, value_of
from theano.gradient import grad
from theano.tensor import nnet

rng = np.random.default_rng(5)
X, B = rng.normal(size=(5, 4)), rng.normal(size=4)
Y = np.array([3, 0, 2, 2, 1], dtype="int32")
ROWS = np.arange(5)
SM = scipy.special.softmax(X + B, axis=1)


def test_softmax_argmax_1hot_with_bias():
    nll, sm, am = value_of(nnet.crossentropy_softmax_argmax_1hot_with_bias, X, B, Y)
    np.testing.assert_allclose(nll, -np.log(SM[ROWS, Y]))
    np.testing.assert_allclose(sm, SM)
    np.testing.assert_array_equal(am, SM.argmax(axis=1).astype("int32"), strict=True)
    check_infer_shape(nnet.crossentropy_softmax_argmax_1hot_with_bias, X, B, Y)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint32", "int64", "uint64"])
def test_classes_of_any_integer_dtype(dtype):
    outputs = value_of(
        nnet.crossentropy_softmax_argmax_1hot_with_bias, X.astype("float32"), B.astype("float32"), Y.astype(dtype)
    )
    assert [v.dtype.name for v in outputs] == ["float32", "float32", dtype]


def test_huge_activations():
    x = np.array([[1000.0, -1000, 0]])
    nll, _, _ = value_of(nnet.crossentropy_softmax_argmax_1hot_with_bias, x, np.zeros(3), np.array([1]))
    assert nll == 2000


def test_derivatives_of_each_output():
    op = nnet.crossentropy_softmax_argmax_1hot_with_bias
    check_derivatives(lambda x, b, y: op(x, b, y)[0], X, B, also=[Y])
    check_derivatives(lambda x, b, y: op(x, b, y)[1], X, B, also=[Y])
    check_derivatives(lambda x, b, y: op(x, b, y)[0] + op(x, b, y)[1].sum(axis=1), X, B, also=[Y])
    check_derivatives(lambda x, b, y: grad((op(x, b, y)[0] ** 2).sum(), x), X, B, also=[Y])


def test_gradient_is_softmax_minus_one_hot():
    x, y = T.dmatrix(), T.ivector()
    found = evaluate(grad(nnet.crossentropy_softmax_1hot(x, y)[0].sum(), x), {x: X + B, y: Y})
    np.testing.assert_allclose(found, SM - np.eye(4)[Y])


def test_the_gradient_operations():
    dx, dist = nnet.crossentropy_softmax_1hot_with_bias_dx, nnet.crossentropy_categorical_1hot_grad
    weights = rng.normal(size=5)
    np.testing.assert_allclose(value_of(dx, weights, SM, Y), weights[:, None] * (SM - np.eye(4)[Y]))
    np.testing.assert_allclose(value_of(dist, weights, SM, Y), -weights[:, None] / SM * np.eye(4)[Y])
    for op in (dx, dist):
        check_derivatives(op, weights, SM, also=[Y])
        check_infer_shape(op, weights, SM, Y)


def test_family_of_1hot_functions():
    x, y = T.dmatrix(), T.ivector()
    nll, sm, maximum, argmax = evaluate(nnet.crossentropy_softmax_max_and_argmax_1hot(x, y), {x: X + B, y: Y})
    np.testing.assert_allclose(nll, -np.log(SM[ROWS, Y]))
    np.testing.assert_allclose(sm, SM)
    np.testing.assert_allclose(maximum, SM.max(axis=1))
    np.testing.assert_array_equal(argmax, SM.argmax(axis=1))
    b = T.dvector()
    found = evaluate(nnet.crossentropy_softmax_max_and_argmax_1hot_with_bias(x, b, y), {x: X, b: B, y: Y})
    for one, other in zip(found, (nll, sm, maximum, argmax), strict=True):
        np.testing.assert_allclose(one, other)


def test_categorical_crossentropy():
    true = scipy.special.softmax(rng.normal(size=(5, 4)), axis=1)
    np.testing.assert_allclose(value_of(nnet.categorical_crossentropy, SM, true), -(true * np.log(SM)).sum(axis=1))
    np.testing.assert_allclose(value_of(nnet.categorical_crossentropy, SM, Y), -np.log(SM[ROWS, Y]))
    check_derivatives(nnet.categorical_crossentropy, SM, true)
    check_derivatives(nnet.categorical_crossentropy, SM, also=[Y])
    with pytest.raises(TypeError, match="must have the rank of the predicted one, 2, or one less"):
        nnet.categorical_crossentropy(T.dmatrix(), T.iscalar())
    with pytest.raises(TypeError, match="vector of integers"):
        nnet.categorical_crossentropy(T.dmatrix(), T.dvector())


@pytest.mark.parametrize("wrong", [4, -1])
def test_classes_out_of_bounds(wrong):
    y = np.array([0, 1, wrong, 2, 0])
    for build, values in (
        (nnet.crossentropy_softmax_argmax_1hot_with_bias, (X, B, y)),
        (nnet.crossentropy_softmax_1hot_with_bias_dx, (X[:, 0], X, y)),
        (nnet.crossentropy_categorical_1hot, (SM, y)),
        (nnet.crossentropy_categorical_1hot_grad, (X[:, 0], SM, y)),
    ):
        with pytest.raises(ValueError, match=f"class {wrong} is out of bounds: there are 4 classes"):
            value_of(build, *values)


def test_lengths_and_types_that_do_not_fit():
    op = nnet.crossentropy_softmax_argmax_1hot_with_bias
    with pytest.raises(ValueError, match=r"5 rows .* vectors of length 4"):
        value_of(op, X, B, Y[:4])
    with pytest.raises(ValueError, match=r"b of shape \(3,\) does not fit x of shape \(5, 4\)"):
        value_of(op, X, B[:3], Y)
    with pytest.raises(ValueError, match="matrix of floats"):
        op(T.dvector(), T.dvector(), T.ivector())
    with pytest.raises(ValueError, match="matrix, one row an example"):
        nnet.crossentropy_softmax_1hot(T.dvector(), T.ivector())


def test_no_examples():
    for value in value_of(nnet.crossentropy_softmax_argmax_1hot_with_bias, X[:0], B, Y[:0]):
        assert len(value) == 0


def test_binary_crossentropies():
    t = rng.uniform(size=(5, 4))
    p = scipy.special.expit(X)
    expected = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    np.testing.assert_allclose(value_of(nnet.binary_crossentropy, p, t), expected)
    np.testing.assert_allclose(value_of(nnet.sigmoid_binary_crossentropy, X, t), expected)
    check_derivatives(nnet.binary_crossentropy, p, t)
    check_derivatives(nnet.sigmoid_binary_crossentropy, X, t)


def test_sigmoid_binary_crossentropy_is_precise_and_its_gradient_is_the_difference():
    x, t = T.dvector(), T.dvector()
    values = {x: np.array([800.0, -800, 40, -40, 0]), t: np.array([0.0, 1, 1, 0, 1])}
    loss = nnet.sigmoid_binary_crossentropy(x, t)
    np.testing.assert_allclose(evaluate(loss, values), [800, 800, np.exp(-40), np.exp(-40), np.log(2)], rtol=1e-12)
    difference = scipy.special.expit(values[x]) - values[t]
    np.testing.assert_allclose(evaluate(grad(loss.sum(), x), values), difference, atol=1e-15)
