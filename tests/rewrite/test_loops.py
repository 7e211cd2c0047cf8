"""Rules about loops: the graph before, the graph after, and equal values, also with no step and with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.rewrite.helpers import compute, strictly
from theano.graph import Apply, Constant, FunctionGraph, Op
from theano.graph.traversal import graph_inputs, toposort
from theano.loops.op import Layout, Scan
from theano.rewrite import FAST_RUN, RewriteProfile, apply_rules, rewrite_graph, simplify, text
from theano.tensor.assertion import Assert

TIDY = (
    "local_useless_dimshuffle",
    "local_dimshuffle_dimshuffle",
    "local_shape_i_lift",
    "local_subtensor_of_one_row",
    "constant_folding",
)

X, Y = T.dmatrices("X", "Y")
XX, YY = T.dtensor3("XX"), T.dtensor3("YY")
W, U = T.dmatrices("W", "U")
H0 = T.dmatrix("H0")
x, y, h, g, b = T.dvectors("x", "y", "h", "g", "b")
xx, yy, hh, m = T.dmatrices("xx", "yy", "hh", "m")
w, u = T.dmatrices("w", "u")
a, s, t = T.dscalars("a", "s", "t")
A, S0 = T.dvectors("A", "S0")
I = T.lvector("I")
i = T.lscalar("i")


def loop(
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    layout: Layout,
    *arguments: Any,
    steps: Any = None,
) -> list[Any]:
    made = Scan(inputs, outputs, layout)(arguments[0].shape[0] if steps is None else steps, *arguments)
    return made if isinstance(made, list) else [made]


def one_state(**options: Any) -> Layout:
    return Layout(options.pop("n_sequences", 1), ((-1,),), options.pop("n_outputs", 0), **options)


def sample(variable: Any, rng: np.random.Generator, steps: int) -> Any:
    """A value: sequences, which have upper-case letters, get a row a step; initial values one; all else length 3."""
    if variable.type.dtype == "int64":
        return rng.integers(0, 3, steps if variable.ndim else ())
    name = variable.name or ""
    shape = [3] * variable.ndim
    if name in ("X", "Y", "XX", "YY", "A"):
        shape[0] = steps
    elif name.endswith("0"):
        shape[0] = 1
    return rng.normal(size=shape) * 0.5


def check_same(before: Sequence[Any], after: Sequence[Any], steps: Sequence[int] = (0, 1, 4)) -> None:
    free = [v for v in graph_inputs(before) if not isinstance(v, Constant)]
    for number in steps:
        rng = np.random.default_rng(number)
        values = {v: sample(v, rng, number) for v in free}
        for expected, found in zip(compute(list(before), values), compute(list(after), values), strict=True):
            assert np.shape(found) == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def scans(outputs: Sequence[Any]) -> list[Any]:
    return [node for node in toposort(outputs) if isinstance(node.op, Scan)]


def only_scan(outputs: Sequence[Any]) -> Any:
    (node,) = scans(outputs)
    return node


def steps_of(node: Any) -> list[str]:
    """What a step computes, a text an output of the body; inputs by their roles."""
    op = node.op
    body = op.body_inputs
    names: dict[Any, str] = {}
    for letter, group in (("x", body.sequences), ("h", [v for taps in body.states for v in taps]), ("o", body.others)):
        names.update((v, f"{letter}{k}") for k, v in enumerate(group))
    before = {v: v.name for v in names}
    try:
        for v, name in names.items():
            v.name = name
        return [text(v) for v in op.inner_outputs]
    finally:
        for v, old in before.items():
            v.name = old


def outer_of(node: Any) -> list[str]:
    return [text(v) for v in node.inputs[1:]]


def rewritten(outputs: Sequence[Any], *rules: str, steps: Sequence[int] = (0, 1, 4)) -> list[Any]:
    with strictly():
        after = apply_rules(list(outputs), *rules, *TIDY)
    check_same(outputs, after, steps)
    return after


def optimized(outputs: Sequence[Any], steps: Sequence[int] = (0, 1, 4), query: Any = FAST_RUN) -> list[Any]:
    with strictly():
        after = simplify(list(outputs), query)
    check_same(outputs, after, steps)
    return after


class TestBody:
    def test_local_scan_body(self) -> None:
        before = loop([x, h], [(x + h) * 1 + 0], one_state(), X, H0)
        after = rewritten(before, "local_scan_body", "local_mul_one", "local_add_zero")
        assert steps_of(only_scan(after)) == ["x0 + h0"]
        assert steps_of(only_scan(before)) != ["x0 + h0"], "the body is shared and must stay as it was"

    def test_every_pass_rewrites_bodies(self) -> None:
        body = T.log(1 + T.exp(x + T.zeros_like(x))) + T.dot(h, w)
        after = optimized(loop([x, h, w], [body], one_state(), X, H0, W))
        assert steps_of(only_scan(after)) == ["Gemv(softplus(x0), 1, o0.T, h0, 1)"]

    def test_a_rule_that_is_left_out_is_left_out_in_bodies(self) -> None:
        before = loop([x, h], [T.log(1 + T.exp(x + h))], one_state(), X, H0)
        after = optimized(before, query=FAST_RUN.excluding("local_softplus"))
        assert "softplus" not in steps_of(only_scan(after))[0]

    def test_nested_loops(self) -> None:
        inner = loop([y, g], [g * 1 + y], one_state(), m, h.dimshuffle("x", 0))[0][-1]
        outer = loop([x, h, m], [inner + x * 1], one_state(), X, H0, W)
        node = only_scan(optimized(outer, query="fast_compile"))
        within = only_scan(node.op.inner_outputs)
        assert steps_of(within) == ["h0 + x0"]

    def test_work_grows_with_depth_no_more_than_linearly(self) -> None:
        tried = []
        for depth in (2, 4, 8):
            result: Any = T.dvector("v")
            start = result
            for _ in range(depth):
                previous = T.dvector()
                once = theano.clone(result, replace={start: previous})
                result = loop([previous], [once * 1 + 0.5], one_state(n_sequences=0), start.dimshuffle("x", 0), steps=2)
                result = result[0][-1]
            profile = RewriteProfile()
            fgraph = FunctionGraph([start], [result])
            rewrite_graph(fgraph, "fast_run", profile)
            tried.append(sum(rule.tried for rule in profile.rules.values()))
        assert tried[2] - tried[1] < 2.5 * (tried[1] - tried[0])

    def test_the_profile_counts_rules_in_bodies(self) -> None:
        profile = RewriteProfile()
        fgraph = FunctionGraph([X, H0], loop([x, h], [x * 1 + h], one_state(), X, H0))
        rewrite_graph(fgraph, "fast_run", profile)
        assert profile.rules["local_mul_one"].applied == 1
        total = sum(rule.seconds for rule in profile.rules.values())
        assert total == pytest.approx(profile.seconds)
        assert total <= sum(p.seconds for p in profile.passes)


class TestInputs:
    def test_local_scan_constants(self) -> None:
        before = loop([x, h, a], [x * h + a], one_state(), X, H0, T.constant(np.float64(2)))
        after = rewritten(before, "local_scan_constants")
        assert steps_of(only_scan(after)) == ["x0 * h0 + 2"]
        assert outer_of(only_scan(after)) == ["X", "H0"]

    def test_large_constants_stay_outside(self) -> None:
        many = T.constant(np.arange(2000.0))
        before = loop([x, h, y], [x * h + y.sum()], one_state(), X, H0, many)
        assert len(only_scan(rewritten(before, "local_scan_constants")).inputs) == 4

    def test_equal_rows_are_no_sequence(self) -> None:
        ones = T.alloc(a, X.shape[0], 3)
        before = loop([x, y, h], [x * y + h], one_state(n_sequences=2), X, ones, H0)
        after = rewritten(before, "local_scan_constants", "local_elemwise_alloc")
        assert steps_of(only_scan(after))[0].startswith("x0 * Alloc(o")
        assert outer_of(only_scan(after))[:2] == ["X", "H0"]

    def test_a_sequence_of_one_number(self) -> None:
        before = loop([s, t], [s * t], one_state(), T.ones_like(A), S0)
        after = rewritten(before, "local_scan_constants", "local_fill_to_alloc", "local_mul_one")
        assert steps_of(only_scan(after)) == ["1 * h0"] or steps_of(only_scan(after)) == ["h0"]

    def test_local_scan_duplicates(self) -> None:
        layout = Layout(2, ((-1,),), 2)
        before = loop([x, y, h, b, g], [x * b + y * g + h, x + h, x + h], layout, X, X, H0, A, A)
        after = rewritten([*before[:2], before[2] * 2], "local_scan_body", "local_scan_duplicates", steps=(0, 3))
        node = only_scan(after)
        assert steps_of(node) == ["x0 * o0 + x0 * o0 + h0", "x0 + h0"]

    def test_local_scan_unused(self) -> None:
        layout = Layout(2, ((-1,), (-1,), (-1,)), 1)
        before = loop([x, y, h, g, b, w], [x + h, y + g, b + h, T.dot(x, w)], layout, X, Y, H0, H0 * 2, H0 * 3, W)
        after = rewritten([before[2]], "local_scan_unused")
        node = only_scan(after)
        assert steps_of(node) == ["x0 + h0", "h1 + h0"]
        assert outer_of(node) == ["X", "H0", "H0 * 3"]
        node = only_scan(rewritten([before[1]], "local_scan_unused"))
        assert outer_of(node) == ["Y", "H0 * 2"]

    @pytest.mark.parametrize("taken", [lambda r: r, lambda r: r[-1], lambda r: r[1:]])
    def test_local_scan_constant_states(self, taken: Any) -> None:
        layout = Layout(1, ((-1,), (-1,)), 0)
        before = loop([x, h, g], [T.tanh(x + h * g), g], layout, X, H0, T.exp(b).dimshuffle("x", 0))
        after = rewritten([before[0], taken(before[1])], "local_scan_constant_states", steps=(1, 4))
        node = only_scan(after)
        assert steps_of(node) == ["tanh(x0 + h0 * o0)"]
        assert outer_of(node) == ["X", "H0", "exp(b)"]


class TestLastOnly:
    @pytest.mark.parametrize("taken", [lambda r: r[-1], lambda r: r[-1:], lambda r: r[-1, 0], lambda r: r[1:][-1]])
    def test_local_scan_last_only(self, taken: Any) -> None:
        before = loop([x, h], [T.tanh(x + h)], one_state(), X, H0)
        after = rewritten([taken(before[0])], "local_scan_last_only", steps=(1, 4))
        assert only_scan(after).op.layout.last_only == (True,)
        check_same([before[0][-1]], [optimized([before[0][-1]])[0]], (0,))

    def test_deep_taps(self) -> None:
        layout = Layout(1, ((-3, -1),), 0)
        three = T.alloc(a, 3, 3)
        before = loop([x, g, h], [x + g * h], layout, X, three)
        after = rewritten([before[0][-3:], before[0][-2]], "local_scan_last_only")
        assert only_scan(after).op.layout.last_only == (True,)
        after = rewritten([before[0][-4:]], "local_scan_last_only")
        assert only_scan(after).op.layout.last_only == (False,)

    def test_outputs(self) -> None:
        before = loop([x, h], [T.tanh(x + h), x * h], one_state(n_outputs=1), X, H0)
        after = rewritten([before[0], before[1][-1]], "local_scan_last_only", steps=(1, 4))
        assert only_scan(after).op.layout.last_only == (False, True)

    def test_all_rows_are_kept_where_they_are_used(self) -> None:
        before = loop([x, h], [T.tanh(x + h)], one_state(), X, H0)
        after = rewritten([before[0][-1], before[0][1:].sum()], "local_scan_last_only", steps=(1, 4))
        assert only_scan(after).op.layout.last_only == (False,)

    def test_local_subtensor_of_one_row(self) -> None:
        for index in (0, -1):
            expression = T.exp(x).dimshuffle("x", 0)[index]
            assert text(apply_rules(expression, "local_subtensor_of_one_row", *TIDY)) == "exp(x)"


class TestBefore:
    def test_local_scan_hoist(self) -> None:
        before = loop([x, h, a, b], [x * T.exp(a) + h * T.tanh(b)], one_state(), X, H0, T.dscalar("alpha"), A)
        node = only_scan(rewritten(before, "local_scan_hoist", steps=(3,)))
        assert sorted(outer_of(node)[2:]) == ["exp(alpha)", "tanh(A)"]
        assert steps_of(node) == ["x0 * o0.dimshuffle(x) + h0 * o1"] or steps_of(node) == [
            "x0 * o1.dimshuffle(x) + h0 * o0"
        ]

    def test_views_and_stretched_products_stay(self) -> None:
        stretched = b.dimshuffle(0, "x") * b.dimshuffle("x", 0)
        before = loop([x, h, b, w], [x + T.dot(h, w.T) + T.dot(h, stretched)], one_state(), X, H0, T.dvector("beta"), W)
        node = only_scan(rewritten(before, "local_scan_hoist"))
        assert outer_of(node) == ["X", "H0", "beta", "W"]

    def test_lengths_of_rows_and_states(self) -> None:
        before = loop([x, h], [x + h * T.cast(h.shape[0], "float64")], one_state(), X, H0)
        node = only_scan(
            rewritten(
                before, "local_scan_hoist", "local_scan_body", "local_shape_to_shape_i", "local_subtensor_make_vector"
            )
        )
        assert outer_of(node)[2:] == ["cast[float64](H0.shape[1])"]

    def test_what_can_fail_stays(self) -> None:
        checked = Assert("too small")(b, T.gt(a, 0))
        before = loop([x, h, b, a], [x + h * T.exp(checked)], one_state(), X, H0, T.dvector("beta"), T.dscalar("al"))
        node = only_scan(rewritten(before, "local_scan_hoist", steps=(0,)))
        assert "Assert" in steps_of(node)[0]

    def test_loops_that_depend_on_nothing_move(self) -> None:
        power = loop(
            [g, w], [T.dot(g, w)], one_state(n_sequences=0, last_only=(True,)), h.dimshuffle("x", 0), w, steps=3
        )
        fixed = loop(
            [g, w], [T.dot(g, w)], one_state(n_sequences=0, last_only=(True,)), b.dimshuffle("x", 0), w, steps=3
        )
        before = loop([x, h, w, b], [x + fixed[0][0]], one_state(), X, H0, W, T.dvector("beta"))
        node = scans(optimized(before))[-1]
        assert not scans(node.op.inner_outputs)
        before = loop([x, h, w], [x + power[0][0]], one_state(), X, H0, W)
        node = scans(optimized(before))[-1]
        assert scans(node.op.inner_outputs)

    def test_local_scan_rows(self) -> None:
        before = loop([x, h, w], [T.tanh(T.dot(x, w) + h)], one_state(), X, H0, W)
        node = only_scan(rewritten(before, "local_scan_rows"))
        assert steps_of(node) == ["tanh(x0 + h0)"]
        assert outer_of(node) == ["Dot(X, W)", "H0"]

    def test_local_scan_split_products(self) -> None:
        both = T.dot(T.concatenate([x, h]), T.concatenate([w, u]))
        before = loop([x, h, w, u], [T.tanh(both)], one_state(), X, H0, W, U)
        after = rewritten(before, "local_scan_split_products")
        assert steps_of(only_scan(after))[0].count("Dot(") == 2
        values = {X: np.ones((2, 3)), H0: np.ones((1, 3)), W: np.ones((3, 3)), U: np.ones((4, 3))}
        with pytest.raises(ValueError, match="shapes do not match"):
            compute(after, values)
        node = only_scan(optimized(before))
        assert sum(type(inner.op).__name__ in ("Dot", "Gemv") for inner in node.op.inner_nodes) == 1

    def test_rows_that_are_matrices(self) -> None:
        initial = H0.dimshuffle("x", 0, 1)
        before = loop([xx, hh, w, u, b], [T.tanh(T.dot(xx, w) + b + T.dot(hh, u))], one_state(), XX, initial, W, U, S0)
        with strictly():
            after = simplify(before)
        node = only_scan(after)
        assert sum(type(inner.op).__name__ in ("Dot", "Gemm") for inner in node.op.inner_nodes) == 1
        rng = np.random.default_rng(3)
        for steps in (0, 1, 4):
            values: dict[Any, Any] = {XX: rng.normal(size=(steps, 2, 3)), H0: rng.normal(size=(2, 5))}
            values |= {W: rng.normal(size=(3, 5)), U: rng.normal(size=(5, 5)), S0: rng.normal(size=5)}
            np.testing.assert_allclose(compute(after, values)[0], compute(before, values)[0], rtol=1e-9)

    def test_backward_rows_are_computed_forwards(self) -> None:
        before = loop([x, h, w], [T.tanh(T.dot(x, w) + h)], one_state(), X[::-1], H0, W)
        node = only_scan(rewritten(before, "local_scan_rows"))
        assert outer_of(node)[0] == "Dot(X, W)[::-1]"

    def test_cheap_arithmetic_stays(self) -> None:
        before = loop([x, h], [x * 2 + h], one_state(), X, H0)
        assert outer_of(only_scan(rewritten(before, "local_scan_rows"))) == ["X", "H0"]

    def test_functions_of_numbers_move(self) -> None:
        before = loop([s, t], [T.exp(s) * t], one_state(), A, S0)
        node = only_scan(rewritten(before, "local_scan_rows"))
        assert steps_of(node) == ["x0 * h0"]
        assert outer_of(node)[0] == "exp(A)"

    def test_reductions_move(self) -> None:
        before = loop([xx, h], [xx.sum(axis=0) * h], one_state(), XX, H0)
        node = only_scan(rewritten(before, "local_scan_rows"))
        assert outer_of(node)[0] == "Sum{1}(XX)"

    def test_rows_of_a_table(self) -> None:
        before = loop([i, h, w, u], [T.tanh(T.dot(w[i], u) + h)], one_state(), I, H0, W, U)
        node = only_scan(rewritten(before, "local_scan_rows"))
        assert outer_of(node)[0] == "Dot(AdvancedSubtensor1(W, I), U)"

    def test_a_loop_that_may_end_early_keeps_its_rows(self) -> None:
        new = T.dot(x, w) + h
        before = loop([x, h, w], [new, new.sum() > 1], one_state(until=True), X, H0, W)
        node = only_scan(rewritten(before, "local_scan_rows"))
        assert outer_of(node)[0] == "X"


class TestBehind:
    def test_local_scan_outputs(self) -> None:
        new = T.tanh(x + h)
        before = loop([x, h, w], [new, T.exp(T.dot(new, w))], one_state(n_outputs=1), X, H0, W)
        after = rewritten(before, "local_scan_outputs")
        assert steps_of(only_scan(after)) == ["tanh(x0 + h0)"]
        assert text(after[1]).startswith("exp(Dot(")

    def test_what_a_product_needs_becomes_an_output(self) -> None:
        new = T.tanh(x + h)
        slope = (1 - new**2) * x
        before = loop([x, h, w], [new, T.dot(slope, w.T)], one_state(n_outputs=1), X, H0, W)
        after = rewritten([before[0][-1], before[1]], "local_scan_last_only", "local_scan_outputs", steps=(1, 4))
        node = only_scan(after)
        assert node.op.layout.last_only == (True, False)
        assert "Dot" not in " ".join(steps_of(node))

    def test_a_loop_without_states_is_no_loop(self) -> None:
        before = loop([x, y, w, b], [T.tanh(x * 2 + y) * b, x, b], Layout(2, (), 3), X, Y, W, T.dvector("beta"))
        after = rewritten(before, "local_scan_outputs")
        assert not scans(after)
        assert text(after[0]) == "tanh(X * 2 + Assert(Y, Y.shape[0] == X.shape[0])) * beta.dimshuffle(x, 0)"

    @pytest.mark.parametrize(
        "step",
        [
            lambda x, y: x.sum(axis=0) + y.T.max(axis=1),
            lambda x, y: T.dot(x, y),
            lambda x, y: T.dot(x[0], y),
            lambda x, y: T.dot(x, y[:, 1]),
            lambda x, y: T.dot(x[1], y[:, 1]),
            lambda x, y: T.nnet.softmax(x) * T.nnet.logsoftmax(y, axis=0),
            lambda x, y: T.concatenate([x, y, m], axis=1),
            lambda x, y: T.set_subtensor(m[1:], x[:2] * y[1:]),
            lambda x, y: T.inc_subtensor(x[:, 1], y[0]),
            lambda x, y: T.stack([x[0, 0], y[1, 2], m[0, 1]]),
            lambda x, y: x.reshape((9,)) + y.flatten(),
            lambda x, y: T.alloc(x[0], 2, 3) + y[1],
            lambda x, y: T.argmax(x + y, axis=1),
            lambda x, y: T.dot(m, x) + T.dot(y, m),
            lambda x, y: T.dot(m[0], x) + T.dot(y[1], m) + T.dot(m, y[0]) + T.dot(x, m[1]),
            lambda x, y: T.dot(m[0], x[0]) * T.dot(y[1], m[1]),
            lambda x, y: m * 2,
        ],
    )
    def test_operations_on_all_rows(self, step: Any) -> None:
        before = loop([xx, yy, m], [step(xx, yy)], Layout(2, (), 1), XX, YY, W)
        with strictly():
            after = simplify(before)
        assert not scans(after)
        rng = np.random.default_rng(3)
        for steps in (0, 1, 4):
            values: dict[Any, Any] = {XX: rng.normal(size=(steps, 3, 3)), YY: rng.normal(size=(steps, 3, 3))}
            values[W] = rng.normal(size=(3, 3))
            (expected,), (found,) = compute(before, values), compute(after, values)
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-9)


class TestSums:
    @pytest.mark.parametrize(
        ("term", "wanted"),
        [
            (lambda x, y: T.dot(x.T, y), "Gemm"),
            (lambda x, y: T.dot(x, y), "Gemm"),
            (lambda x, y: -2 * T.dot(x, y.T), "Gemm"),
            (lambda x, y: T.outer(x[0], y[1]), "Gemm"),
            (lambda x, y: T.dot(T.dot(m, x), m), "Sum"),
            (lambda x, y: x * y, "Sum"),
            (lambda x, y: (x + y).sum(axis=0), "Sum"),
            (lambda x, y: T.dot(x.T, y) + x, "Sum"),
            (lambda x, y: m, ""),
        ],
    )
    def test_local_scan_sums(self, term: Any, wanted: str) -> None:
        before = loop(
            [xx, yy, hh, m], [hh + term(xx, yy)], one_state(n_sequences=2), XX, YY, H0.dimshuffle("x", 0, 1), W
        )
        with strictly():
            after = simplify([before[0][-1]])
        assert not scans(after)
        assert wanted in text(after[0])
        rng = np.random.default_rng(3)
        for steps in (0, 1, 4):
            values: dict[Any, Any] = {XX: rng.normal(size=(steps, 3, 3)), YY: rng.normal(size=(steps, 3, 3))}
            values |= {W: rng.normal(size=(3, 3)), H0: rng.normal(size=(3, 3))}
            (expected,), (found,) = compute([before[0][-1]], values), compute(after, values)
            np.testing.assert_allclose(found, expected, rtol=1e-9)

    def test_a_product_with_a_fixed_matrix_that_others_use_too(self) -> None:
        layout = Layout(1, ((-1,), (-1,)), 0)
        product = T.dot(x, w)
        before = loop([x, h, g, w], [h + product, g + T.tanh(product)], layout, X, H0, H0 * 2, W)
        rewritten([before[0][-1], before[1][-1]], "local_scan_last_only", "local_scan_sums", steps=(1, 4))

    def test_products_with_a_state(self) -> None:
        layout = Layout(1, ((-1,), (-1,)), 0)
        outer = T.outer(h, x * h)
        before = loop([x, h, hh], [T.tanh(x + h), hh + outer], layout, X, H0, W.dimshuffle("x", 0, 1))
        after = rewritten([before[0][-1], before[1][-1]], "local_scan_last_only", "local_scan_sums")
        node = only_scan(after)
        assert node.op.layout.n_states == 1
        assert "outer" not in " ".join(steps_of(node))

    def test_terms_that_stay(self) -> None:
        layout = Layout(1, ((-1,), (-1,)), 0)
        before = loop([x, h, g], [T.tanh(x + h), g + T.exp(h) + x], layout, X, H0, H0 * 2)
        after = rewritten([before[0][-1], before[1][-1]], "local_scan_last_only", "local_scan_sums")
        node = only_scan(after)
        assert steps_of(node) == ["tanh(x0 + h0)", "h1 + exp(h0)"]

    def test_rows_of_a_table_are_added_to(self) -> None:
        layout = Layout(2, ((-1,),), 0)
        before = loop([i, x, hh], [T.inc_subtensor(hh[i], x)], layout, I, X, W.dimshuffle("x", 0, 1))
        after = rewritten([before[0][-1]], "local_scan_last_only", "local_scan_sums")
        assert not scans(after)
        assert text(after[0]) == "AdvancedIncSubtensor1(W, Assert(X, X.shape[0] == I.shape[0]), I)"

    def test_a_sum_that_is_used_is_no_sum(self) -> None:
        before = loop([xx, hh], [hh + T.dot(xx, hh)], one_state(), XX, W.dimshuffle("x", 0, 1))
        (after,) = simplify([before[0][-1]])
        assert scans([after])


class TestNetworks:
    def test_gradient_of_a_recurrent_network(self) -> None:
        new = T.tanh(T.dot(xx, w) + T.dot(hh, u) + b)
        arguments = [XX, H0.dimshuffle("x", 0, 1), W, U, S0]
        rows = loop([xx, hh, w, u, b], [new], one_state(), *arguments)[0][1:]
        cost = T.sqr(rows).sum()
        before = [cost, *T.grad(cost, [W, U, S0, H0, XX])]
        with strictly():
            after = simplify(before)
        forward, backward = scans(after)
        for node in (forward, backward):
            products = [n for n in node.op.inner_nodes if type(n.op).__name__ in ("Dot", "Gemm")]
            assert len(products) == 1
            assert all(type(n.op).__name__ in ("Dot", "Gemm", "Elemwise", "DimShuffle") for n in node.op.inner_nodes)
        assert backward.op.layout.n_states == 1
        rng = np.random.default_rng(3)
        for steps in (0, 1, 4):
            values: dict[Any, Any] = {XX: rng.normal(size=(steps, 2, 3)), H0: rng.normal(size=(2, 5))}
            values |= {W: rng.normal(size=(3, 5)), U: rng.normal(size=(5, 5)), S0: rng.normal(size=5)}
            for expected, found in zip(compute(before, values), compute(after, values), strict=True):
                assert found.shape == expected.shape
                np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


class TestErrors:
    def test_an_op_that_is_not_known_stays(self) -> None:
        class Double(Op):
            __props__ = ()

            def make_node(self, v: Any) -> Apply:
                return Apply(self, [v], [v.type()])

            def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
                output_storage[0][0] = inputs[0] * 2

        before = loop([x, b], [Double()(x) + Double()(b)], Layout(1, (), 1), X, T.dvector("beta"))
        after = optimized(before, steps=(1, 4))
        assert len(scans(after)) == 1


class TestMerging:
    def test_local_scan_extension(self) -> None:
        new = T.tanh(x + h)
        plain = Scan([x, h], [new], one_state(last_only=(True,)))
        extended = plain.variant([x, h], [new, x + h], n_outputs=1, last_only=(False, False))
        first, (second, third) = plain(X.shape[0], X, H0), extended(X.shape[0], X, H0)
        after = rewritten([first, second, third], "local_scan_extension")
        node = only_scan(after)
        assert steps_of(node) == ["tanh(x0 + h0)", "x0 + h0"]
        assert node.op.layout.last_only == (False, False)

    def test_extensions_become_one_also_when_they_end_early(self) -> None:
        new = T.tanh(x + h)
        plain = Scan([x, h], [new, new.sum() > 0.5], one_state(until=True))
        extended = plain.variant([x, h], [new, x + h, new.sum() > 0.5], n_outputs=1, last_only=(False, False))
        before = [*plain(X.shape[0], X, H0), *extended(X.shape[0], X, H0)]
        after = rewritten(before, "local_scan_extension", steps=(1, 4))
        assert len(only_scan(after).outputs) == 3

    def test_other_arguments_are_another_loop(self) -> None:
        op = Scan([x, h], [T.tanh(x + h)], one_state())
        after = rewritten([op(X.shape[0], X, H0), op(X.shape[0], X, H0 * 2)], "local_scan_extension")
        assert len(scans(after)) == 2

    def test_quick_compilation_runs_the_loop_forwards_once(self) -> None:
        rows = loop([x, h, w], [T.tanh(x + T.dot(h, w))], one_state(), X, H0, W)[0][1:]
        cost = T.sqr(rows).sum()
        after = optimized([cost, T.grad(cost, W)], query="fast_compile")
        assert len(scans(after)) == 2

    def test_local_scan_equal_states(self) -> None:
        layout = Layout(1, ((-1,), (-1,), (-1,), (-1,)), 0)
        k = T.dvector("k")
        rows = [T.tanh(x + h) * g, x + g, T.tanh(x + b) * k, x + k]
        before = loop([x, h, g, b, k], rows, layout, X, H0, H0, H0, H0)
        after = rewritten(before, "local_scan_body", "local_scan_equal_states")
        assert steps_of(only_scan(after)) == ["tanh(x0 + h0) * h1", "x0 + h1"]

    def test_local_scan_merge(self) -> None:
        first = loop([x, h], [T.tanh(x + h)], one_state(), X, H0)[0]
        second = loop([x, y, h, g], [x * h, y + g], Layout(2, ((-1,), (-1,)), 0), Y, X, H0, H0, steps=X.shape[0])
        third = loop([x, y, h], [T.tanh(x + h) + y], one_state(n_sequences=2), X, first[1:], H0)[0]
        after = rewritten([first, *second, third], "local_scan_merge")
        assert len(scans(after)) == 2
        assert steps_of(scans(after)[0]) == ["tanh(x0 + h0)", "x1 * h1", "x0 + h2"]

    def test_one_body_on_two_arguments(self) -> None:
        op = Scan([x, h], [T.tanh(x + h)], one_state())
        after = rewritten([op(X.shape[0], X, H0), op(X.shape[0], X, H0 * 2)], "local_scan_merge")
        assert steps_of(only_scan(after)) == ["tanh(x0 + h0)", "tanh(x0 + h1)"]

    def test_a_loop_that_needs_another_stays_behind_it(self) -> None:
        first = loop([x, h], [T.tanh(x + h)], one_state(), X, H0)[0]
        second = loop([x, h], [x * h], one_state(), X, first[-1:])[0]
        assert len(scans(rewritten([first, second], "local_scan_merge"))) == 2

    @pytest.mark.parametrize("last_only", [False, True])
    @pytest.mark.parametrize("taps", [(-1,), (-2, -1)])
    def test_local_scan_one_step(self, taps: tuple[int, ...], last_only: bool) -> None:
        layout = Layout(1, (taps,), 1, True, (last_only, False))
        given = [h, g][: len(taps)]
        initial = H0 if len(taps) == 1 else T.concatenate([H0, H0 * 2])
        before = loop(
            [x, *given, w], [T.tanh(x + T.dot(h, w)), x * given[-1], x.sum() > 0], layout, X, initial, W, steps=1
        )
        after = rewritten(before, "local_scan_one_step", steps=(1,))
        assert not scans(after)


class TestShapes:
    def test_lengths_of_outputs_are_found_without_rewriting_what_is_nested(self) -> None:
        """Asking for a length costs the lengths alone, at any depth of nesting."""
        made = []
        for depth in (2, 4, 8):
            result: Any = T.dmatrix("v")
            start = result
            for _ in range(depth):
                row = T.dvector()
                once = theano.clone(result, replace={start: row.dimshuffle("x", 0) * 2})
                result = loop([row], [T.tanh(once).sum(axis=0)], Layout(1, (), 1), start)[0]
            before = T.shape(result)
            profile = RewriteProfile()
            rewrite_graph(FunctionGraph([start], [before]), "fast_run", profile)
            made.append(sum(rule.tried for rule in profile.rules.values()))
        assert made[2] - made[1] < 2.5 * (made[1] - made[0]) + 20


def test_local_rows_of_jacobian() -> None:
    """Stacked rows are outputs of a loop's steps, sums are states; without rows the lengths are still right."""
    jacobian = theano.gradient.jacobian(T.tanh(T.dot(W, x)), x)
    after = apply_rules(jacobian, "local_rows_of_jacobian", merge=False)
    ops = [type(node.op).__name__ for node in toposort([after])]
    assert "Scan" in ops
    assert "MapGradients" not in ops
    summed = T.grad(T.sqr(jacobian).sum(), [W, x])
    rng = np.random.default_rng(0)
    for rows in (0, 1, 3):
        values = [rng.normal(size=4), rng.normal(size=(rows, 4))]
        expected = theano.function([x, W], [jacobian, *summed], mode=theano.Mode(linker="py", optimizer=None))(*values)
        f = theano.function([x, W], [jacobian, *summed])
        assert "python" not in f.stages()["program"]
        for got, want in zip(f(*values), expected, strict=True):
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want)
