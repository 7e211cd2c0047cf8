"""Rules that move work out of loops: the graph before, the graph after, and equal values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import theano.tensor as T
from tests.rewrite.helpers import compute, strictly
from tests.rewrite.loop_graphs import (
    H0,
    S0,
    XX,
    YY,
    A,
    I,
    U,
    W,
    X,
    Y,
    a,
    b,
    g,
    h,
    hh,
    i,
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
    u,
    w,
    x,
    xx,
    y,
    yy,
)
from theano.loops.op import Layout
from theano.rewrite import simplify, text
from theano.tensor.assertion import Assert


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
