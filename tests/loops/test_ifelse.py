"""ifelse: values, laziness, shapes, derivatives and errors, in all modes and linkers."""

from __future__ import annotations

import io
import pickle
import sys

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.gradient import DisconnectedInputError, grad, verify_grad
from theano.ifelse import IfElse, ifelse
from theano.loops.branches import Branch

MODES = {
    "fast_run": "FAST_RUN",
    "fast_compile": "FAST_COMPILE",
    "native": theano.Mode("native", None),
    "native, quick rewrites": theano.Mode("native", "fast_compile"),
    "reference": theano.Mode("reference", "fast_run"),
    "reference, not rewritten": theano.Mode("reference", None),
    "debug": "DebugMode",
}
BOTH = ["FAST_RUN", "FAST_COMPILE"]


class Fatal(theano.Op):
    """The identity, but computing it is an error."""

    __props__ = ()

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return theano.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        raise ZeroDivisionError("this must not be computed")

    def do_constant_folding(self, node):
        return False

    def infer_shape(self, node, input_shapes):
        return input_shapes

    def L_op(self, inputs, outputs, output_gradients):
        return [fatal(output_gradients[0])]

    def R_op(self, inputs, eval_points):
        return [fatal(eval_points[0])]


fatal = Fatal()


class Counted(Fatal):
    """The identity, which counts how often it is computed."""

    calls = 0

    def perform(self, node, inputs, output_storage):
        Counted.calls += 1
        output_storage[0][0] = inputs[0].copy()

    def L_op(self, inputs, outputs, output_gradients):
        return [output_gradients[0]]


counted = Counted()
c, d = T.iscalars("c", "d")
s = T.dscalar("s")
x, y = T.dvectors("x", "y")
m = T.dmatrix("m")
X = np.array([0.5, 1.0, 2.0])


def branches(function):
    return [node for node in function.maker.fgraph.toposort() if isinstance(node.op, Branch)]


