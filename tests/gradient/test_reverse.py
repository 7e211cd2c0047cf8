"""Reverse mode: grad, Lop and subgraph_grad."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.gradient.interpreter import evaluate
from theano.gradient import (
    DisconnectedInputError,
    DisconnectedType,
    NullType,
    NullTypeGradError,
    disconnected_type,
    grad_not_implemented,
    grad_undefined,
)
from theano.graph.basic import Apply
from theano.graph.op import Op


class Unary(Op):
    """An Op on one variable whose methods tests replace: ``Unary(L_op=..., connection_pattern=...)``."""

    def __init__(self, output_dtype=None, n_outputs=1, perform=np.square, **methods):
        self.output_dtype, self.n_outputs, self.function = output_dtype, n_outputs, perform
        self.calls = 0
        self.L_op_result = methods.get("L_op")

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        output = x.type.clone(dtype=self.output_dtype or x.dtype)
        return Apply(self, [x], [output() for _ in range(self.n_outputs)])

    def perform(self, node, inputs, output_storage):
        for cell, output in zip(output_storage, node.outputs, strict=True):
            cell[0] = np.asarray(self.function(inputs[0]), dtype=output.dtype)

    def L_op(self, inputs, outputs, output_gradients):
        self.calls += 1
        return self.L_op_result(inputs, outputs, output_gradients)

    def __str__(self):
        return "Unary"


def square(**options):
    return Unary(L_op=lambda inputs, outputs, gradients: [2 * inputs[0] * gradients[0]], **options)


class TestResults:
    def test_form_follows_wrt(self):
        x, y = T.dscalars("x", "y")
        cost = x * y
        assert isinstance(theano.grad(cost, x), theano.Variable)
        assert isinstance(theano.grad(cost, [x, y]), list)
        assert isinstance(theano.grad(cost, (x, y)), tuple)
        assert theano.grad(cost, []) == []

    def test_values(self):
        x, y = T.dscalars("x", "y")
        gradients = theano.grad(x * y + T.exp(x), [x, y, x])
        np.testing.assert_allclose(evaluate(gradients, {x: 1.0, y: 2.0}), [np.e + 2, 1, np.e + 2])

    def test_of_itself_is_one_even_for_integers(self):
        for x in (T.dscalar("x"), T.iscalar("x")):
            gradient = theano.grad(x, x)
            assert gradient.dtype == "float64"
            assert evaluate(gradient, {x: 3}) == 1

    def test_one_variable_in_several_places(self):
        x = T.dscalar("x")
        assert evaluate(theano.grad(x * x * x, x), {x: 2.0}) == 12

    def test_intermediate_variable_and_what_it_depends_on(self):
        x = T.dscalar("x")
        y = x**2
        cost = T.exp(y) * x
        of_y, of_x = theano.grad(cost, [y, x])
        np.testing.assert_allclose(evaluate(of_y, {x: 0.5}), np.exp(0.25) * 0.5)
        np.testing.assert_allclose(evaluate(of_x, {x: 0.5}), np.exp(0.25) * (1 + 2 * 0.25))

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_dtype_is_that_of_wrt(self, dtype):
        x, y = T.scalar("x", dtype=dtype), T.dscalar("y")
        assert theano.grad(x * y, x).type == x.type
        assert theano.grad(T.cast(x, "float64") ** 2, x).type == x.type

    def test_gradient_of_float32_stays_float32_inside(self):
        x = T.fvector("x")
        gradient = theano.grad(T.sum(T.cast(T.tanh(x), "float64")), x)
        assert gradient.type == x.type

    def test_broadcast_pattern_is_that_of_wrt(self):
        row, col, matrix = T.drow("row"), T.dcol("col"), T.dmatrix("matrix")
        cost = (row * col + matrix).sum()
        assert [g.type for g in theano.grad(cost, [row, col, matrix])] == [row.type, col.type, matrix.type]

    def test_real_variable_of_complex_computation(self):
        x = T.dscalar("x")
        cost = T.abs_(x * T.constant(3 + 4j))
        gradient = theano.grad(cost, x)
        assert gradient.dtype == "float64"
        np.testing.assert_allclose(evaluate(gradient, {x: 2.0}), 5)

    def test_second_and_third_derivatives(self):
        x = T.dscalar("x")
        second = theano.grad(theano.grad(T.sin(x), x), x)
        third = theano.grad(second, x)
        np.testing.assert_allclose(evaluate([second, third], {x: 0.7}), [-np.sin(0.7), -np.cos(0.7)])


class TestNames:
    def test_names(self):
        x, y = T.dscalars("x", "y")
        cost = x * y
        cost.name = "cost"
        assert [g.name for g in theano.grad(cost, [x, y])] == ["(dcost/dx)", "(dcost/dy)"]
        assert theano.grad(cost, x, add_names=False).name is None

    def test_variables_of_the_user_keep_theirs(self):
        x, y, g = T.dscalars("x", "y", "g")
        total = x + y
        total.name = "total"
        assert theano.grad(None, x, known_grads={total: g}) is g
        assert g.name == "g"
        theano.grad(total, x, known_grads={total: g})
        assert g.name == "g"


class TestCost:
    def test_vector_is_refused_with_the_way_out(self):
        x = T.dvector("x")
        with pytest.raises(TypeError, match=r"TensorType\(float64, vector\).*\.sum\(\) or \.mean\(\)"):
            theano.grad(x**2, x)

    def test_complex_is_refused(self):
        z = T.zscalar("z")
        with pytest.raises(TypeError, match=r"must be real.*complex128"):
            theano.grad(z**2, z)

    def test_other_things_are_refused(self):
        x = T.dscalar("x")
        with pytest.raises(TypeError, match="must be a variable"):
            theano.grad(3.0, x)
        with pytest.raises(TypeError, match="wrt must hold variables"):
            theano.grad(x, [x, "x"])
        with pytest.raises(ValueError, match="needs a cost, or known_grads"):
            theano.grad(None, x)
        with pytest.raises(ValueError, match="has no value: why not"):
            theano.grad(NullType("why not")(), x)
        with pytest.raises(TypeError, match="scalar tensor"):
            theano.grad(DisconnectedType()(), x)

    def test_choices_are_checked(self):
        x = T.dscalar("x")
        for option in ("disconnected_inputs", "return_disconnected", "null_gradients"):
            with pytest.raises(ValueError, match=f"{option} must be one of"):
                theano.grad(x, x, **{option: "perhaps"})


class TestDisconnected:
    def test_raise_names_the_variable_and_the_way_out(self):
        x, y = T.dscalars("x", "lonely")
        with pytest.raises(DisconnectedInputError, match=r"lonely.*disconnected_inputs='ignore'"):
            theano.grad(x**2, [x, y])
        assert issubclass(DisconnectedInputError, ValueError)

    def test_warn_and_ignore(self):
        x, y = T.dscalar("x"), T.fmatrix("y")
        with pytest.warns(UserWarning, match="does not depend on y"):
            theano.grad(x**2, y, disconnected_inputs="warn")
        zero = theano.grad(x**2, y, disconnected_inputs="ignore")
        assert zero.type == y.type
        np.testing.assert_array_equal(evaluate(zero, {y: np.ones((2, 3))}), np.zeros((2, 3)))

    def test_return_disconnected(self):
        x, y = T.dscalars("x", "y")

        def gradient(how):
            return theano.grad(x**2, [x, y], disconnected_inputs="ignore", return_disconnected=how)[1]

        assert gradient("None") is None
        assert isinstance(gradient("Disconnected").type, DisconnectedType)

    def test_shape_and_index_do_not_connect(self):
        x, i = T.dvector("x"), T.lscalar("i")
        with pytest.raises(DisconnectedInputError):
            theano.grad(T.cast(x.shape[0], "float64") ** 2, x)
        with pytest.raises(DisconnectedInputError):
            theano.grad(x[i], i)

    def test_L_op_is_not_called_for_disconnected_outputs(self):
        op = Unary(n_outputs=2, L_op=lambda inputs, outputs, gradients: 1 / 0)
        x, y = T.dscalars("x", "y")
        first, _ = op(x)
        with pytest.raises(DisconnectedInputError):
            theano.grad(y**2 + theano.gradient.disconnected_grad(first), x)
        assert op.calls == 0

    def test_unused_outputs_arrive_as_disconnected(self):
        seen = []

        def L_op(inputs, outputs, gradients):
            seen.extend(type(g.type) for g in gradients)
            return [gradients[1]]

        x = T.dscalar("x")
        theano.grad(Unary(n_outputs=2, L_op=L_op)(x)[1], x)
        assert seen == [DisconnectedType, type(x.type)]


class TestNull:
    def test_reason_and_line_are_told(self):
        op = Unary(L_op=lambda inputs, outputs, g: [grad_undefined(op, 0, inputs[0], "no reason at all")])
        x = T.dscalar("x")
        with pytest.raises(NullTypeGradError, match="mathematically undefined: no reason at all") as error:
            theano.grad(op(x), x)
        assert __file__ in str(error.value)
        assert issubclass(NullTypeGradError, TypeError)

    def test_not_implemented(self):
        op = Unary(L_op=lambda inputs, outputs, g: [grad_not_implemented(op, 0, inputs[0], "later")])
        x = T.dscalar("x")
        with pytest.raises(TypeError, match="not implemented: later"):
            theano.grad(op(x), x)

    def test_return(self):
        op = Unary(L_op=lambda inputs, outputs, g: [grad_undefined(op, 0, inputs[0])])
        x, y = T.dscalars("x", "y")
        of_x, of_y = theano.grad(op(x * 2) * y, [x, y], null_gradients="return")
        assert isinstance(of_x.type, NullType)
        assert evaluate(of_y, {x: 3.0, y: 1.0}) == 36

    def test_null_wins_over_other_terms(self):
        op = Unary(L_op=lambda inputs, outputs, g: [grad_undefined(op, 0, inputs[0])])
        x = T.dscalar("x")
        assert isinstance(theano.grad(op(x) + x**2, x, null_gradients="return").type, NullType)

    def test_null_that_nobody_needs_is_no_error(self):
        op = Unary(L_op=lambda inputs, outputs, g: [grad_undefined(op, 0, inputs[0])])
        x, y = T.dscalars("x", "y")
        assert evaluate(theano.grad(op(x) * y, y), {x: 3.0, y: 1.0}) == 9

    def test_function_of_one_tells_the_reason(self):
        x = T.dscalar("x")
        op = Unary(L_op=lambda inputs, outputs, g: [grad_undefined(op, 0, inputs[0], "so it is")])
        gradient = theano.grad(op(x), x, null_gradients="return")
        with pytest.raises(TypeError, match=r"no value: .*so it is"):
            theano.function([x], gradient, on_unused_input="ignore")

    def test_values_are_refused(self):
        with pytest.raises(ValueError, match="no value: why"):
            NullType("why").filter(1.0)
        with pytest.raises(TypeError, match="disconnected"):
            disconnected_type.filter(1.0)
        assert NullType("a") == NullType("b") != disconnected_type


class TestChecksOfOps:
    @pytest.mark.parametrize(
        "result, error, match",
        [
            (lambda x, g: g, TypeError, "must return a list"),
            (lambda x, g: [g, g], ValueError, "must return 1 gradients, one for each input, got 2"),
            (lambda x, g: [None], TypeError, "returned None as the gradient for input 0"),
            (lambda x, g: [T.shape_padleft(g)], ValueError, "1 dimensions .* for input 0 .x., which has 0"),
            (lambda x, g: [T.cast(g, "int64")], TypeError, "floating-point"),
        ],
    )
    def test_wrong_results_name_the_op_and_the_line(self, result, error, match):
        op = Unary(L_op=lambda inputs, outputs, gradients: result(inputs[0], gradients[0]))
        x = T.dscalar("x")
        with pytest.raises(error, match=match) as caught:
            theano.grad(op(x), x)
        assert "Unary" in str(caught.value)
        assert __file__ in str(caught.value)

    def test_connection_pattern_of_wrong_form(self):
        op = square()
        op.connection_pattern = lambda node: [True]
        x = T.dscalar("x")
        with pytest.raises(ValueError, match=r"Unary\.connection_pattern must return a list of 1 lists"):
            theano.grad(op(x), x)

    def test_connection_pattern_against_L_op(self):
        class Liar(Unary):
            def connection_pattern(self, node):
                return [[True]]

        x = T.dscalar("x")
        with pytest.raises(TypeError, match="connected to the cost, but L_op"):
            theano.grad(Liar(L_op=lambda *_: [disconnected_type()])(x), x)

    def test_old_style_grad_method(self):
        class Old(Op):
            def make_node(self, x):
                return Apply(self, [x], [x.type()])

            def perform(self, node, inputs, output_storage):
                output_storage[0][0] = inputs[0] ** 2

            def grad(self, inputs, output_gradients):
                return [output_gradients[0] * 2 * inputs[0]]

        x = T.dscalar("x")
        assert evaluate(theano.grad(Old()(x), x), {x: 3.0}) == 6

    def test_op_without_gradient_says_so(self):
        class Plain(Unary):
            L_op = Op.L_op

        x = T.dscalar("x")
        with pytest.raises(Exception, match="Plain defines neither grad nor L_op"):
            theano.grad(Plain()(x), x)


class TestIntegers:
    def test_float_function_of_an_integer_is_differentiated_as_if_it_were_real(self):
        i, x = T.iscalar("i"), T.dscalar("x")
        gradient = theano.grad(x * i, i)
        assert gradient.dtype == theano.config.floatX
        assert evaluate(gradient, {i: 3, x: 2.5}) == 2.5

    def test_integer_results_are_step_functions(self):
        x = T.dscalar("x")
        cost = T.cast(x * 3, "int32") * 2.5
        assert evaluate(theano.grad(cost, x), {x: 1.0}) == 0

    def test_integer_result_of_an_op_that_does_not_care(self):
        x = T.dscalar("x")
        cost = square(output_dtype="int64")(x) * 1.5
        assert evaluate(theano.grad(cost, x), {x: 2.0}) == 0

    def test_bool_condition(self):
        x, y = T.dscalars("x", "y")
        gradients = theano.grad(T.switch(x > y, x**2, y**3), [x, y])
        np.testing.assert_allclose(evaluate(gradients, {x: 3.0, y: 2.0}), [6, 0])
        np.testing.assert_allclose(evaluate(gradients, {x: 1.0, y: 2.0}), [0, 12])

    def test_integer_cost_has_zero_gradient(self):
        i = T.ivector("i")
        zero = theano.grad((i * i).sum(), i)
        assert zero.dtype == theano.config.floatX
        np.testing.assert_array_equal(evaluate(zero, {i: [1, 2]}), [0, 0])

    def test_argmax(self):
        x = T.dvector("x")
        cost = x[T.argmax(x)] ** 2
        np.testing.assert_allclose(evaluate(theano.grad(cost, x), {x: [1.0, 3.0, 2.0]}), [0, 6, 0])


class TestKnownGradients:
    def test_replace_a_cost(self):
        x, y = T.dscalars("x", "y")
        p = x * y
        cost = p**2 + x
        values = {x: 2.0, y: 3.0}
        of_p = theano.grad(cost, p)
        through_p = theano.grad(None, [x, y], known_grads={p: of_p})
        np.testing.assert_allclose(evaluate(through_p, values), [36, 24])
        both = theano.grad(None, [x, y], known_grads={cost: T.constant(1.0)})
        np.testing.assert_allclose(evaluate(both, values), [37, 24])

    def test_known_gradient_is_the_whole_gradient(self):
        x = T.dscalar("x")
        y = x**2
        cost = y**3
        with_cost = theano.grad(cost, x, known_grads={y: T.constant(10.0)})
        assert evaluate(with_cost, {x: 1.5}) == 30

    def test_integers(self):
        i, g = T.iscalar("i"), T.dscalar("g")
        assert evaluate(theano.grad(None, i, known_grads={i: g}), {g: -3.0}) == -3

    def test_undefined_and_disconnected(self):
        x, y = T.iscalars("x", "y")
        cost = x + y
        with pytest.raises(NullTypeGradError):
            theano.grad(cost, [x, y], known_grads={cost: NullType()()})
        with pytest.raises(DisconnectedInputError):
            theano.grad(cost, [x, y], known_grads={cost: DisconnectedType()()})

    def test_layer_by_layer_agrees_with_the_whole(self):
        coefficients, t, x = T.dvector("c"), T.iscalar("t"), T.dscalar("x")
        power = T.cast(t, "float64") + 1
        ct = coefficients[t]
        p = x**power
        y = ct * p
        cost = y**2
        inputs = [coefficients, x]
        values = {coefficients: np.array([2.0, 3.0, 5.0]), t: 1, x: 1.7}
        whole = evaluate(theano.grad(cost, inputs), values)
        for layer in ([cost], [y], [ct, p], [ct, x]):
            first = theano.grad(cost, layer)
            known = dict(zip(layer, first, strict=True))
            parts = theano.grad(None, inputs, known_grads=known, disconnected_inputs="ignore")
            for part, expected in zip(evaluate(parts, values), whole, strict=True):
                np.testing.assert_allclose(part, expected)

    def test_are_checked(self):
        x, v = T.dscalar("x"), T.dvector("v")
        with pytest.raises(TypeError, match="must be a variable"):
            theano.grad(None, x, known_grads={x: 1.0})
        with pytest.raises(TypeError, match="floating-point"):
            theano.grad(None, x, known_grads={x: T.constant(1)})
        with pytest.raises(ValueError, match="number of dimensions, 0"):
            theano.grad(None, x, known_grads={x: v})


class TestConsiderConstant:
    def test_nothing_flows_through(self):
        x = T.dscalar("x")
        y = x**2
        gradient = theano.grad(y * x, x, consider_constant=[y])
        assert evaluate(gradient, {x: 3.0}) == 9

    def test_gradient_of_the_constant_itself_can_be_asked_for(self):
        x = T.dscalar("x")
        y = x**2
        assert evaluate(theano.grad(y * x, y, consider_constant=[y]), {x: 3.0}) == 3

    def test_cut_makes_disconnected(self):
        x = T.dscalar("x")
        y = x**2
        with pytest.raises(DisconnectedInputError):
            theano.grad(y * 3, x, consider_constant=[y])
        with pytest.raises(TypeError, match="consider_constant must hold variables"):
            theano.grad(y * 3, x, consider_constant=["y"])

    def test_one_output_of_two(self):
        op = Unary(n_outputs=2, L_op=lambda inputs, outputs, g: [sum(h for h in g if h.type == inputs[0].type)])
        x = T.dscalar("x")
        a, b = op(x)
        assert evaluate(theano.grad(a * 2 + b * 3, x, consider_constant=[a]), {x: 5.0}) == 3


class TestSize:
    def test_deep_chain(self):
        x = T.dscalar("x")
        y = x
        for _ in range(20_000):
            y = T.sin(y)
        assert 0 < evaluate(theano.grad(y, x), {x: 0.1}) < 1

    def test_each_L_op_is_called_once_although_paths_are_many(self):
        op = square()
        x = T.dscalar("x")
        y = x
        for _ in range(60):
            y = op(y)
            y = y * 0.5 + y * 0.5  # twice as many paths each time
        theano.grad(y, x)
        assert op.calls == 60

    def test_many_uses_of_one_variable(self):
        x = T.dscalar("x")
        total = x
        for k in range(3000):
            total = total + x * k
        assert evaluate(theano.grad(total, x), {x: 1.0}) == 1 + sum(range(3000))

    def test_only_what_leads_to_wrt_is_differentiated(self):
        op = Unary(L_op=lambda *_: 1 / 0)
        x, y = T.dscalars("x", "y")
        assert evaluate(theano.grad(op(x) * y, y), {x: 2.0, y: 1.0}) == 4


class TestLop:
    def test_is_the_jacobian_times_a_vector(self):
        x, v = T.dvectors("x", "v")
        m = T.dmatrix("m")
        rng = np.random.default_rng(1)
        values = {x: rng.normal(size=3), m: rng.normal(size=(4, 3)), v: rng.normal(size=4)}
        y = T.tanh(T.dot(m, x))
        expected = values[v] * (1 - np.tanh(values[m] @ values[x]) ** 2) @ values[m]
        np.testing.assert_allclose(evaluate(theano.Lop(y, x, v), values), expected)

    def test_several_functions_add_up(self):
        x, v, w = T.dscalars("x", "v", "w")
        square = x**2
        both = theano.Lop([square, square * x], x, [v, w])
        assert evaluate(both, {x: 2.0, v: 3.0, w: 5.0}) == 4 * 3 + 12 * 5
        assert evaluate(theano.Lop([square, square], x, [v, w]), {x: 2.0, v: 3.0, w: 5.0}) == 4 * 8

    def test_form_and_checks(self):
        x, y, v = T.dvectors("x", "y", "v")
        assert isinstance(theano.Lop(x * y, (x, y), v), tuple)
        with pytest.raises(ValueError, match="one eval_point for each of f: got 2 for 1"):
            theano.Lop(x, x, [v, v])
        with pytest.raises(ValueError, match="element 0 of f"):
            theano.Lop(x, x, T.dscalar())
        with pytest.raises(DisconnectedInputError):
            theano.Lop(x**2, y, v)
        zero = theano.Lop(x**2, y, v, disconnected_inputs="ignore")
        np.testing.assert_array_equal(evaluate(zero, {y: [1.0, 2.0]}), [0, 0])

    def test_consider_constant(self):
        x, v = T.dvectors("x", "v")
        y = x**2
        result = theano.Lop(y * x, x, v, consider_constant=[y])
        np.testing.assert_allclose(evaluate(result, {x: [3.0], v: [2.0]}), [18])


class TestSubgraphGrad:
    def test_piece_by_piece_is_the_whole(self):
        x, t = T.dvectors("x", "t")
        w1, w2 = T.dmatrices("w1", "w2")
        a1 = T.tanh(T.dot(x, w1))
        a2 = T.tanh(T.dot(a1, w2))
        cost2 = T.sqr(a2 - t).sum() + T.sqr(w2.sum())
        cost1 = T.sqr(w1.sum())
        rng = np.random.default_rng(3)
        values = {v: rng.normal(size=s) for v, s in ((x, 3), (t, 2), (w1, (3, 4)), (w2, (4, 2)))}
        whole = theano.grad(cost1 + cost2, [w2, w1, x])
        [of_w2], [of_a1] = theano.subgraph_grad(wrt=[w2], end=[a1], cost=cost2)
        [of_w1], [of_x] = theano.subgraph_grad(wrt=[w1], end=[x], start={a1: of_a1}, cost=cost1)
        found = evaluate([of_w2, of_w1, of_x], values)
        for part, expected in zip(found, evaluate(whole, values), strict=True):
            np.testing.assert_allclose(part, expected)

    def test_details(self):
        x, w = T.dscalars("x", "w")
        y = x * w
        start, cost = {y: T.constant(5.0)}, w**2
        of_w, of_x, from_start, from_cost = theano.subgraph_grad([w], [x], start=start, cost=cost, details=True)
        values = {x: 2.0, w: 3.0}
        assert evaluate(of_w + of_x, values) == [16, 15]
        assert evaluate(from_start, values) == [10, 15]
        assert evaluate(from_cost, values) == [6, 0]
        assert theano.subgraph_grad([w], [x], cost=cost, details=True)[2] is None

    def test_needs_a_beginning(self):
        x = T.dscalar("x")
        with pytest.raises(ValueError, match="start, cost or both"):
            theano.subgraph_grad([x], [x])
