"""Ops that are the identity and act on derivatives alone."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.gradient.interpreter import evaluate
from theano.gradient import (
    DisconnectedInputError,
    GradientIdentity,
    NullTypeGradError,
    consider_constant,
    disconnected_grad,
    grad_clip,
    grad_scale,
    undefined_grad,
    zero_grad,
)

ALL = [
    consider_constant,
    zero_grad,
    disconnected_grad,
    undefined_grad,
    lambda x: grad_clip(x, -1, 1),
    lambda x: grad_scale(x, 2),
]


@pytest.mark.parametrize("identity", ALL)
def test_value_and_type_are_those_of_the_argument(identity):
    x = T.fmatrix("x")
    y = identity(x)
    value = np.arange(6, dtype="float32").reshape(2, 3)
    assert y.type == x.type
    assert isinstance(y.owner.op, GradientIdentity)
    assert y.owner.op.view_map == {0: [0]}
    assert y.owner.op == identity(x).owner.op
    np.testing.assert_array_equal(evaluate(y, {x: value}), value)
    assert identity(3.0).ndim == 0


@pytest.mark.parametrize("identity", [consider_constant, zero_grad])
def test_zero(identity):
    x = T.dscalar("x")
    assert evaluate(theano.grad(x * identity(x**2), x), {x: 3.0}) == 9
    assert evaluate(theano.grad(identity(x), x), {x: 3.0}) == 0
    assert evaluate(theano.Rop(x * identity(x**2), x, T.constant(2.0)), {x: 3.0}) == 18


def test_disconnected():
    x = T.dscalar("x")
    assert evaluate(theano.grad(x * disconnected_grad(x**2), x), {x: 3.0}) == 9
    with pytest.raises(DisconnectedInputError):
        theano.grad(disconnected_grad(x), x)
    with pytest.raises(DisconnectedInputError):
        theano.Rop(disconnected_grad(x), x, x)


def test_undefined():
    x, y = T.dscalars("x", "y")
    with pytest.raises(NullTypeGradError, match="undefined_grad was applied"):
        theano.grad(undefined_grad(x) * y, x)
    with pytest.raises(NullTypeGradError, match="undefined_grad was applied"):
        theano.Rop(undefined_grad(x) * y, x, y)
    assert evaluate(theano.grad(undefined_grad(x) * y, y), {x: 3.0, y: 1.0}) == 3


def test_clip():
    x = T.dvector("x")
    gradient = theano.grad((grad_clip(x, -1, 1.5) ** 2).sum(), x)
    np.testing.assert_allclose(evaluate(gradient, {x: [-2.0, 0.25, 3.0]}), [-1, 0.5, 1.5])
    assert evaluate(theano.Rop(grad_clip(x, -1, 1) * 2, x, x), {x: [5.0]}) == 10
    with pytest.raises(ValueError, match="upper bound 0 is below the lower one 1"):
        grad_clip(x, 1, 0)


def test_scale():
    x = T.fscalar("x")
    gradient = theano.grad(grad_scale(x, -0.5) ** 2, x)
    assert gradient.dtype == "float32"
    assert evaluate(gradient, {x: 3.0}) == -3
    assert evaluate(theano.Rop(grad_scale(x, -0.5) ** 2, x, x), {x: 3.0}) == -9


def test_printed_with_its_parameters():
    x = T.dscalar("x")
    assert str(grad_scale(x, 2).owner.op) == "GradScale{multiplier=2}"
    assert str(zero_grad(x).owner.op) == "ZeroGrad"