class TestLaziness:
    @pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
    def test_only_the_branch_that_is_chosen_is_computed(self, mode):
        f = theano.function([c, x], ifelse(c, T.exp(x).sum(), fatal(x * 2).sum()), mode=mode)
        np.testing.assert_allclose(f(1, X), np.exp(X).sum())
        with pytest.raises(ZeroDivisionError):
            f(0, X)
        f = theano.function([c, x], ifelse(c, fatal(x), x[::-1]), mode=mode)
        np.testing.assert_array_equal(f(0, X), X[::-1])
        with pytest.raises(ZeroDivisionError):
            f(1, X)

    @pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
    def test_gradients_are_lazy_too(self, mode):
        cost = ifelse(c, T.exp(x).sum(), fatal(x * 2).sum()) ** 2
        f = theano.function([c, x], [cost, grad(cost, x)], mode=mode)
        value, slope = f(1, X)
        np.testing.assert_allclose(value, np.exp(X).sum() ** 2)
        np.testing.assert_allclose(slope, 2 * np.exp(X).sum() * np.exp(X))
        with pytest.raises(ZeroDivisionError):
            f(0, X)

    @pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
    def test_nested_choices(self, mode):
        z = ifelse(c, ifelse(d, x + 1, fatal(x)), ifelse(d, fatal(x), T.sqrt(x) * 2))
        f = theano.function([c, d, x], [z, grad(z.sum(), x)], mode=mode)
        np.testing.assert_allclose(f(1, 1, X), [X + 1, np.ones(3)])
        np.testing.assert_allclose(f(0, 0, X), [2 * np.sqrt(X), 1 / np.sqrt(X)])
        for which in ((1, 0), (0, 1)):
            with pytest.raises(ZeroDivisionError):
                f(*which, X)

    @pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
    def test_a_chain_of_choices(self, mode):
        z = fatal(s)
        for k in range(20):
            z = ifelse(T.eq(c, k), T.exp(s * k), z)
        f = theano.function([c, s], [z, grad(z, s)], mode=mode)
        for k in (0, 7, 19):
            np.testing.assert_allclose(f(k, 0.5), [np.exp(0.5 * k), k * np.exp(0.5 * k)])
        with pytest.raises(ZeroDivisionError):
            f(20, 0.5)

    @pytest.mark.parametrize("mode", BOTH)
    def test_value_and_gradient_share_what_they_compute(self, mode):
        cost = ifelse(c, T.exp(counted(x)).sum(), x.sum()) ** 2
        f = theano.function([c, x], [cost, grad(cost, x)], mode=mode)
        Counted.calls = 0
        f(0, X)
        assert Counted.calls == 0
        np.testing.assert_allclose(f(1, X)[1], 2 * np.exp(X).sum() * np.exp(X))
        assert Counted.calls == 1

    def test_choices_by_one_condition_are_one_branch(self):
        u, v = ifelse(c, [x, y], [y, x])
        f = theano.function([c, x, y], [u, v, ifelse(c, x + y, x - y)])
        (branch,) = branches(f)
        assert len(branch.outputs) == 3
        np.testing.assert_array_equal(f(0, X, 2 * X), [2 * X, X, -X])
        assert not any(isinstance(node.op, IfElse) for node in f.maker.fgraph.toposort())

    @pytest.mark.parametrize("mode", BOTH)
    def test_what_is_used_elsewhere_too_is_computed_once(self, mode):
        shared = counted(x)
        f = theano.function([c, x], [ifelse(c, shared * 2, shared * 3), shared], mode=mode)
        Counted.calls = 0
        np.testing.assert_array_equal(f(0, X), [3 * X, X])
        assert Counted.calls == 1

    @pytest.mark.parametrize("mode", BOTH)
    def test_the_condition_may_need_a_part_of_a_branch(self, mode):
        total = T.exp(x).sum()
        f = theano.function([x], ifelse(total > 5, total, fatal(total)), mode=mode)
        np.testing.assert_allclose(f(X), np.exp(X).sum())
        with pytest.raises(ZeroDivisionError):
            f([0.0])

    @pytest.mark.parametrize("mode", BOTH)
    def test_a_choice_decides_about_another(self, mode):
        inner = ifelse(c, s * 2, fatal(s))
        outer = ifelse(inner > 1, [T.exp(inner), inner], [fatal(inner), inner])
        again = ifelse(c, outer[0] + inner, fatal(s))
        f = theano.function([c, s], [*outer, again], mode=mode)
        np.testing.assert_allclose(f(1, 1.0), [np.exp(2), 2, np.exp(2) + 2])

    @pytest.mark.parametrize("mode", BOTH)
    def test_what_other_conditions_need_too_is_computed_for_those_only(self, mode):
        z = ifelse(c, fatal(x).sum(), x[0]) + ifelse(d, T.exp(fatal(x)).sum(), x[1])
        f = theano.function([c, d, x], [z, grad(z, x)], mode=mode)
        np.testing.assert_array_equal(f(0, 0, X)[0], X[0] + X[1])
        for which in ((1, 0), (0, 1), (1, 1)):
            with pytest.raises(ZeroDivisionError):
                f(*which, X)

    @pytest.mark.parametrize("mode", BOTH)
    def test_what_several_conditions_need_is_computed_once(self, mode):
        shared = counted(x)
        z = ifelse(c, shared.sum(), s), ifelse(d, s, T.exp(shared).sum())
        f = theano.function([c, d, s, x], [*z, *grad(sum(z), [s, x])], mode=mode)
        for condition, other, calls in ((0, 1, 0), (1, 1, 1), (0, 0, 1), (1, 0, 1)):
            Counted.calls = 0
            first, second, by_s, by_x = f(condition, other, 5.0, X)
            assert Counted.calls == calls
            np.testing.assert_allclose(first, X.sum() if condition else 5)
            np.testing.assert_allclose(second, 5 if other else np.exp(X).sum())
            np.testing.assert_allclose(by_s, (not condition) + other)
            np.testing.assert_allclose(by_x, condition + (not other) * np.exp(X))

    @pytest.mark.parametrize("mode", BOTH)
    def test_a_later_choice_may_need_what_an_earlier_one_only_may_need(self, mode):
        inner = fatal(x).sum()
        first = ifelse(c, ifelse(d, inner, s), s * 2)
        second = ifelse(c, ifelse(first > 5, inner, first), first)
        f = theano.function([c, d, s, x], [first, second], mode=mode)
        np.testing.assert_array_equal(f(1, 0, 1.0, X), [1, 1])
        np.testing.assert_array_equal(f(0, 0, 1.0, X), [2, 2])
        for which in ((1, 1, 1.0), (1, 0, 6.0)):
            with pytest.raises(ZeroDivisionError):
                f(*which, X)

    @pytest.mark.parametrize("mode", BOTH)
    def test_outputs_of_one_choice_are_lazy_apart(self, mode):
        first, second = ifelse(c, [x, fatal(x)], [-x, fatal(x)])
        f = theano.function([c, d, x], [first, ifelse(d, second, x)], mode=mode)
        np.testing.assert_array_equal(f(1, 0, X), [X, X])

    def test_choices_among_choices_do_not_grow_without_bound(self):
        values = [x * 2, T.exp(x)]
        for k in range(30):
            values.append(ifelse(T.eq(c, k), values[-1], values[-2] + 1))
        f = theano.function([c, x], values[-1], mode=theano.Mode("reference", None))
        np.testing.assert_allclose(f(-1, X), 15 + np.exp(X))

    @pytest.mark.parametrize("mode", BOTH)
    def test_an_output_that_nobody_needs_is_not_computed(self, mode):
        first, _ = ifelse(c, [x, fatal(x)], [y, fatal(y)])
        f = theano.function([c, x, y], first, mode=mode, on_unused_input="ignore")
        np.testing.assert_array_equal(f(1, X, 2 * X), X)

    def test_a_branch_without_native_code_runs_in_python_and_the_profile_says_so(self):
        f = theano.function([c, x], ifelse(c, counted(x) * 2, T.exp(x)), profile=True)
        np.testing.assert_allclose(f(1, X), 2 * X)
        np.testing.assert_allclose(f(0, X), np.exp(X))
        assert "python: Branch" in f.stages()["program"]
        text = io.StringIO()
        f.profile.summary(text)
        assert "Python choice of native code" in text.getvalue()

    def test_other_branches_are_native(self):
        z = ifelse(c, ifelse(d, T.dot(m, x), m.sum(axis=1)), T.concatenate([x, x])[:-1] * s)
        f = theano.function([c, d, m, x, s], [z * 2, grad(z.sum(), x)])
        assert "python" not in f.stages()["program"]
        M = np.arange(6.0).reshape(2, 3)
        for condition, other, expected in ((1, 1, M @ X), (1, 0, M.sum(axis=1)), (0, 1, np.tile(X, 2)[:-1] * 3)):
            np.testing.assert_allclose(f(condition, other, M, X, 3.0)[0], 2 * expected)

    @pytest.mark.parametrize("mode", BOTH)
    def test_many_nested_choices(self, mode):
        z = s
        for k in range(80):
            z = ifelse(T.eq(c, k), s * k, z)
        f = theano.function([c, s], z, mode=mode)
        np.testing.assert_allclose([f(0, 2.0), f(79, 2.0), f(-1, 2.0)], [0, 158, 2])

    def test_modes_that_watch_nodes_see_those_in_branches(self):
        seen = []
        watch = theano.compile.MonitorMode(post_func=lambda i, node, fn: seen.append(str(node.op)), optimizer=None)
        f = theano.function([c, x], ifelse(c, T.exp(x), T.log(x)), mode=watch)
        f(1, X)
        assert any("exp" in name for name in seen)
        assert not any("log" in name for name in seen)
        f = theano.function([c, x], ifelse(c, T.log(x), x), mode="NanGuardMode")
        np.testing.assert_array_equal(f(0, -X), -X)
        with np.errstate(all="ignore"), pytest.raises(AssertionError, match="NaN"):
            f(1, -X)

    def test_deep_graphs(self):
        u, v = x, x
        for _ in range(1000):
            u, v = u * 1.0001, T.tanh(v)
        f = theano.function([c, x], ifelse(c, u.sum(), v.sum()), mode=theano.Mode("reference", None))
        np.testing.assert_allclose(f(1, X), X.sum() * 1.0001**1000)
        assert len(f.maker.fgraph.apply_nodes) == 1


