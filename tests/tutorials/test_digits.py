"""Softmax regression and one hidden layer on MNIST by full-batch gradient ascent, with the data as givens.

Runs where ``mnist.pkl.gz`` is: the file named in the environment variable ``THEANO_MNIST``, or ``../shared/data/``.
"""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import theano
import theano.tensor as T

MNIST = Path(os.environ.get("THEANO_MNIST", Path(__file__).parents[3] / "shared" / "data" / "mnist.pkl.gz"))
pytestmark = pytest.mark.skipif(
    not MNIST.exists(), reason="no mnist.pkl.gz: set THEANO_MNIST to the path of the file to run these tests"
)

N_CLASSES, N_PIXELS, RATE = 10, 28 * 28, 0.5

SOFTMAX_LOG_LIKELIHOODS = [
    -2.3025850929940463,
    -1.8391209025064599,
    -1.5250543679632202,
    -1.3142440592188174,
    -1.1682410159224519,
    -1.0617673924666753,
    -0.9820455376704271,
    -0.9194230935951666,
    -0.869394886438446,
    -0.8276885884406652,
]
# Of the network with a hidden layer, at iterations 0, 10, 20, … and at the last; its first weights were random.
HIDDEN_LOG_LIKELIHOODS = {
    0: -2.30258509299,
    10: -2.23253100489,
    20: -1.54193010867,
    30: -1.06091566234,
    40: -0.799913392634,
    50: -0.637825709613,
    59: -0.543043382773,
}


@pytest.fixture(scope="module")
def digits() -> list[tuple[T.TensorVariable, T.TensorVariable]]:
    """The training and the test set, each (images, labels) in shared variables."""
    with gzip.open(MNIST) as file:
        train, _, test = pickle.load(file, encoding="latin1")
    return [(theano.shared(x.astype("float64")), theano.shared(y.astype("int32"))) for x, y in (train, test)]


def mean_log_likelihood(probabilities: T.TensorVariable, labels: T.TensorVariable) -> T.TensorVariable:
    return T.mean(T.log(probabilities)[T.arange(probabilities.shape[0]), labels])


def ascent(objective: T.TensorVariable, parameters: list[T.TensorVariable]) -> list[list[T.TensorVariable]]:
    return [[p, p + RATE * T.grad(objective, p)] for p in parameters]


def test_softmax_regression(digits: list[tuple[T.TensorVariable, T.TensorVariable]]) -> None:
    (train_x, train_y), (test_x, test_y) = digits
    x, y = T.dmatrix(), T.ivector()
    w, b = theano.shared(np.zeros([N_PIXELS, N_CLASSES])), theano.shared(np.zeros(N_CLASSES))
    probabilities = T.nnet.softmax(T.dot(x, w) + b)
    objective = mean_log_likelihood(probabilities, y)
    climb = theano.function([], objective, updates=ascent(objective, [w, b]), givens={x: train_x, y: train_y})
    np.testing.assert_allclose([climb() for _ in range(10)], SOFTMAX_LOG_LIKELIHOODS, rtol=1e-11)

    classify = theano.function([], T.argmax(probabilities, axis=1), givens={x: test_x})
    labels = classify()
    assert labels.dtype == "int64"
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 2, 9]
    assert np.sum(labels != test_y.get_value()) == 1512  # of 10,000


def test_hidden_layer_on_slices_of_shared_data(digits: list[tuple[T.TensorVariable, T.TensorVariable]]) -> None:
    (train_x, train_y), (test_x, test_y) = digits
    x, y = T.dmatrix(), T.ivector()
    n_hidden = 20
    w_xh = theano.shared(0.01 * np.random.RandomState(0).randn(N_PIXELS, n_hidden))
    w_hy = theano.shared(np.zeros([n_hidden, N_CLASSES]))
    b_xh, b_hy = theano.shared(np.zeros(n_hidden)), theano.shared(np.zeros(N_CLASSES))
    probabilities = T.nnet.softmax(T.dot(T.tanh(T.dot(x, w_xh) + b_xh), w_hy) + b_hy)
    objective = mean_log_likelihood(probabilities, y)
    climb = theano.function(
        inputs=[],
        outputs=objective,
        updates=ascent(objective, [w_xh, w_hy, b_xh, b_hy]),
        givens={x: train_x[:5000], y: train_y[:5000]},
    )
    curve = [float(climb()) for _ in range(60)]
    for iteration, log_likelihood in HIDDEN_LOG_LIKELIHOODS.items():
        assert curve[iteration] == pytest.approx(log_likelihood, rel=0.04)

    classify = theano.function([], T.argmax(probabilities, axis=1), givens={x: test_x})
    assert np.mean(classify() != test_y.get_value()) < 0.16
