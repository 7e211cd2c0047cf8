"""Gradients through complex numbers: of real costs, as ``dcost/dreal + i dcost/dimag``."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.gradient.interpreter import evaluate
from theano.gradient.forward import transposed_transpose

Z = np.array([1 + 2j, 0.5 - 1j, -0.3 + 0.2j])
W = np.array([0.3 - 0.7j, 1 + 1j, 2.0 + 0.1j])
X = np.array([1.5, -0.4, 0.7])

# name: function of two complex vectors and a real one
FUNCTIONS = {
    "mul": lambda z, w, x: z * w * x,
    "div": lambda z, w, x: x / z + w / x,
    "exp": lambda z, w, x: T.exp(z) - T.log(w),
    "pow": lambda z, w, x: z**2 + w**3,
    "abs": lambda z, w, x: abs(z * x),
    "parts": lambda z, w, x: T.real(z * w) + T.imag(z) * x,
    "angle": lambda z, w, x: T.angle(z * w),
    "complex": lambda z, w, x: T.complex(x, x**2) * T.conj(z),
    "sum": lambda z, w, x: z.sum() * w * x.mean(),
    "prod": lambda z, w, x: z.prod() * x,
    "dot": lambda z, w, x: T.dot(z, w) * x,
    "dot of real and complex": lambda z, w, x: T.outer(z, x).dot(x),
    "dot of matrices": lambda z, w, x: T.dot(T.outer(z, w), T.outer(x, z)),
    "batched_dot": lambda z, w, x: T.batched_dot(z.dimshuffle(0, "x", "x"), w.dimshuffle(0, "x", "x")),
    "indexing": lambda z, w, x: T.set_subtensor(z[1:], w[:2]) * z[::-1],
    "join": lambda z, w, x: T.concatenate([z, w]) ** 2,
}


@pytest.fixture(params=FUNCTIONS)
def case(request):
    variables = T.zvector("z"), T.zvector("w"), T.dvector("x")
    return FUNCTIONS[request.param](*variables), list(variables), dict(zip(variables, (Z, W, X), strict=True))


def moved(values, variable, direction, step=1e-6):
    return [{**values, variable: values[variable] + sign * step * direction} for sign in (1, -1)]


def test_gradient(case):
    expression, variables, values = case
    cost = abs(expression * T.constant(0.6 + 0.8j) + 1).sum()
    for x, gradient in zip(variables, theano.grad(cost, variables, disconnected_inputs="ignore"), strict=True):
        assert gradient.type == x.type
        expected = np.zeros(3, dtype=x.dtype)
        for unit in (1, 1j) if x.dtype == "complex128" else (1,):
            for k, e in enumerate(np.eye(3)):
                plus, minus = (evaluate(cost, v) for v in moved(values, x, unit * e))
                expected[k] += unit * (plus - minus) / 2e-6
        np.testing.assert_allclose(evaluate(gradient, values), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("derived", [False, True])
def test_forward(case, derived, monkeypatch):
    if derived:
        monkeypatch.setattr("theano.gradient.forward.output_tangents", transposed_transpose)
    expression, variables, values = case
    directions = [x.type() for x in variables]
    along = [np.array([0.3, -1, 0.2]) + 1j, np.array([1j, 0.5, 2]), np.array([1, -1, 0.5])]
    tangent = theano.Rop(expression, variables, directions)
    found = evaluate(tangent, {**values, **dict(zip(directions, along, strict=True))})
    step = 1e-6
    plus, minus = (
        evaluate(expression, {x: values[x] + sign * step * d for x, d in zip(variables, along, strict=True)})
        for sign in (1, -1)
    )
    np.testing.assert_allclose(found, (plus - minus) / (2 * step), rtol=1e-5, atol=1e-7)