class TestValues:
    @pytest.mark.parametrize("mode", BOTH)
    @pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", "complex64"])
    def test_conditions_of_all_dtypes(self, mode, dtype):
        condition = T.scalar("condition", dtype=dtype)
        f = theano.function([condition, x, y], ifelse(condition, x, y), mode=mode)
        for value in (0, 1, 0.5, -1, np.nan):
            with np.errstate(all="ignore"):
                given = np.array(value if np.isfinite(value) or dtype[0] in "fc" else 3).astype(dtype)
            np.testing.assert_array_equal(f(given, X, 2 * X), X if given else 2 * X)

    @pytest.mark.parametrize("mode", BOTH)
    @pytest.mark.parametrize(
        "dtype", ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", "complex128"]
    )
    def test_values_of_all_dtypes(self, mode, dtype):
        u, v = T.matrix("u", dtype=dtype), T.matrix("v", dtype=dtype)
        results = ifelse(c, [u, u.T, u[0]], [v, v[::-1], v[:, 0]])
        f = theano.function([c, u, v], results, mode=mode)
        U, V = np.arange(6).reshape(2, 3).astype(dtype), np.arange(8).reshape(4, 2).astype(dtype)
        for found, expected in zip(f(1, U, V), (U, U.T, U[0]), strict=True):
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == dtype
        for found, expected in zip(f(0, U, V), (V, V[::-1], V[:, 0]), strict=True):
            np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize("mode", BOTH)
    def test_branches_of_different_shapes(self, mode):
        z = ifelse(c, T.concatenate([x, x]), x[1:])
        f = theano.function([c, x], [z * 2, z.shape[0], z.sum(), T.outer(z, z)], mode=mode)
        for condition, expected in ((1, np.concatenate([X, X])), (0, X[1:]), (1, np.concatenate([X, X]))):
            doubled, length, total, outer = f(condition, X)
            np.testing.assert_allclose(doubled, 2 * expected)
            assert length == len(expected)
            np.testing.assert_allclose(total, expected.sum())
            np.testing.assert_allclose(outer, np.outer(expected, expected))

    @pytest.mark.parametrize("mode", BOTH)
    def test_empty_arrays(self, mode):
        f = theano.function([x], ifelse(T.eq(x.size, 0), 0.0, x.sum() / x.size), mode=mode)
        np.testing.assert_array_equal([f([]), f([1.0, 3.0])], [0, 2])
        f = theano.function([c, m], ifelse(c, m * 2, T.exp(m[:0])), mode=mode)
        assert f(0, np.ones((3, 2))).shape == (0, 2)
        assert f(1, np.ones((0, 5))).shape == (0, 5)

    @pytest.mark.parametrize("mode", BOTH)
    def test_lengths_of_one(self, mode):
        row = T.drow("row")
        z = ifelse(c, row, m)
        assert z.type.broadcastable == (False, False)
        f = theano.function([c, row, m], z + m[:1], mode=mode)
        np.testing.assert_array_equal(f(1, np.ones((1, 2)), np.ones((1, 2))), 2 * np.ones((1, 2)))
        both = ifelse(c, row, row * 2)
        assert both.type.broadcastable == (True, False)
        f = theano.function([c, row, m], both + m, mode=mode)
        np.testing.assert_array_equal(f(0, np.ones((1, 2)), np.ones((3, 2))), 3 * np.ones((3, 2)))

    @pytest.mark.parametrize("mode", BOTH)
    def test_shared_variables_and_updates(self, mode):
        best, count = theano.shared(np.zeros(3), "best"), theano.shared(0, "count")
        better = x.sum() > best.sum()
        f = theano.function(
            [x],
            better,
            updates=[(best, ifelse(better, x, best)), (count, ifelse(better, count + 1, count))],
            mode=mode,
        )
        assert f(X)
        assert not f(X / 2)
        np.testing.assert_array_equal(best.get_value(), X)
        assert f(X * 2)
        np.testing.assert_array_equal(best.get_value(), 2 * X)
        assert count.get_value() == 2

    @pytest.mark.parametrize("mode", BOTH)
    def test_results_are_in_memory_of_their_own(self, mode):
        f = theano.function([c, x], ifelse(c, [x, x], [x * 2, x]), mode=mode)
        given = X.copy()
        first, second = f(1, given)
        first[:] = 7
        np.testing.assert_array_equal(given, X)
        np.testing.assert_array_equal(second, X)
        kept = f(0, given)[0]
        f(0, 3 * given)
        np.testing.assert_array_equal(kept, 2 * X)

    def test_what_comes_back_has_the_form_of_the_branches(self):
        assert isinstance(ifelse(c, x, y), theano.Variable)
        assert isinstance(ifelse(c, [x], [y]), list)
        assert isinstance(ifelse(c, (x, y), (y, x)), tuple)
        assert ifelse(c, x, y, name="choice").name == "choice"

    def test_numbers_take_the_type_of_the_other_side(self):
        f32 = T.fscalar("f32")
        assert ifelse(c, f32, 0).type == f32.type
        assert ifelse(c, 1.5, f32).type == f32.type
        assert ifelse(c, c, 1).type == c.type

    def test_types_other_than_tensors(self):
        a, b = theano.generic("a"), theano.generic("b")
        f = theano.function([c, a, b], ifelse(c, a, b))
        assert f(1, "a", {}) == "a"
        assert f(0, "a", {}) == {}

    def test_test_values(self):
        with theano.config.change_flags(compute_test_value="raise"):
            u = T.dvector("u")
            u.tag.test_value = X
            k = T.iscalar("k")
            k.tag.test_value = 0
            np.testing.assert_array_equal(ifelse(k, u, u * 2).tag.test_value, 2 * X)

    def test_pickles(self):
        f = pickle.loads(pickle.dumps(theano.function([c, x], ifelse(c, T.exp(x), -x))))
        np.testing.assert_allclose(f(1, X), np.exp(X))
        np.testing.assert_allclose(f(0, X), -X)

    def test_the_shape_costs_no_branch(self):
        f = theano.function([c, x], ifelse(c, fatal(x), T.concatenate([x, fatal(x)])).shape)
        assert f(1, X) == [3]
        assert f(0, X) == [6]


