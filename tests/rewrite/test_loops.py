"""Rules about loops: the graph before, the graph after, and equal values, also with no step and with one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.rewrite.loop_graphs import (
    H0,
    S0,
    TIDY,
    A,
    W,
    X,
    Y,
    a,
    b,
    check_same,
    g,
    h,
    loop,
    m,
    one_state,
    only_scan,
    optimized,
    outer_of,
    rewritten,
    s,
    scans,
    steps_of,
    t,
    w,
    x,
    y,
)
from theano.graph import Apply, FunctionGraph, Op
from theano.graph.traversal import toposort
from theano.loops.op import Layout
from theano.rewrite import FAST_RUN, RewriteProfile, apply_rules, rewrite_graph, text


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
