"""A scalar function and its derivative to the last digit; a network of two layers that learns exclusive or."""

from __future__ import annotations

import numpy as np

import theano
import theano.tensor as T
from theano.tensor import nnet


def test_function_and_derivative_to_the_last_digit() -> None:
    x = T.dscalar()
    y = T.exp(T.sin(x**2))
    assert type(y).__name__ == "TensorVariable"
    values = theano.function(inputs=[x], outputs=[y])(10)
    assert isinstance(values, list)
    assert repr(float(values[0])) == "0.602681965908778"
    derivative = theano.function([x], T.grad(y, wrt=x))(15)
    assert derivative.shape == ()
    assert repr(float(derivative)) == "4.347404090286685"


def sigmoid_layer(inputs: T.TensorVariable, weights: T.TensorVariable) -> T.TensorVariable:
    """The layer's outputs; a constant 1 is appended to its inputs, so that the last row of weights is the bias."""
    one = np.ones(1, dtype=theano.config.floatX)
    return nnet.sigmoid(T.dot(weights.T, T.concatenate([inputs, one])))


def test_network_learns_exclusive_or() -> None:
    rng = np.random.RandomState(0)
    hidden_weights, output_weights = theano.shared(rng.rand(3, 3)), theano.shared(rng.rand(4, 1))
    pair, truth = T.dvector(), T.dscalar()
    guess = T.sum(sigmoid_layer(sigmoid_layer(pair, hidden_weights), output_weights))
    cost = (guess - truth) ** 2
    learn = theano.function(
        [pair, truth], cost, updates=[(w, w - 0.1 * T.grad(cost, wrt=w)) for w in (hidden_weights, output_weights)]
    )
    answer = theano.function([pair], guess)

    pairs, truths = np.array([[0, 1], [1, 0], [1, 1], [0, 0]]), np.array([1, 1, 0, 0])  # integers are cast safely
    costs = [[learn(p, t) for p, t in zip(pairs, truths)][-1] for _ in range(10_000)]
    # Theano 1.0.5 from the same weights.
    np.testing.assert_allclose(
        costs[::2500], [0.7173490472057528, 0.030888352215800805, 0.0034170929393346652, 0.0016445362469805194], 1e-6
    )
    np.testing.assert_allclose(
        [answer(p) for p in ([0, 1], [1, 1], [1, 0], [0, 0])],
        [0.9695342550912904, 0.03207167194366134, 0.9697953931332985, 0.0326242945879677],
        rtol=1e-6,
    )