class TestDerivatives:
    @pytest.mark.parametrize("condition", [0, 1])
    def test_against_differences(self, condition):
        def expression(u, v):
            first, second = ifelse(T.constant(condition) * u.size, [T.tanh(u), v.sum()], [u * v, T.exp(v).sum()])
            return (first * second).sum() + (second**2)

        verify_grad(expression, [X, X / 3], rng=np.random.default_rng(3))

    @pytest.mark.parametrize("mode", BOTH)
    def test_second_derivatives(self, mode):
        z = ifelse(s > 0, s**3, T.sin(s)) ** 2
        first = grad(z, s)
        f = theano.function([s], [z, first, grad(first, s), grad(grad(first, s), s)], mode=mode)
        np.testing.assert_allclose(f(2.0), [64, 6 * 2**5, 30 * 2**4, 120 * 2**3])
        at = -0.7
        np.testing.assert_allclose(f(at), [np.sin(at) ** 2, np.sin(2 * at), 2 * np.cos(2 * at), -4 * np.sin(2 * at)])

    @pytest.mark.parametrize("mode", BOTH)
    def test_forward(self, mode):
        z = ifelse(c, T.exp(x), x**3)
        along = T.dvector("along")
        first = theano.Rop(z, x, along)
        f = theano.function([c, x, along], [first, theano.Rop(first, x, along)], mode=mode)
        np.testing.assert_allclose(f(1, X, X), [np.exp(X) * X, np.exp(X) * X**2])
        np.testing.assert_allclose(f(0, X, X), [3 * X**3, 6 * X**3])

    def test_forward_is_lazy(self):
        f = theano.function([c, x], theano.Rop(ifelse(c, T.exp(x), fatal(x)), x, T.ones_like(x)))
        np.testing.assert_allclose(f(1, X), np.exp(X))

    @pytest.mark.parametrize("mode", BOTH)
    def test_nothing_flows_through_the_branch_that_is_not_taken(self, mode):
        root = T.sqrt(s)
        z = ifelse(s > 0, root, s * 0)
        f = theano.function([s], [grad(z, s), grad(z, root)], mode=mode)
        np.testing.assert_array_equal(f(0.0), [0, 0])  # times the infinite slope of the root, zero would be nan
        np.testing.assert_array_equal(f(4.0), [0.25, 1])

    @pytest.mark.parametrize("mode", BOTH)
    def test_gradients_of_what_lies_inside_and_outside(self, mode):
        inside = T.exp(x)
        z = ifelse(c, (inside * y).sum(), y.sum())
        f = theano.function([c, x, y], grad(z, [x, y, inside]), mode=mode)
        np.testing.assert_allclose(f(1, X, 2 * X), [np.exp(X) * 2 * X, np.exp(X), 2 * X])
        np.testing.assert_allclose(f(0, X, 2 * X), [0 * X, np.ones(3), 0 * X])

    @pytest.mark.parametrize("mode", BOTH)
    def test_both_branches_use_one_expression(self, mode):
        middle = T.tanh(x)
        z = ifelse(c, (middle**2).sum(), ifelse(d, middle.sum(), (3 * middle).sum())) + middle.sum()
        f = theano.function([c, d, x], grad(z, x), mode=mode)
        slope = 1 - np.tanh(X) ** 2
        np.testing.assert_allclose(f(1, 0, X), slope * (2 * np.tanh(X) + 1))
        np.testing.assert_allclose(f(0, 1, X), slope * 2)
        np.testing.assert_allclose(f(0, 0, X), slope * 4)

    def test_choices_nested_deeper_than_calls_may_be(self):
        x, conditions = T.dscalar("x"), [T.iscalar() for _ in range(sys.getrecursionlimit() + 50)]
        y = x
        for condition in conditions:
            y = ifelse(condition, T.sin(y), x)
        assert T.grad(y, x).type == x.type

    def test_the_method_of_the_op_itself(self):
        z = ifelse(c, x * 2, y)
        terms = z.owner.op.L_op(z.owner.inputs, z.owner.outputs, [T.ones_like(z)])
        f = theano.function([c, x, y], terms, on_unused_input="ignore")
        condition, then, other = f(1, X, X)
        assert condition == 0
        np.testing.assert_array_equal(then, np.ones(3))
        np.testing.assert_array_equal(other, np.zeros(3))

    def test_integers(self):
        k = T.lscalar("k")
        z = ifelse(c, k * 2, k * 3).astype("float64") * s
        f = theano.function([c, k, s], [grad(z, s), grad(z, k)])
        np.testing.assert_array_equal(f(1, 4, 1.0), [8, 0])

    def test_disconnected(self):
        u, v = ifelse(c, [x, y], [y, y])
        with pytest.raises(DisconnectedInputError):
            grad(v.sum(), x)
        with pytest.raises(DisconnectedInputError):
            grad(ifelse(c, theano.gradient.disconnected_grad(x), y).sum(), x)
        f = theano.function([c, x, y], grad(u.sum(), x), on_unused_input="ignore")
        np.testing.assert_array_equal(f(0, X, X), np.zeros(3))

    def test_the_condition_is_flat(self):
        f = theano.function([s], grad(ifelse(s, s * 2, s * 3), s))
        assert f(1.0) == 2
        assert f(0.0) == 3
        f = theano.function([s, x], grad(ifelse(s, x.sum(), 0.0), s), on_unused_input="ignore")
        assert f(1.0, X) == 0

    def test_known_gradients_and_constants(self):
        inside = T.exp(x)
        z = ifelse(c, inside.sum(), x.sum())
        f = theano.function([c, x], grad(z, x, consider_constant=[inside]))
        np.testing.assert_array_equal(f(1, X), 0 * X)
        np.testing.assert_array_equal(f(0, X), np.ones(3))
        f = theano.function([x, y], grad(None, x, known_grads={inside: y}))
        np.testing.assert_allclose(f(X, X), np.exp(X) * X)


