"""Jacobians and Hessians."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.gradient.interpreter import evaluate
from theano.gradient import DisconnectedInputError, MapGradients, hessian, jacobian
from theano.graph.traversal import toposort

RNG = np.random.default_rng(7)


def loops(expression):
    return [node for node in toposort([expression]) if isinstance(node.op, MapGradients)]


class TestJacobian:
    def test_of_a_vector_of_run_time_length(self):
        x, m = T.dvector("x"), T.dmatrix("m")
        y = T.tanh(T.dot(m, x))
        by_x, by_m = jacobian(y, [x, m])
        assert loops(by_x)
        values = {x: RNG.normal(size=3), m: RNG.normal(size=(4, 3))}
        slope = 1 - np.tanh(values[m] @ values[x]) ** 2
        found_x, found_m = evaluate([by_x, by_m], values)
        np.testing.assert_allclose(found_x, slope[:, None] * values[m])
        np.testing.assert_allclose(found_m, np.einsum("ij,i,k->ijk", np.eye(4), slope, values[x]))

    def test_form_follows_wrt(self):
        x, y = T.dvectors("x", "y")
        assert isinstance(jacobian(x * y, (x, y)), tuple)
        assert isinstance(jacobian(x * y, [x]), list)
        assert jacobian(x * y, x).ndim == 2

    def test_of_a_scalar_is_the_gradient(self):
        x = T.dvector("x")
        np.testing.assert_allclose(evaluate(jacobian((x**2).sum(), x), {x: [1.0, 2.0]}), [2, 4])

    def test_with_respect_to_a_scalar(self):
        x, s = T.dvector("x"), T.dscalar("s")
        np.testing.assert_allclose(evaluate(jacobian(x * s**2, s), {x: [1.0, 2.0, 3.0], s: 5.0}), [10, 20, 30])

    def test_of_no_elements(self):
        x = T.dvector("x")
        assert evaluate(jacobian(x**2, x), {x: []}).shape == (0, 0)

    def test_known_lengths_are_written_out(self):
        a, b = T.dscalars("a", "b")
        result = jacobian(T.stack([a * b, a**2, b]), [a, b])
        assert not loops(result[0])
        np.testing.assert_allclose(evaluate(result, {a: 2.0, b: 3.0}), [[3, 4, 0], [2, 0, 1]])

    def test_dtype(self):
        x = T.fvector("x")
        assert jacobian(x**2, x).dtype == "float32"
        assert evaluate(jacobian(x**2, x), {x: [1.0, 2.0]}).dtype == "float32"

    def test_constants_and_disconnected_inputs(self):
        x, y = T.dvectors("x", "y")
        square = x**2
        found = evaluate(jacobian(square * x, x, consider_constant=[square]), {x: [1.0, 3.0]})
        np.testing.assert_allclose(found, [[1, 0], [0, 9]])
        with pytest.raises(DisconnectedInputError):
            jacobian(square, [x, y])
        _, zero = jacobian(square, [x, y], disconnected_inputs="ignore")
        np.testing.assert_array_equal(evaluate(zero, {x: [1.0, 3.0], y: [1.0, 2.0, 3.0]}), np.zeros((2, 3)))

    def test_what_has_no_jacobian_is_refused_with_the_way_out(self):
        with pytest.raises(TypeError, match=r"needs a vector.*matrix.*\.flatten\(\)"):
            jacobian(T.dmatrix(), T.dscalar())
        with pytest.raises(TypeError, match="needs a tensor variable"):
            jacobian([1.0], T.dscalar())

    def test_what_does_not_depend_on_the_row_is_computed_outside(self):
        x = T.dvector("x")
        (loop,) = loops(jacobian(T.exp(x) * x.sum(), x))
        inside = {str(node.op) for node in toposort(loop.op.inner_outputs)}
        assert not any("exp" in name for name in inside)

    def test_through_a_compiled_function_and_shared_variables(self):
        w = theano.shared(np.array([1.0, 2.0, 3.0]), name="w")
        x = T.dvector("x")
        f = theano.function([x], jacobian(w * x**2, [w, x]))
        by_w, by_x = f([1.0, 2.0, 4.0])
        np.testing.assert_allclose(by_w, np.diag([1, 4, 16]))
        np.testing.assert_allclose(by_x, np.diag([2, 8, 24]))
        w.set_value(np.array([1.0]))
        np.testing.assert_allclose(f([3.0])[1], [[6.0]])

    def test_test_values(self):
        with theano.config.change_flags(compute_test_value="raise"):
            x = T.dmatrix("x")
            x.tag.test_value = np.ones((3, 2))
            result = jacobian(T.tanh(x).sum(axis=0), x)
            twice = theano.grad((result**2).sum(), x)
        assert result.tag.test_value.shape == (2, 3, 2)
        assert twice.tag.test_value.shape == (3, 2)


class TestHessian:
    def test_value(self):
        x = T.dvector("x")
        cost = (x**3).sum() + x[0] * x[-1]
        expected = np.diag([6.0, 12.0, 18.0])
        expected[0, 2] = expected[2, 0] = 1
        np.testing.assert_allclose(evaluate(hessian(cost, x), {x: [1.0, 2.0, 3.0]}), expected)

    def test_of_a_linear_cost_is_zero(self):
        x = T.dvector("x")
        np.testing.assert_array_equal(evaluate(hessian((2 * x).sum(), x), {x: [1.0, 2.0]}), np.zeros((2, 2)))

    def test_several(self):
        x, y = T.dvectors("x", "y")
        cost = (T.exp(x) * y**2).sum()
        by_x, by_y = evaluate(hessian(cost, (x, y)), {x: [0.0, 0.0], y: [1.0, 3.0]})
        np.testing.assert_allclose(by_x, np.diag([1, 9]))
        np.testing.assert_allclose(by_y, np.diag([2, 2]))

    def test_product_with_a_vector(self):
        x, v = T.dvectors("x", "v")
        cost = T.exp((T.tanh(x) * x[::-1] ** 2).sum())
        values = {x: RNG.normal(size=3), v: RNG.normal(size=3)}
        product = evaluate(theano.Rop(theano.grad(cost, x), x, v), values)
        np.testing.assert_allclose(product, evaluate(hessian(cost, x), values) @ values[v])

    def test_needs_vectors(self):
        m = T.dmatrix("m")
        with pytest.raises(TypeError, match="needs vectors in wrt, got m"):
            hessian(m.sum(), m)
        with pytest.raises(TypeError, match="must be a scalar"):
            hessian(m[0], m[0])


class TestDerivativesOfLoops:
    """The gradient of what a Jacobian was used for, and of that again."""

    def setup_method(self):
        self.x = T.dvector("x")
        self.y = T.sin(self.x) * self.x[::-1] ** 2
        self.cost = (jacobian(self.y, self.x) ** 3).sum()
        self.value = RNG.normal(size=3)

    def numeric(self, expression, step=1e-6):
        columns = []
        for k in range(3):
            d = step * np.eye(3)[k]
            columns.append(
                (evaluate(expression, {self.x: self.value + d}) - evaluate(expression, {self.x: self.value - d}))
                / (2 * step)
            )
        return np.stack(columns, axis=-1)

    def test_backwards(self):
        gradient = theano.grad(self.cost, self.x)
        assert len(loops(gradient)) >= 2
        np.testing.assert_allclose(evaluate(gradient, {self.x: self.value}), self.numeric(self.cost), rtol=1e-6)

    def test_backwards_twice(self):
        gradient = theano.grad(self.cost, self.x)
        second = hessian(self.cost, self.x)
        found = evaluate(second, {self.x: self.value})
        np.testing.assert_allclose(found, self.numeric(gradient), rtol=1e-5)
        np.testing.assert_allclose(found, found.T)

    def test_backwards_three_times(self):
        third = jacobian((hessian(self.y.sum(), self.x) ** 2).sum(axis=0), self.x)
        expected = self.numeric((hessian(self.y.sum(), self.x) ** 2).sum(axis=0))
        np.testing.assert_allclose(evaluate(third, {self.x: self.value}), expected, rtol=1e-5, atol=1e-8)

    def test_forwards(self):
        e = T.dvector("e")
        for expression in (self.cost, theano.grad(self.cost, self.x), jacobian(self.y, self.x)):
            direction = RNG.normal(size=3)
            tangent = evaluate(theano.Rop(expression, self.x, e), {self.x: self.value, e: direction})
            np.testing.assert_allclose(tangent, self.numeric(expression) @ direction, rtol=1e-5, atol=1e-8)

    def test_with_respect_to_what_is_captured(self):
        w, n = T.dmatrix("w"), T.lscalar("n")
        cost = (jacobian(T.dot(w, self.x) ** 2 / n, self.x) ** 2).sum()
        of_w = theano.grad(cost, w)
        values = {w: RNG.normal(size=(2, 3)), self.x: self.value, n: 2}
        assert of_w.type == w.type
        step = 1e-6
        moved = values[w].copy()
        moved[1, 2] += step
        difference = (evaluate(cost, {**values, w: moved}) - evaluate(cost, values)) / step
        np.testing.assert_allclose(evaluate(of_w, values)[1, 2], difference, rtol=1e-4)

    def test_through_the_shape_alone_there_is_none(self):
        rows = jacobian(self.x * 2, self.x)
        zero = theano.grad((rows**2).sum(), self.x, disconnected_inputs="ignore")
        np.testing.assert_array_equal(evaluate(zero, {self.x: self.value}), np.zeros(3))


class TestLoopOp:
    def test_equal_loops_are_equal(self):
        x = T.dvector("x")
        (first,), (second,) = loops(jacobian(x**2, x)), loops(jacobian(x**2, x))
        (other,) = loops(jacobian(x[::-1], x))
        assert first.op == second.op and hash(first.op) == hash(second.op)
        assert first.op != other.op

    def test_pickles(self):
        x = T.dvector("x")
        y, copy = pickle.loads(pickle.dumps((x, jacobian(x**2, x))))
        np.testing.assert_allclose(evaluate(copy, {y: [1.0, 2.0]}), [[2, 0], [0, 4]])

    def test_shape_needs_no_loop(self):
        x, m = T.dvector("x"), T.dmatrix("m")
        (loop,) = loops(jacobian(T.dot(m, x) ** 2, m))
        ((rows, *row),) = loop.op.infer_shape(loop, [None] * len(loop.inputs))
        values = {x: np.ones(3), m: np.ones((4, 3))}
        assert [int(n) for n in evaluate([rows, *row], values)] == [4, 4, 3]

    def test_sequences_of_another_length_are_refused(self):
        x = T.dvector("x")
        cost = (jacobian(x**2, x) ** 2).sum()
        (_, *rest) = loops(theano.grad(cost, x))
        loop = next(node for node in rest if node.op.n_sequences)
        values = [np.zeros(v.type.ndim * (2,), dtype=v.type.dtype) for v in loop.inputs]
        values[0] = np.asarray(5)
        with pytest.raises(ValueError, match=r"has 2 rows, the loop has 5"):
            loop.op.perform(loop, values, [[None] for _ in loop.outputs])
