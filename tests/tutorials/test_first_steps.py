"""Expressions made callable, several outputs, the logistic function and its slope, two trained weights."""

from __future__ import annotations

import numpy as np
import pytest

import theano
from theano import pp, tensor


def test_sum_of_two_numbers() -> None:
    a, b = tensor.dscalars("a", "b")
    add = theano.function([a, b], a + b)
    total = add(1.5, 2.5)
    assert isinstance(total, np.ndarray)
    assert total.shape == ()
    assert total.dtype == "float64"
    assert str(total) == "4.0"


@pytest.fixture
def logistic_of_matrix() -> tuple[tensor.TensorVariable, tensor.TensorVariable]:
    m = tensor.dmatrix("m")
    return m, 1 / (1 + tensor.exp(-m))


def test_logistic(logistic_of_matrix: tuple[tensor.TensorVariable, tensor.TensorVariable]) -> None:
    m, s = logistic_of_matrix
    values = theano.function([m], s)([[0, 1], [-1, -2]])
    assert str(values) == "[[0.5        0.73105858]\n [0.26894142 0.11920292]]"
    np.testing.assert_allclose(values, 1 / (1 + np.exp([[0.0, -1], [1, 2]])), rtol=1e-15)


def test_slope_of_logistic(logistic_of_matrix: tuple[tensor.TensorVariable, tensor.TensorVariable]) -> None:
    m, s = logistic_of_matrix
    slope = tensor.grad(tensor.sum(s), m)
    assert "m" in pp(slope)
    values = theano.function([m], slope)([[0, 1], [-1, -2]])
    assert str(values) == "[[0.25       0.19661193]\n [0.19661193 0.10499359]]"


def test_three_results_of_one_call() -> None:
    left, right = tensor.dmatrices("left", "right")
    difference = left - right
    compare = theano.function([left, right], [difference, abs(difference), difference**2])
    results = compare([[1, 1], [1, 1]], [[0, 1], [2, 3]])
    assert [r.tolist() for r in results] == [[[1, 0], [-1, -2]], [[1, 0], [1, 2]], [[1, 0], [1, 4]]]
    assert {r.dtype for r in results} == {np.dtype("float64")}


def test_two_weights_reach_their_target() -> None:
    x, target = tensor.fvector("x"), tensor.fscalar("target")
    w = theano.shared(np.array([0.2, 0.7]), "w")
    total = (x * w).sum()
    (slope,) = tensor.grad(tensor.sqr(target - total), [w])
    step = theano.function([x, target], total, updates=[(w, w - 0.1 * slope)])
    totals = [float(step([1.0, 1.0], 20.0)) for _ in range(10)]
    # Each step leaves 0.6 of the distance to the target.
    np.testing.assert_allclose(totals, [20 - 19.1 * 0.6**i for i in range(10)], rtol=1e-14)
    assert totals[1] == pytest.approx(8.54)
    assert totals[-1] == pytest.approx(19.8075160064)