class TestErrors:
    @pytest.mark.parametrize(
        ("make", "error", "words"),
        [
            (
                lambda: ifelse(x, s, s),
                TypeError,
                ["0-d", "x of type TensorType(float64", "T.switch", ".any()"],
            ),
            (lambda: ifelse("yes", s, s), TypeError, ["condition", "'yes'"]),
            (lambda: ifelse(c, x, m), TypeError, ["vector", "matrix", "ranks 1 and 2", "dimshuffle"]),
            (lambda: ifelse(c, x, x.astype("float32")), TypeError, ["float32", ".astype('float64')", "else_branch"]),
            (lambda: ifelse(c, c, s), TypeError, ["int32", "float64", ".astype('float64')", "then_branch"]),
            (lambda: ifelse(c, [s, x], [s, m]), TypeError, ["output 1"]),
            (lambda: ifelse(c, [s, s], s), ValueError, ["2 value(s)", "1"]),
            (lambda: ifelse(c, [], []), ValueError, ["empty"]),
            (lambda: ifelse(c, theano.generic("g"), x), TypeError, ["Generic", "vector"]),
            (lambda: ifelse(c, c, 1.5), TypeError, ["int32", "1.5"]),
        ],
    )
    def test_texts(self, make, error, words):
        with pytest.raises(error) as raised:
            make()
        for word in words:
            assert word in str(raised.value), raised.value

    @pytest.mark.parametrize("mode", BOTH)
    def test_errors_in_a_branch_name_the_line(self, mode):
        f = theano.function([c, x, y], ifelse(c, x + y, x - 1), mode=mode)
        np.testing.assert_array_equal(f(0, X, X[:2]), X - 1)
        with pytest.raises(ValueError) as raised:
            f(1, X, X[:2])
        assert any("f = theano.function([c, x, y], ifelse(c, x + y, x - 1)" in note for note in raised.value.__notes__)


