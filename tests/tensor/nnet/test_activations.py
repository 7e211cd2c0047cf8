"""Activation functions, hierarchical softmax, confusion matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import theano
import theano.tensor as T
from tests.tensor.evaluation import check_derivatives, evaluate, value_of
from theano.gradient import grad
from theano.tensor import nnet

X = np.array([-700.0, -3, -0.5, 0.5, 2, 800])
TABLE = {
    "relu": (nnet.relu, lambda x: np.maximum(x, 0)),
    "leaky relu": (lambda x: nnet.relu(x, 0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
    "elu": (nnet.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    "elu of alpha 2": (lambda x: nnet.elu(x, 2), lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0)))),
    "selu": (
        nnet.selu,
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    ),
    "softsign": (nnet.softsign, lambda x: x / (1 + abs(x))),
    "sigmoid": (nnet.sigmoid, scipy.special.expit),
    "softplus": (nnet.softplus, lambda x: np.logaddexp(x, 0)),
    "hard_sigmoid": (nnet.hard_sigmoid, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
}


@pytest.mark.parametrize("name", TABLE)
def test_values_and_derivatives(name):
    function, oracle = TABLE[name]
    np.testing.assert_allclose(value_of(function, X), oracle(X), rtol=1e-6, atol=1e-300)
    check_derivatives(function, X[1:-1])
    x = T.dvector()
    assert np.isfinite(evaluate(grad(function(x).sum(), x), {x: X})).all()


def test_ultra_fast_sigmoid_is_close():
    x = np.linspace(-10, 10, 101)
    np.testing.assert_allclose(value_of(nnet.ultra_fast_sigmoid, x), scipy.special.expit(x), atol=0.12)


def test_slope_of_relu_may_be_a_tensor_and_is_the_mean_at_0():
    x, alpha = T.dmatrix(), T.dvector()
    values = {x: np.array([[-1.0, -2], [3, 0]]), alpha: np.array([0.5, 0.25])}
    np.testing.assert_array_equal(evaluate(nnet.relu(x, alpha), values), [[-0.5, -0.5], [3, 0]])
    slopes = evaluate(grad(nnet.relu(x).sum(), x), values)
    np.testing.assert_array_equal(slopes, [[0, 0], [1, 0.5]])


def test_h_softmax():
    rng = np.random.default_rng(0)
    batch, features, classes, per_class, outputs = 4, 3, 3, 2, 5
    arrays = [
        rng.normal(size=s)
        for s in [
            (batch, features),
            (features, classes),
            (classes,),
            (classes, features, per_class),
            (classes, per_class),
        ]
    ]
    x, W1, b1, W2, b2 = arrays
    first = scipy.special.softmax(x @ W1 + b1, axis=1)
    second = scipy.special.softmax(np.einsum("bi,cio->bco", x, W2) + b2, axis=2)
    joint = (first[:, :, None] * second).reshape(batch, -1)
    target = np.array([0, 4, 2, 3])

    def build(*parameters, target=None):
        return nnet.h_softmax(parameters[0], batch, outputs, classes, per_class, *parameters[1:], target=target)

    np.testing.assert_allclose(value_of(build, *arrays), joint[:, :outputs])
    chosen = lambda *p: build(*p, target=T.constant(target))  # noqa: E731
    np.testing.assert_allclose(value_of(chosen, *arrays), joint[np.arange(batch), target])
    check_derivatives(chosen, *arrays)


def test_confusion_matrix():
    actual, pred = np.array([2, 0, 2, 5, 5, 0]), np.array([0, 0, 2, 2, 5, 1])
    counts, order = value_of(nnet.confusion_matrix, actual, pred)
    np.testing.assert_array_equal(order, [0, 1, 2, 5])
    expected = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1]])
    np.testing.assert_array_equal(counts, expected, strict=True)
    with pytest.raises(ValueError, match="pred must be a vector"):
        nnet.confusion_matrix(T.ivector(), T.imatrix())


def test_prepending_columns():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(value_of(nnet.prepend_0_to_each_row, x), np.insert(x, 0, 0, axis=1))
    np.testing.assert_array_equal(value_of(nnet.prepend_1_to_each_row, x), np.insert(x, 0, 1, axis=1))
    build = lambda v: nnet.prepend_scalar_to_each_row(2.5, v)  # noqa: E731
    np.testing.assert_array_equal(value_of(build, x), np.insert(x, 0, 2.5, axis=1))
    check_derivatives(build, x)
    with pytest.raises(TypeError, match="a scalar and a matrix"):
        nnet.prepend_0_to_each_row(T.dvector())


def test_names_of_the_old_modules():
    import theano.tensor.nnet.nnet as old
    import theano.tensor.nnet.sigm as sigm

    assert old.softmax is nnet.softmax
    assert sigm.sigmoid is nnet.sigmoid


@pytest.mark.parametrize(
    ("dtype", "wanted"), [("uint16", "float32"), ("uint8", "float32"), ("float16", "float16"), ("int64", "float64")]
)
def test_elu_of_each_dtype(dtype: str, wanted: str) -> None:
    x = T.vector("x", dtype=dtype)
    assert T.nnet.elu(x).dtype == wanted
    np.testing.assert_allclose(theano.function([x], T.nnet.elu(x))(np.array([0, 1, 3], dtype)), [0, 1, 3])
