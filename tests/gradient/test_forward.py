"""Forward mode, with each Op's own R_op and with that derived from its L_op."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.gradient.interpreter import evaluate
from theano.gradient import DisconnectedInputError, DisconnectedType, NullTypeGradError, grad_undefined
from theano.gradient.forward import transposed_transpose
from theano.graph.basic import Apply
from theano.graph.op import Op

RNG = np.random.default_rng(5)
MATRIX = RNG.uniform(0.2, 0.9, size=(3, 4))
VECTOR = RNG.uniform(0.2, 0.9, size=4)
CUBE = RNG.uniform(0.2, 0.9, size=(2, 3, 4))

# name: (function of variables, arrays that they stand for)
FUNCTIONS = {
    "arithmetic": (lambda x, y: x * y - y / x + x**y, [MATRIX, VECTOR]),
    "functions": (lambda x: T.exp(T.sin(x)) + T.log1p(x) * T.sqrt(x), [MATRIX]),
    "switch": (lambda x, y: T.switch(x > 0.5, x * 2, y**2), [MATRIX, MATRIX + 0.1]),
    "clip": (lambda x: T.clip(x, 0.3, 0.7) * 2, [MATRIX]),
    "casts": (lambda x: T.cast(T.cast(x, "float32"), "float64") ** 2, [VECTOR]),
    "dot": (lambda x, y: T.dot(x, y), [MATRIX, VECTOR]),
    "dot matrices": (lambda x, y: T.dot(x, y.T), [MATRIX, MATRIX + 1]),
    "batched_dot": (lambda x, y: T.batched_dot(x, y), [CUBE, CUBE.transpose(0, 2, 1).copy()]),
    "sum": (lambda x: (x**2).sum(axis=0), [MATRIX]),
    "mean": (lambda x: x.mean(axis=1) * x.sum(), [MATRIX]),
    "prod": (lambda x: x.prod(axis=1), [MATRIX]),
    "max": (lambda x: x.max(axis=1), [MATRIX]),
    "max_and_argmax": (lambda x: T.max_and_argmax(x, axis=1)[0] ** 2, [MATRIX]),
    "reshape": (lambda x: x.reshape((4, 3)) ** 2, [MATRIX]),
    "dimshuffle": (lambda x: x.dimshuffle(1, "x", 0) ** 2, [MATRIX]),
    "flatten": (lambda x: T.flatten(x, 2) ** 2, [CUBE]),
    "subtensor": (lambda x: x[1:, ::2] ** 2, [MATRIX]),
    "advanced subtensor": (lambda x: x[T.constant([0, 2, 2])] ** 2, [MATRIX]),
    "advanced subtensor 2": (lambda x: x[T.constant([0, 2]), T.constant([1, 3])] ** 2, [MATRIX]),
    "set_subtensor": (lambda x, y: T.set_subtensor(x[1], y * 2) ** 2, [MATRIX, VECTOR]),
    "inc_subtensor": (lambda x, y: T.inc_subtensor(x[:, 1:3], y[:2]) ** 2, [MATRIX, VECTOR]),
    "join": (lambda x, y: T.concatenate([x, y, x], axis=1) ** 2, [MATRIX, MATRIX + 1]),
    "stack": (lambda x, y: T.stack([x, y]) ** 2, [VECTOR, VECTOR + 1]),
    "split": (lambda x: T.split(x, [1, 3], 2, axis=1)[1] ** 2, [MATRIX]),
    "alloc": (lambda x: T.alloc(x, 3, 4) * x, [VECTOR]),
    "diag": (lambda x: T.diag(x) ** 2, [MATRIX[:3, :3]]),
    "softmax": (lambda x: T.nnet.softmax(x), [MATRIX]),
    "logsoftmax": (lambda x: T.nnet.logsoftmax(x), [MATRIX]),
    "sigmoid": (lambda x: T.nnet.sigmoid(x) * T.nnet.softplus(x), [MATRIX]),
    "categorical_crossentropy": (
        lambda x: T.nnet.categorical_crossentropy(T.nnet.softmax(x), T.constant([0, 3, 1])),
        [MATRIX],
    ),
}


def build(name):
    function, arrays = FUNCTIONS[name]
    variables = [T.TensorType("float64", (False,) * a.ndim)(f"x{i}") for i, a in enumerate(arrays)]
    directions = [v.type(f"e{i}") for i, v in enumerate(variables)]
    values = dict(zip(variables, arrays, strict=True))
    values.update({e: RNG.normal(size=a.shape) for e, a in zip(directions, arrays, strict=True)})
    expression = function(*variables)
    expression.name = name
    return expression, variables, directions, values


def difference(expression, variables, directions, values):
    """The derivative along the direction, by a central difference."""
    step = 1e-2 if expression.name == "casts" else 1e-6

    def at(sign):
        moved = {x: values[x] + sign * step * values[e] for x, e in zip(variables, directions, strict=True)}
        return evaluate(expression, moved)

    return (at(1) - at(-1)) / (2 * step)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_agrees_with_finite_differences(name):
    expression, variables, directions, values = build(name)
    tangent = theano.Rop(expression, variables, directions)
    assert tangent.type == expression.type
    tolerance = 1e-3 if name == "casts" else 1e-6
    found = evaluate(tangent, values)
    np.testing.assert_allclose(found, difference(expression, variables, directions, values), tolerance, tolerance)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_R_op_derived_from_L_op_agrees_too(name, monkeypatch):
    monkeypatch.setattr("theano.gradient.forward.output_tangents", transposed_transpose)
    expression, variables, directions, values = build(name)
    tangent = theano.Rop(expression, variables, directions)
    found = evaluate(tangent, values)
    tolerance = 1e-3 if name == "casts" else 1e-6
    np.testing.assert_allclose(found, difference(expression, variables, directions, values), tolerance, tolerance)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_is_the_transpose_of_Lop(name):
    expression, variables, directions, values = build(name)
    v = expression.type("v")
    values[v] = RNG.normal(size=evaluate(expression, values).shape)
    forward = evaluate((theano.Rop(expression, variables, directions) * v).sum(), values)
    backward = evaluate(theano.Lop(expression, variables, v), values)
    expected = sum(np.sum(b * values[e]) for b, e in zip(backward, directions, strict=True))
    np.testing.assert_allclose(forward, expected, rtol=1e-5 if name == "casts" else 1e-7)  # they pass through float32


class OnlyBackward(Op):
    """Products with a square: two outputs, one of them an integer, and no R_op."""

    def make_node(self, x, y):
        return Apply(self, [x, y], [x.type(), x.type.clone(dtype="int64")()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = np.asarray(inputs[0] ** 2 * inputs[1])
        output_storage[1][0] = np.asarray(inputs[0], dtype="int64")

    def L_op(self, inputs, outputs, output_gradients):
        x, y = inputs
        if isinstance(output_gradients[0].type, DisconnectedType):
            return [x.zeros_like(), y.zeros_like()]
        return [output_gradients[0] * 2 * x * y, output_gradients[0] * x**2]


def test_op_of_the_user_without_R_op():
    x, y, e = T.dscalars("x", "y", "e")
    smooth, step = OnlyBackward()(x, y)
    assert evaluate(theano.Rop(smooth, x, e), {x: 3.0, y: 2.0, e: 0.5}) == 6
    assert evaluate(theano.Rop(smooth, [x, y], [e, e]), {x: 3.0, y: 2.0, e: 0.5}) == 6 + 4.5
    assert evaluate(theano.Rop(smooth * step, x, e), {x: 3.0, y: 2.0, e: 0.5}) == 18
    zero = theano.Rop(step, x, e)
    assert evaluate(zero, {x: 3.0, y: 2.0}) == 0


def test_R_op_of_the_user_is_used_and_checked():
    class Own(OnlyBackward):
        def R_op(self, inputs, eval_points):
            return self.result(eval_points)

    x, y, e = T.dscalars("x", "y", "e")
    op = Own()
    op.result = lambda points: [points[0] * 100, None]
    assert evaluate(theano.Rop(op(x, y)[0], x, e), {e: 1.0}) == 100
    op.result = lambda points: [points[0]]
    with pytest.raises(ValueError, match=r"Own.*R_op must return a list with 2"):
        theano.Rop(op(x, y)[0], x, e)
    op.result = lambda points: [T.shape_padleft(points[0]), None]
    with pytest.raises(ValueError, match=r"1 dimensions"):
        theano.Rop(op(x, y)[0], x, e)
    op.result = lambda points: [3.0, None]
    with pytest.raises(TypeError, match="must be a variable"):
        theano.Rop(op(x, y)[0], x, e)
    op.result = lambda points: [grad_undefined(op, 0, x, "so it is"), None]
    with pytest.raises(NullTypeGradError, match="so it is"):
        theano.Rop(op(x, y)[0], x, e)


def test_one_gradient_shared_by_several_inputs():
    class Sum(Op):
        def make_node(self, x, y):
            return Apply(self, [x, y], [x.type()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = np.asarray(inputs[0] + inputs[1])

        def L_op(self, inputs, outputs, output_gradients):
            return [output_gradients[0], output_gradients[0]]

    x, y, e, f = T.dscalars("x", "y", "e", "f")
    assert evaluate(theano.Rop(Sum()(x, y), [x, y], [e, f]), {x: 0.0, y: 0.0, e: 2.0, f: 3.0}) == 5


def test_form_follows_f():
    x, e = T.dscalars("x", "e")
    assert isinstance(theano.Rop([x * 2, x**2], x, e), list)
    assert isinstance(theano.Rop((x * 2,), [x], [e]), tuple)
    assert theano.Rop(x, x, e) is e


def test_wrt_are_independent():
    x, e, h = T.dscalars("x", "e", "h")
    y = x**2
    tangent = theano.Rop(y * x, [x, y], [e, h])
    assert evaluate(tangent, {x: 3.0, e: 2.0, h: 5.0}) == 9 * 2 + 3 * 5


def test_disconnected():
    x, y, e = T.dscalars("x", "y", "e")
    with pytest.raises(DisconnectedInputError, match=r"y .*disconnected_outputs='ignore'"):
        theano.Rop(y, x, e)
    with pytest.warns(UserWarning, match="does not depend"):
        theano.Rop(y * 2, x, e, disconnected_outputs="warn")
    both = theano.Rop([y, x], x, e, disconnected_outputs="ignore")
    assert evaluate(both, {y: 1.0, e: 2.0}) == [0, 2]
    assert theano.Rop(y, x, e, "ignore", "None") is None
    assert isinstance(theano.Rop(y, x, e, "ignore", "Disconnected").type, DisconnectedType)


def test_points_are_checked():
    x, e, v = T.dscalar("x"), T.dscalar("e"), T.dvector("v")
    with pytest.raises(ValueError, match="one eval_point for each of wrt: got 1 for 2"):
        theano.Rop(x, [x, e], [e])
    with pytest.raises(ValueError, match=r"element 0 of wrt .* has 0 dimensions.* has 1"):
        theano.Rop(x, x, v)


def test_dtype_is_that_of_f():
    x, e = T.fscalar("x"), T.dscalar("e")
    assert theano.Rop(x**2, x, e).dtype == "float32"
    assert evaluate(theano.Rop(x**2, x, 3), {x: 2.0}) == 12


def test_hessian_times_vector_both_ways():
    x, v = T.dvectors("x", "v")
    cost = (T.exp(x) * x[::-1]).sum()
    gradient = theano.grad(cost, x)
    values = {x: RNG.normal(size=4), v: RNG.normal(size=4)}
    by_forward = evaluate(theano.Rop(gradient, x, v), values)
    by_backward = evaluate(theano.grad((gradient * v).sum(), x), values)
    by_left = evaluate(theano.Lop(gradient, x, v), values)
    np.testing.assert_allclose(by_forward, by_backward)
    np.testing.assert_allclose(by_left, by_backward)
    step = 1e-6
    plus, minus = (evaluate(gradient, {x: values[x] + s * step * values[v]}) for s in (1, -1))
    np.testing.assert_allclose(by_forward, (plus - minus) / (2 * step), rtol=1e-6)


def test_through_steps():
    x, e = T.dvectors("x", "e")
    value = {x: [1.0, 3.0, 2.0], e: [1.0, 10.0, 100.0]}
    assert evaluate(theano.Rop(x[T.argmax(x)] ** 2, x, e), value) == 60
    assert evaluate(theano.Rop(T.cast(T.cast(x, "int64"), "float64").sum(), x, e), value) == 0
    np.testing.assert_allclose(evaluate(theano.Rop(T.switch(x > 1.5, x, 0), x, e), value), [0, 10, 100])


def test_deep_chain():
    x, e = T.dscalars("x", "e")
    y = x
    for _ in range(2000):
        y = T.sin(y)
    forward, backward = evaluate(theano.Rop(y, x, e), {x: 0.1, e: 1.0}), evaluate(theano.grad(y, x), {x: 0.1})
    np.testing.assert_allclose(forward, backward, rtol=1e-9)