class TestLoops:
    @pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
    def test_a_choice_in_a_loop(self, mode):
        states, _ = theano.scan(
            lambda v, state: ifelse(v > 0, T.exp(state) * v, state - 1), sequences=x, outputs_info=s
        )
        f = theano.function([x, s], [states, *grad(states[-1], [x, s])], mode=mode)
        found, by_sequence, by_state = f([1.0, -1.0, 0.5], 0.1)
        e = np.exp(0.1)
        last = np.exp(e - 1)
        np.testing.assert_allclose(found, [e, e - 1, last / 2])
        np.testing.assert_allclose(by_sequence, [last / 2 * e, 0, last])
        np.testing.assert_allclose(by_state, last / 2 * e)

    @pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
    def test_it_is_lazy_in_each_step(self, mode):
        states, _ = theano.scan(lambda v, state: ifelse(v > 0, state * v, fatal(state)), sequences=x, outputs_info=s)
        f = theano.function([x, s], [states, grad(states[-1], s)], mode=mode)
        np.testing.assert_allclose(f(X, 2.0)[0], 2 * np.cumprod(X))
        with pytest.raises(ZeroDivisionError):
            f([1.0, -1.0], 2.0)

    @pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
    def test_a_loop_in_a_branch(self, mode):
        states, _ = theano.scan(lambda v, state: state * v, sequences=x, outputs_info=s)
        z = ifelse(c, states[-1], fatal(s))
        f = theano.function([c, x, s], [z, *grad(z, [x, s])], mode=mode)
        value, by_sequence, by_state = f(1, X, 2.0)
        product = np.prod(X)
        np.testing.assert_allclose([value, by_state], [2 * product, product])
        np.testing.assert_allclose(by_sequence, 2 * product / X)
        with pytest.raises(ZeroDivisionError):
            f(0, X, 2.0)

    @pytest.mark.parametrize("mode", BOTH)
    def test_rows_whose_length_a_choice_tells(self, mode):
        rows, _ = theano.scan(lambda v: ifelse(c, x * v, x[:2]), sequences=x)
        f = theano.function([c, x], [rows, rows.sum()], mode=mode)
        for condition, expected in ((1, np.outer(X, X)), (0, np.tile(X[:2], (3, 1))), (1, np.outer(X, X))):
            found, total = f(condition, X)
            np.testing.assert_allclose(found, expected)
            np.testing.assert_allclose(total, expected.sum())
        assert f(0, [])[0].shape[0] == 0

    @pytest.mark.parametrize("mode", BOTH)
    def test_what_a_step_may_not_need_is_not_computed_before_the_loop(self, mode):
        states, _ = theano.scan(
            lambda v, state, w: state + ifelse(v > 0, v, fatal(w).sum() + T.dot(fatal(m), w)[0]),
            sequences=x,
            outputs_info=s,
            non_sequences=y,
        )
        f = theano.function([x, s, y, m], [states, *grad(states[-1], [s, y])], mode=mode)
        np.testing.assert_allclose(f(X, 0.0, X, np.ones((2, 3)))[0], np.cumsum(X))
        with pytest.raises(ZeroDivisionError):
            f(-X, 0.0, X, np.ones((2, 3)))
