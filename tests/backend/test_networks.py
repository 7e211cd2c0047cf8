"""The expansions of composite operations of neural networks, and their gradients, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.backend.comparison import compare, like, values
from theano.tensor.nnet.crossentropy import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1HotWithBiasDx,
    CrossentropySoftmaxArgmax1HotWithBias,
)
from theano.tensor.nnet.softmax import LogSoftmax, Softmax, SoftmaxGrad


@pytest.mark.parametrize("dtype", ("float64", "float32"))
def test_softmax(dtype):
    def build(x, y):
        outputs = []
        for axis in (0, 1, 2):
            sm = Softmax(axis)(x)
            outputs += [sm, LogSoftmax(axis)(x), SoftmaxGrad(axis)(y, sm), SoftmaxGrad(axis)(y, x), T.sum(sm * y)]
        return outputs

    for shape in ((3, 4, 70), (1, 5, 1), (2, 0, 3)):
        pair_tolerance = 1e-4 if dtype == "float32" else 1e-10
        if 0 not in shape:
            compare(
                build, values(dtype, shape, 1), values(dtype, shape, 2), every_layout=True, tolerance=pair_tolerance
            )
    large = values(dtype, (2, 3, 9), 1) * np.array(1000, dtype)
    compare(lambda x: [Softmax(2)(x), LogSoftmax(2)(x)], large, tolerance=1e-4)


@pytest.mark.parametrize("classes", ("int64", "int32", "uint8"))
def test_crossentropy(classes):
    def build(x, b, y, g):
        nll, sm, am = CrossentropySoftmaxArgmax1HotWithBias()(x, b, y)
        dist = sm * 0.9 + 0.01
        one = CrossentropyCategorical1Hot()(dist, y)
        return [
            nll,
            sm,
            am,
            CrossentropySoftmax1HotWithBiasDx()(g, sm, y),
            one,
            CrossentropyCategorical1HotGrad()(g, dist, y),
            nll.mean(),
        ]

    y = np.array([3, 0, 9, 1, 1], classes)
    compare(
        build,
        values("float64", (5, 10), 1),
        values("float64", (10,), 2),
        y,
        values("float64", (5,), 3),
        every_layout=True,
        tolerance=1e-10,
    )
    compare(
        build, values("float32", (5, 10), 1), values("float32", (10,), 2), y, values("float32", (5,), 3), tolerance=1e-4
    )


def test_activations():
    def build(x):
        nn = T.nnet
        outputs = [
            nn.sigmoid(x),
            nn.ultra_fast_sigmoid(x),
            nn.hard_sigmoid(x),
            nn.softplus(x),
            nn.relu(x),
            nn.relu(x, 0.1),
            nn.elu(x),
            nn.selu(x),
        ]
        p = nn.sigmoid(x)
        outputs += [nn.binary_crossentropy(p, p > 0.5), nn.sigmoid_binary_crossentropy(x, p)]
        return outputs + [T.grad(o.sum(), x) for o in (*outputs[:1], *outputs[2:])]

    for dtype in ("float64", "float32"):
        compare(
            build,
            values(dtype, (5, 70)) * np.array(4, dtype),
            every_layout=True,
            tolerance=1e-4 if dtype == "float32" else 1e-10,
        )


def test_a_training_step():
    random = np.random.default_rng(0)
    data, labels = random.normal(0, 1, (20, 12)), random.integers(0, 4, 20)
    initial = [random.normal(0, 0.3, s) for s in ((12, 9), (9,), (9, 4), (4,))]

    def train(mode):
        x, y = T.dmatrix("x"), T.lvector("y")
        parameters = [theano.shared(p.copy()) for p in initial]
        w1, b1, w2, b2 = parameters
        h = T.tanh(T.dot(x, w1) + b1)
        p = T.nnet.softmax(T.dot(h, w2) + b2)
        cost = -T.mean(T.log(p)[T.arange(y.shape[0]), y]) + 0.01 * (w1**2).sum()
        gradients = T.grad(cost, parameters)
        f = theano.function(
            [x, y],
            [cost, T.argmax(p, 1)],
            updates=[(v, v - 0.3 * g) for v, g in zip(parameters, gradients, strict=True)],
            mode=mode,
        )
        costs = []
        for _ in range(20):
            cost, predicted = f(data, labels)
            costs.append(float(cost))
        return costs, predicted, [v.get_value() for v in parameters]

    expected = train(theano.Mode("reference", None))
    for mode in ("FAST_RUN", theano.Mode("native", None)):
        costs, predicted, parameters = train(mode)
        np.testing.assert_allclose(costs, expected[0], rtol=1e-9)
        np.testing.assert_array_equal(predicted, expected[1])
        for a, b in zip(parameters, expected[2], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8)
    assert costs[-1] < costs[0] and like(data)[0].ndim == 2
