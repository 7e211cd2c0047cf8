"""Elementwise operations of users, written as for Theano 1.0."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano import scalar
from theano.graph.basic import Apply
from theano.tensor.elementwise import Elemwise


class LogOnePlusExp(scalar.UnaryScalarOp):
    """For single numbers only: it branches."""

    def impl(self, x):
        return x + np.log1p(np.exp(-x)) if x > 0 else np.log1p(np.exp(x))

    def grad(self, inputs, gout):
        (x,) = inputs
        (gz,) = gout
        return [gz * scalar.sigmoid(x)]


class Halves(scalar.BinaryScalarOp):
    output_types_preference = staticmethod(lambda x, y: [scalar.float64])

    def impl(self, x, y):
        return (x + y) / 2


def perform(variable, *values):
    cell = [None]
    node = variable.owner
    node.op.perform(node, list(values), [cell])
    return cell[0]


def test_numbers_are_handed_to_impl_one_by_one():
    op = Elemwise(LogOnePlusExp(scalar.upgrade_to_float, name="log1pexp"), name="log1pexp")
    y = op(T.dmatrix("x"))
    assert y.type == T.dmatrix and isinstance(y.owner, Apply)
    x = np.array([[-800.0, 0.0], [1.0, 800.0]])
    np.testing.assert_allclose(perform(y, x), np.logaddexp(0, x))
    assert perform(y, np.zeros((0, 3))).shape == (0, 3)
    assert op(T.ivector()).dtype == "float64" and op(T.fvector()).dtype == "float32"


def test_their_gradients_are_used():
    op = Elemwise(LogOnePlusExp(scalar.upgrade_to_float, name="log1pexp"))
    x = T.dvector("x")
    (gx,) = op.L_op([x], [op(x)], [T.dvector("gz")])
    assert gx.owner.op == T.mul


def test_without_a_gradient_the_error_names_the_operation():
    op = Elemwise(Halves())
    x, y = T.dvector("x"), T.dvector("y")
    gx, _ = op.L_op([x, y], [op(x, y)], [T.dvector("gz")])
    with pytest.raises(Exception, match="Halves"):
        theano.grad(op(x, y).sum(), x)
    assert not isinstance(gx.type, T.TensorType)


def test_dtype_rules_of_classes_and_instances():
    assert Elemwise(Halves())(T.fvector(), T.fvector()).dtype == "float64"
    assert Elemwise(Halves(scalar.upcast_out))(T.fvector(), T.fvector()).dtype == "float32"
    with pytest.raises(TypeError, match="function of dtypes"):
        Halves("float32")


def test_broadcasting_and_identity():
    op = Elemwise(Halves())
    z = op(T.dcol("x"), T.drow("y"))
    np.testing.assert_array_equal(perform(z, np.array([[1.0], [3.0]]), np.array([[5.0, 7.0]])), [[3, 4], [4, 5]])
    assert Halves() == Halves() and hash(Halves()) == hash(Halves())
    assert Halves() != Halves(scalar.upcast_out) and Halves(name="a") != Halves()


def test_a_named_function_serves_whole_arrays():
    class Root(scalar.UnaryScalarOp):
        nfunc_spec = ("numpy.sqrt", 1, 1)

    np.testing.assert_array_equal(perform(Elemwise(Root())(T.dvector()), np.array([4.0, 9.0])), [2, 3])


def test_scalar_operations_apply_to_scalars():
    x, y = scalar.float64("x"), scalar.int32("y")
    z = scalar.add(scalar.exp(x), y)
    assert z.type == T.dscalar
    assert scalar.as_scalar(2).dtype == "int8" and scalar.as_scalar(x) is x
    with pytest.raises(TypeError, match="rank 1"):
        scalar.as_scalar(T.dvector("v"))
