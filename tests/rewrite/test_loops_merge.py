"""Rules that make one loop of several, or none: the graph before, the graph after, and equal values."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.rewrite.loop_graphs import (
    H0,
    W,
    X,
    Y,
    b,
    g,
    h,
    loop,
    one_state,
    only_scan,
    optimized,
    rewritten,
    scans,
    steps_of,
    w,
    x,
    y,
)
from theano.graph.traversal import toposort
from theano.loops.op import Layout, Scan
from theano.rewrite import simplify


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


def test_local_scan_few_steps() -> None:
    """Few steps of elementwise work are one expression, also with sequences; many, or heavy ones, stay a loop."""
    rows, _ = theano.scan(lambda state: state * x, outputs_info=T.ones_like(x), n_steps=5)
    f = theano.function([x], rows[-1])
    assert not any(isinstance(node.op, Scan) for node in f.maker.fgraph.apply_nodes)
    np.testing.assert_allclose(f([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]) ** 5)
    sums, _ = theano.scan(lambda row, state: 0.5 * state + row, sequences=X[:3], outputs_info=x)
    g = theano.function([X, x], [sums[-1], *T.grad(sums[-1].sum(), [X, x])])
    plain = theano.Mode(linker="py", optimizer=None)
    h = theano.function([X, x], [sums[-1], *T.grad(sums[-1].sum(), [X, x])], mode=plain)
    values = np.arange(12.0).reshape(4, 3), np.array([1.0, -1.0, 2.0])
    for got, want in zip(g(*values), h(*values), strict=True):
        np.testing.assert_allclose(got, want)
    for steps, body in ((40, lambda s: s * x), (4, lambda s: T.dot(s, W))):
        kept, _ = theano.scan(body, outputs_info=T.ones_like(x), n_steps=steps)
        assert any(isinstance(node.op, Scan) for node in toposort([simplify(kept[-1])]))
