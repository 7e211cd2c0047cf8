"""Gradients of what `theano.scan` and its kin build, against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.gradient import verify_grad

RNG = np.random.RandomState(0)
X, H, W, U = RNG.normal(size=(5, 3)), RNG.normal(size=4), RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4))


def network(x: Any, h: Any, w: Any, u: Any) -> Any:
    return theano.scan(lambda row, h: T.tanh(T.dot(row, w) + T.dot(h, u)), x, h)[0]


def network_with_checkpoints(x: Any, h: Any, w: Any, u: Any) -> Any:
    return theano.scan_checkpoints(lambda row, h: T.tanh(T.dot(row, w) + T.dot(h, u)), x, h, save_every_N=2)[0]


def taps(x: Any, h: Any) -> Any:
    return theano.scan(
        lambda a, b, h2, h1: T.tanh(a * b + h2 * h1),
        dict(input=x, taps=[-1, 1]),
        dict(initial=h, taps=[-2, -1]),
        go_backwards=True,
    )[0]


def leaving_early(x: Any, h: Any) -> Any:
    return theano.scan(lambda a, h: (T.tanh(a + h), theano.scan_module.until(a < -0.5)), x, h)[0]


def nested(x: Any, h: Any) -> Any:
    def outer(row: Any, h: Any) -> Any:
        inner, _ = theano.scan(lambda a, s: T.sin(a * s) + h.sum(), row, h.sum())
        return T.tanh(h * inner[-1])

    return theano.scan(outer, x, h)[0]


def polynomial(coefficients: Any, x: Any) -> Any:
    return theano.reduce(lambda c, value: value * x + c, coefficients, np.float64(0))[0]


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "FAST_RUN"])
@pytest.mark.parametrize(
    ("function", "point"),
    [
        (network, [X, H, W, U]),
        (network_with_checkpoints, [X, H, W, U]),
        (taps, [X[:, 0], H]),
        (leaving_early, [X[:, 0], H]),
        (nested, [X[:3], H]),
        (polynomial, [X[:, 0], np.float64(0.4)]),
    ],
)
def test_gradients(function: Any, point: list[Any], mode: str) -> None:
    verify_grad(function, point, rng=np.random.RandomState(1), mode=theano.compile.get_mode(mode))


def test_gradient_through_a_number_of_steps_that_may_be_negative() -> None:
    x, n = T.dvector("x"), T.iscalar("n")
    products, _ = theano.scan(lambda a, p: p * a, x, np.float64(1), n_steps=n)
    gradient = theano.function([x, n], T.grad(products[-1], x))
    assert gradient([1, 2, 3, 4], -2).tolist() == [0, 0, 4, 3]
    assert gradient([1, 2, 3, 4], 2).tolist() == [2, 1, 0, 0]
