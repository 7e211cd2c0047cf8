"""Finite differences, and the check of gradients by them."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.gradient import GradientError, numeric_grad, verify_grad
from theano.graph.basic import Apply
from theano.graph.op import Op

RNG = np.random.default_rng(11)


class Cube(Op):
    """x³ with a gradient that is wrong by a factor, or only at the last element."""

    __props__ = ("factor", "last_only")

    def __init__(self, factor=1.0, last_only=False):
        self.factor, self.last_only = factor, last_only

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0] ** 3

    def L_op(self, inputs, outputs, output_gradients):
        right = 3 * inputs[0] ** 2 * output_gradients[0]
        if self.last_only:
            return [T.inc_subtensor(right[-1], 0.5)]
        return [right * self.factor]


class TestNumericGrad:
    def test_one_array(self):
        gradient = numeric_grad(lambda x: (x**3).sum(), np.array([[1.0, 2.0], [3.0, 4.0]])).gf
        np.testing.assert_allclose(gradient, [[3, 12], [27, 48]], rtol=1e-6)

    def test_several_arrays_of_several_dtypes(self):
        points = [np.array([1.0, 2.0]), np.float32([3.0])]
        numeric = numeric_grad(lambda x, y: (x * y).sum(), points)
        np.testing.assert_allclose(numeric.gf[0], [3, 3], rtol=1e-3)
        np.testing.assert_allclose(numeric.gf[1], [3], rtol=1e-3)
        np.testing.assert_array_equal(points[0], [1, 2])

    def test_scalar_and_empty(self):
        np.testing.assert_allclose(numeric_grad(lambda x: x**2, np.array(3.0)).gf, 6, rtol=1e-6)
        assert numeric_grad(lambda x: x.sum(), np.zeros((0, 3))).gf.shape == (0, 3)

    def test_only_floating_points(self):
        with pytest.raises(TypeError, match="got int64"):
            numeric_grad(lambda x: x.sum(), np.array([1, 2]))

    def test_errors(self):
        absolute, relative = numeric_grad.abs_rel_err(np.array([1.0, 0.0]), np.array([3.0, 0.0]))
        np.testing.assert_allclose(absolute, [2, 0])
        np.testing.assert_allclose(relative, [0.5, 0])

    def test_worst_place(self):
        numeric = numeric_grad(lambda x, y: x.sum() + (y**2).sum(), [np.ones(2), np.ones((2, 2))])
        wrong = [np.ones(2), np.array([[2.0, 2.0], [2.5, 2.0]])]
        arg, place, absolute, relative = numeric.max_err(wrong, 1e-4, 1e-4)
        assert (arg, place) == (1, 2)
        np.testing.assert_allclose([absolute, relative], [0.5, 0.5 / 4.5], rtol=1e-5)

    def test_shapes_must_agree(self):
        numeric = numeric_grad(lambda x: x.sum(), [np.ones(2)])
        with pytest.raises(ValueError, match="the gradient has 2 arrays, the point 1"):
            numeric.max_err([np.ones(2), np.ones(2)], 1, 1)
        with pytest.raises(ValueError, match=r"shape \(3,\)"):
            numeric.max_err([np.ones(3)], 1, 1)


class TestVerifyGrad:
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_right_gradients_pass(self, dtype):
        point = RNG.uniform(0.5, 1.5, size=(2, 3)).astype(dtype)
        verify_grad(lambda x, y: T.exp(x) * y + T.sqrt(y), [point, point[:1] + np.asarray(1, dtype)])

    def test_wrong_gradient_tells_place_and_values(self):
        with pytest.raises(GradientError) as caught:
            verify_grad(Cube(last_only=True), [np.array([1.0, 2.0])])
        error = caught.value
        assert (error.arg, error.err_pos, error.shape) == (0, 1, (2,))
        np.testing.assert_allclose(error.val1 - error.val2, 0.5, rtol=1e-4)
        np.testing.assert_allclose(error.abs_err, 0.5, rtol=1e-4)
        assert "argument 0 (shape (2,)) is wrong, worst at (1,)" in str(error)
        assert verify_grad.E_grad is GradientError

    @pytest.mark.parametrize("factor", [0.0, -1.0, 0.99, float("nan")])
    def test_wrong_factors(self, factor):
        with pytest.raises(GradientError):
            verify_grad(Cube(factor), [np.array([1.0, 2.0])])

    def test_tolerances(self):
        verify_grad(Cube(1.01), [np.array([1.0, 2.0])], rel_tol=0.1)
        verify_grad(Cube(1.01), [np.array([1.0, 2.0])], abs_tol=1.0)
        with pytest.raises(GradientError):
            verify_grad(Cube(1.01), [np.array([1.0, 2.0])], rel_tol=1e-4, abs_tol=1e-4)

    def test_several_and_complex_outputs(self):
        point = [RNG.uniform(0.5, 1.5, size=3)]
        verify_grad(lambda x: [x**2, T.exp(x).sum()], point)
        verify_grad(lambda x: x * T.constant(2 + 3j), point)

    def test_rng_and_weights_of_the_output_dtype(self):
        point = [RNG.uniform(0.5, 1.5, size=3)]
        for rng in (np.random.RandomState(1), np.random.default_rng(1)):
            verify_grad(T.tanh, point, n_tests=1, rng=rng, cast_to_output_type=True)

    def test_out_type(self):
        verify_grad(lambda x: x**2, [RNG.uniform(0.5, 1.5, size=3)], out_type="float32")

    def test_modes(self):
        verify_grad(T.tanh, [np.ones(2)], mode="FAST_COMPILE")

    def test_arguments_are_checked(self):
        with pytest.raises(TypeError, match=r"argument 0 .* got int64"):
            verify_grad(T.sqr, [np.array([1, 2])])
        with pytest.raises(TypeError, match="list of arrays"):
            verify_grad(T.sqr, np.ones(2))
        with pytest.raises(TypeError, match="returns tensor variables"):
            verify_grad(lambda x: 3, [np.ones(2)])

    def test_unused_arguments_have_zero_gradient(self):
        verify_grad(lambda x, y: x**2, [np.ones(2), np.ones(3)])

    def test_broadcast_pattern_of_the_point(self):
        verify_grad(lambda x, y: x * y, [np.ones((1, 3)), np.full((2, 1), 2.0)])


def test_reachable_from_tensor():
    assert T.verify_grad is verify_grad
    assert T.numeric_grad is numeric_grad
    assert theano.gradient.verify_grad is verify_grad
