"""The loop's node: meaning, shapes, errors, derivatives, in every backend."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.gradient import verify_grad
from theano.loops.op import Layout, Scan

MODES = {
    "reference": theano.Mode(linker="py", optimizer=None),
    "unoptimized": theano.Mode(optimizer=None),
    "quick": theano.Mode(optimizer="fast_compile"),
    "native": theano.Mode(),
}


@pytest.fixture(params=MODES, name="mode")
def _mode(request: Any) -> theano.Mode:
    return MODES[request.param]


def recurrence(taps: tuple[int, ...] = (-1,), until: bool = False, **options: Any) -> Scan:
    """A state with these taps, and an output that is no state."""
    x, w = T.dvector("x"), T.dmatrix("w")
    previous = [T.dvector(f"h{tap}") for tap in taps]
    new = T.tanh(x + T.dot(previous[-1], w) + sum(0.3 * h**2 for h in previous[:-1]))
    output = (new * x).sum()
    condition = [T.gt(output, 0.5)] if until else []
    layout = Layout(1, (taps,), 1, until, options.pop("last_only", ()))
    return Scan([x, *previous, w], [new, output, *condition], layout, **options)


def values(steps: int, depth: int = 1, size: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(steps)
    return [rng.normal(size=shape) for shape in ((steps, size), (depth, size), (size, size))]


def expected(x: np.ndarray, initial: np.ndarray, w: np.ndarray, taps: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rows, outputs = list(initial), []
    for row in x:
        past = [rows[tap] for tap in taps]
        rows.append(np.tanh(row + past[-1] @ w + sum(0.3 * h**2 for h in past[:-1])))
        outputs.append((rows[-1] * row).sum())
    return np.array(rows), np.array(outputs)


X, H0, W = T.dmatrix("X"), T.dmatrix("H0"), T.dmatrix("W")


class TestMeaning:
    @pytest.mark.parametrize("steps", [0, 1, 2, 5])
    @pytest.mark.parametrize("taps", [(-1,), (-2, -1), (-3, -1)])
    def test_all_rows(self, mode: theano.Mode, steps: int, taps: tuple[int, ...]) -> None:
        given = values(steps, -min(taps))
        f = theano.function([X, H0, W], recurrence(taps)(X.shape[0], X, H0, W), mode=mode)
        for got, want in zip(f(*given), expected(*given, taps), strict=True):
            np.testing.assert_allclose(got, want.reshape(got.shape))
            assert got.shape[0] == want.shape[0]

    @pytest.mark.parametrize("steps", [0, 1, 2, 5, 6])
    @pytest.mark.parametrize("taps", [(-1,), (-2, -1), (-3, -1)])
    def test_last_rows_only(self, mode: theano.Mode, steps: int, taps: tuple[int, ...]) -> None:
        depth = -min(taps)
        given = values(steps, depth)
        op = recurrence(taps, last_only=(True, True))
        f = theano.function([X, H0, W], op(X.shape[0], X, H0, W), mode=mode)
        state, output = f(*given)
        rows, outputs = expected(*given, taps)
        np.testing.assert_allclose(state, rows[-depth:])
        np.testing.assert_allclose(output, outputs[-1:])

    def test_until(self, mode: theano.Mode) -> None:
        given = values(6)
        f = theano.function([X, H0, W], recurrence(until=True)(X.shape[0], X, H0, W), mode=mode)
        state, output, steps = f(*given)
        rows, outputs = expected(*given, (-1,))
        stop = int(np.argmax(outputs > 0.5)) + 1
        assert (outputs > 0.5).any()
        assert steps == stop
        np.testing.assert_allclose(state, rows[: stop + 1])
        np.testing.assert_allclose(output, outputs[:stop])

    def test_sequences_in_any_layout(self, mode: theano.Mode) -> None:
        x, h0, w = values(5)
        f = theano.function([X, H0, W], recurrence()(X.shape[0], X[::-1], H0, W.T), mode=mode)
        for given in ([x, h0, w], [np.asfortranarray(x), h0, w[::-1]], [x[:, ::-1], h0[:, ::-1], w.T]):
            want = expected(given[0][::-1], given[1], given[2].T, (-1,))
            for got, right in zip(f(*given), want, strict=True):
                np.testing.assert_allclose(got, right)

    def test_scalar_states_and_several_of_them(self, mode: theano.Mode) -> None:
        a, b, k = T.dscalar("a"), T.lscalar("b"), T.dscalar("k")
        op = Scan([a, b, k], [a * k + b, b + 1, a], Layout(0, ((-1,), (-1,)), 1))
        n = T.lscalar("n")
        first, second, third = op(n, T.ones((1,)), T.zeros((1,), dtype="int64"), k)
        f = theano.function([n, k], [first, second, third], mode=mode)
        got = f(4, 0.5)
        rows = [1.0]
        for counter in range(4):
            rows.append(rows[-1] * 0.5 + counter)
        np.testing.assert_allclose(got[0], rows)
        np.testing.assert_array_equal(got[1], np.arange(5))
        np.testing.assert_allclose(got[2], rows[:-1])

    def test_a_state_may_pass_through_and_serve_twice(self, mode: theano.Mode) -> None:
        x, a, b = T.dvector("x"), T.dvector("a"), T.dvector("b")
        op = Scan([x, a, b], [b, a, x, x, a], Layout(1, ((-1,), (-1,)), 3))
        A, B = T.dmatrix("A"), T.dmatrix("B")
        f = theano.function([X, A, B], op(X.shape[0], X, A, B), mode=mode)
        x_, a_, b_ = np.arange(6.0).reshape(3, 2), np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
        got = f(x_, a_, b_)
        np.testing.assert_array_equal(got[0], np.concatenate([a_, b_, a_, b_]))
        np.testing.assert_array_equal(got[1], np.concatenate([b_, a_, b_, a_]))
        np.testing.assert_array_equal(got[2], x_)
        np.testing.assert_array_equal(got[3], x_)
        np.testing.assert_array_equal(got[4], np.concatenate([a_, b_, a_]))

    def test_nested(self, mode: theano.Mode) -> None:
        a, x, n = T.dscalar("a"), T.dscalar("x"), T.lscalar("n")
        power = Scan([a, x], [a * x], Layout(0, ((-1,),), 0, last_only=(True,)))
        row = power(n, T.ones((1,)), x)[0]
        each = Scan([x, n], [row], Layout(1, (), 1))
        v = T.dvector("v")
        f = theano.function([v, n], each(v.shape[0], v, n), mode=mode)
        np.testing.assert_allclose(f([1.0, 2.0, 3.0], 3), [1.0, 8.0, 27.0])
        assert f([], 3).shape == (0,)
        np.testing.assert_allclose(f([1.0, 2.0, 3.0], 0), [1.0, 1.0, 1.0])

    def test_rows_of_outputs_may_be_longer_than_what_goes_in(self, mode: theano.Mode) -> None:
        x, k = T.dscalar("x"), T.lscalar("k")
        op = Scan([x, k], [T.arange(k) * x], Layout(1, (), 1))
        v = T.dvector("v")
        f = theano.function([v, k], op(v.shape[0], v, k), mode=mode)
        np.testing.assert_allclose(f([1.0, 2.0], 3), np.outer([1.0, 2.0], np.arange(3)))
        assert f([], 3).shape == (0, 3)

    def test_results_are_kept_from_call_to_call(self, mode: theano.Mode) -> None:
        f = theano.function([X, H0, W], recurrence()(X.shape[0], X, H0, W), mode=mode)
        sizes = (4, 1, 7, 0, 4)
        results = [f(*values(steps)) for steps in sizes]
        for steps, result in zip(sizes, results, strict=True):
            for got, want in zip(result, expected(*values(steps), (-1,)), strict=True):
                np.testing.assert_allclose(got, want)

    def test_shapes_are_known_without_the_loop(self) -> None:
        state, output = recurrence((-2, -1))(X.shape[0], X, H0, W)
        f = theano.function([X, H0, W], [state.shape, output.shape], on_unused_input="ignore")
        assert not any(isinstance(node.op, Scan) for node in f.maker.fgraph.apply_nodes)
        np.testing.assert_array_equal(f(*values(4, 2))[0], [6, 3])
        np.testing.assert_array_equal(f(*values(4, 2))[1], [4])


class TestErrors:
    def test_a_short_sequence(self, mode: theano.Mode) -> None:
        f = theano.function([X, H0, W], recurrence(name="rnn")(7, X, H0, W), mode=mode)
        with pytest.raises(ValueError, match=r"(?s)rnn.*sequence.*has 5 rows, 2 too few for 7 steps"):
            f(*values(5))

    def test_negative_steps(self, mode: theano.Mode) -> None:
        n = T.lscalar("n")
        f = theano.function([n, X, H0, W], recurrence()(n, X, H0, W), mode=mode)
        with pytest.raises(ValueError, match="number of steps is -2"):
            f(-2, *values(0))

    def test_a_state_that_changes_its_shape(self, mode: theano.Mode) -> None:
        h = T.dvector("h")
        op = Scan([h], [T.concatenate([h, h])], Layout(0, ((-1,),), 0))
        f = theano.function([H0], op(3, H0), mode=mode)
        with pytest.raises(ValueError, match=r"state 0 \(h\).*keeps its shape"):
            f(np.ones((1, 2)))

    def test_types_that_do_not_fit(self) -> None:
        h = T.dvector("h")
        with pytest.raises(TypeError, match=r"goes into a step as .*float64.*comes out as .*int"):
            Scan([h], [h.shape], Layout(0, ((-1,),), 0))
        with pytest.raises(TypeError, match="takes rows of"):
            Scan([h], [h], Layout(0, ((-1,),), 0))(3, T.dvector())

    def test_free_variables(self) -> None:
        h = T.dvector("h")
        with pytest.raises(ValueError, match=r"uses \[W\], which are not among its inputs"):
            Scan([h], [T.dot(h, W)], Layout(0, ((-1,),), 0))


class TestDerivatives:
    @pytest.mark.parametrize("last_only", [(False, False), (True, True), (False, True)])
    @pytest.mark.parametrize("taps", [(-1,), (-2, -1), (-3, -1)])
    def test_gradient(self, mode: theano.Mode, taps: tuple[int, ...], last_only: tuple[bool, bool]) -> None:
        op = recurrence(taps, last_only=last_only)

        def cost(x: Any, h0: Any, w: Any) -> Any:
            state, output = op(x.shape[0], x, h0, w)
            return (state**2).sum() + T.sin(output).sum()

        for steps in (1, 4):
            verify_grad(cost, values(steps, -min(taps)), rng=np.random.RandomState(1), mode=mode)

    def test_gradient_of_no_steps(self, mode: theano.Mode) -> None:
        state, output = recurrence()(X.shape[0], X, H0, W)
        gradients = T.grad((state**2).sum() + output.sum(), [X, H0, W])
        of_x, of_h, of_w = theano.function([X, H0, W], gradients, mode=mode)(*values(0))
        assert of_x.shape == (0, 3)
        np.testing.assert_allclose(of_h, 2 * values(0)[1])
        np.testing.assert_array_equal(of_w, np.zeros((3, 3)))

    def test_second_derivatives(self, mode: theano.Mode) -> None:
        op = recurrence((-2, -1))

        def slope(x: Any, h0: Any, w: Any) -> Any:
            state, output = op(x.shape[0], x, h0, w)
            cost = (state**2).sum() + T.sin(output).sum()
            return sum((g**2).sum() for g in T.grad(cost, [x, h0, w]))

        verify_grad(slope, values(3, 2), rng=np.random.RandomState(1), mode=mode)

    def test_forward_mode_agrees_with_reverse(self, mode: theano.Mode) -> None:
        state, output = recurrence((-2, -1))(X.shape[0], X, H0, W)
        cost = (state**2).sum() + T.sin(output).sum()
        directions = [T.dmatrix() for _ in range(3)]
        ahead = T.Rop(cost, [X, H0, W], directions)
        back = sum((g * v).sum() for g, v in zip(T.grad(cost, [X, H0, W]), directions, strict=True))
        f = theano.function([X, H0, W, *directions], [ahead, back], mode=mode)
        rng = np.random.default_rng(3)
        one, other = f(*values(4, 2), *(rng.normal(size=v.shape) for v in values(4, 2)))
        np.testing.assert_allclose(one, other)

    def test_until(self, mode: theano.Mode) -> None:
        op = recurrence(until=True)

        def cost(x: Any, h0: Any, w: Any) -> Any:
            state, output, _ = op(x.shape[0], x, h0, w)
            return (state**2).sum() + T.sin(output).sum()

        verify_grad(cost, values(6), rng=np.random.RandomState(1), mode=mode)

    def test_truncated(self, mode: theano.Mode) -> None:
        state, _ = recurrence(truncate_gradient=2)(X.shape[0], X, H0, W)
        whole, _ = recurrence()(X.shape[0], X, H0, W)
        wrt = [X, H0]
        f = theano.function([X, H0, W], T.grad(state[-1].sum(), wrt) + T.grad(whole[-1].sum(), wrt), mode=mode)
        short_x, short_h, long_x, _ = f(*values(5))
        np.testing.assert_array_equal(short_x[:3], np.zeros((3, 3)))
        np.testing.assert_allclose(short_x[3:], long_x[3:])
        np.testing.assert_array_equal(short_h, np.zeros((1, 3)))
        short_x, short_h, long_x, long_h = f(*values(2))
        np.testing.assert_allclose(short_x, long_x)
        np.testing.assert_allclose(short_h, long_h)

    def test_an_integer_state_beside(self, mode: theano.Mode) -> None:
        a, i, v = T.dscalar("a"), T.lscalar("i"), T.dvector("v")
        op = Scan([a, i, v], [a * v[i], i + 1], Layout(0, ((-1,), (-1,)), 0, last_only=(True, True)))
        u = T.dvector("u")
        product = op(u.shape[0], T.ones((1,)), T.zeros((1,), dtype="int64"), u)[0][0]
        f = theano.function([u], T.grad(product, u), mode=mode)
        np.testing.assert_allclose(f([2.0, 3.0, 5.0]), [15.0, 10.0, 6.0])

    def test_nested(self, mode: theano.Mode) -> None:
        a, x, n = T.dscalar("a"), T.dscalar("x"), T.lscalar("n")
        power = Scan([a, x], [a * x], Layout(0, ((-1,),), 0, last_only=(True,)))
        each = Scan([x, n], [power(n, T.ones((1,)), x)[0]], Layout(1, (), 1))
        v = T.dvector("v")
        f = theano.function([v, n], T.grad(each(v.shape[0], v, n).sum(), v), mode=mode)
        np.testing.assert_allclose(f([1.0, 2.0, 3.0], 3), [3.0, 12.0, 27.0])

    def test_what_reaches_outputs_through_truth_values_only(self, mode: theano.Mode) -> None:
        b, x = T.bscalar("b"), T.dscalar("x")
        op = Scan([b, x], [T.switch(b, x, 2 * x)], Layout(2, (), 1))
        v = T.dvector("v")
        f = theano.function([v], T.grad(op(v.shape[0], T.cast(v > 0, "int8"), v).sum(), v), mode=mode)
        np.testing.assert_allclose(f([1.0, -1.0]), [1.0, 2.0])

    def test_nested_loops_whose_rows_only_the_inner_one_knows(self, mode: theano.Mode) -> None:
        x, k = T.dscalar("x"), T.lscalar("k")
        inner = Scan([x, k], [T.arange(k) * x], Layout(1, (), 1))
        row = T.dvector("row")
        outer = Scan([row, k], [inner(row.shape[0], row, k)], Layout(1, (), 1))
        m = T.dmatrix("m")
        f = theano.function([m, k], outer(m.shape[0], m, k), mode=mode)
        np.testing.assert_allclose(f(np.ones((2, 3)), 4), np.ones((2, 3, 1)) * np.arange(4))

    def test_recomputing_gives_the_same(self, mode: theano.Mode) -> None:
        gradients = []
        for recompute in (False, True):
            state, output = recurrence(recompute=recompute)(X.shape[0], X, H0, W)
            gradients += T.grad((state**2).sum() + output.sum(), [X, W])
        one_x, one_w, two_x, two_w = theano.function([X, H0, W], gradients, mode=mode)(*values(4))
        np.testing.assert_allclose(one_x, two_x)
        np.testing.assert_allclose(one_w, two_w)


def test_nodes_can_be_pickled_and_compared() -> None:
    op, same, other = recurrence(), recurrence(), recurrence((-2, -1))
    assert op == same
    assert hash(op) == hash(same)
    assert op != other
    copy = pickle.loads(pickle.dumps(op))
    f = theano.function([X, H0, W], copy(X.shape[0], X, H0, W))
    np.testing.assert_allclose(f(*values(3))[0], expected(*values(3), (-1,))[0])


class TestNativeCode:
    def test_a_loop_is_one_step_of_the_program(self) -> None:
        f = theano.function([X, H0, W], recurrence()(X.shape[0], X, H0, W))
        program = f.stages()["program"]
        assert "Scan: w" in program
        assert "python" not in program

    def test_what_is_the_same_in_each_step_is_done_once(self) -> None:
        h, w = T.dvector("h"), T.dmatrix("w")
        op = Scan([h, w], [T.dot(h, w) + w[0]], Layout(0, ((-1,),), 0))
        f = theano.function([H0, W], op(5, H0, W), mode=theano.Mode(optimizer=None))
        lines = f.stages()["program"].split("\n")
        assert any(line.startswith("  first: view Subtensor{0}") for line in lines)
        assert not any(line.startswith("  each: view") for line in lines)

    def test_a_change_in_place_is_made_anew_in_each_step(self) -> None:
        i, a = T.lscalar("i"), T.dvector("a")
        op = Scan([i, a], [i + 1, T.set_subtensor(T.exp(a)[i], 0.0)], Layout(0, ((-1,),), 1))
        A = T.dvector("A")
        f = theano.function([A], op(3, T.zeros((1,), dtype="int64"), A)[1], mode=theano.Mode(optimizer=None))
        expected = np.exp(np.ones((3, 4)))
        expected[range(3), range(3)] = 0
        np.testing.assert_allclose(f(np.ones(4)), expected)

    def test_a_body_with_python_in_it_says_so(self) -> None:
        @theano.as_op([T.dscalar], [T.dscalar])
        def double(x: np.ndarray) -> np.ndarray:
            return np.asarray(2 * x)

        a, n = T.dscalar("a"), T.lscalar("n")
        op = Scan([a], [double(a) + 1], Layout(0, ((-1,),), 0))
        f = theano.function([n], op(n, T.ones((1,))) * 2, profile=True)
        np.testing.assert_array_equal(f(4), [2, 6, 14, 30, 62])
        assert "python: Scan, each step:\n  python: FromFunctionOp{double}" in f.stages()["program"]
        assert any("out of native code: FromFunctionOp{double}" in part for part in f.profile.part_times)

    def test_complex_states(self) -> None:
        a, n = T.zscalar("a"), T.lscalar("n")
        op = Scan([a], [a * 1j], Layout(0, ((-1,),), 0))
        f = theano.function([n], op(n, T.ones((1,), dtype="complex128")))
        np.testing.assert_allclose(f(3), [1, 1j, -1, -1j])

    def test_an_error_inside_leaves_shared_variables_as_they_are(self) -> None:
        s = theano.shared(np.array([1.0, 2.0]), "s")
        h, v = T.dvector("h"), T.dvector("v")
        op = Scan([h, v], [h + v], Layout(0, ((-1,),), 0))
        f = theano.function([v], updates=[(s, op(3, s.dimshuffle("x", 0), v)[-1])])
        with pytest.raises(ValueError):
            f([1.0, 2.0, 3.0])
        np.testing.assert_array_equal(s.get_value(), [1.0, 2.0])
        f([1.0, 1.0])
        np.testing.assert_array_equal(s.get_value(), [4.0, 5.0])

    def test_a_profile_splits_the_time_of_a_loop(self) -> None:
        f = theano.function([X, H0, W], recurrence(name="rnn")(X.shape[0], X, H0, W), profile=True)
        for got, want in zip(f(*values(4)), expected(*values(4), (-1,)), strict=True):
            np.testing.assert_allclose(got, want)
        times = f.profile.step_times
        assert times["Scan{rnn}"][0] == 1
        inside = {title: times[title][0] for title in times if title.startswith("Scan{rnn}: ")}
        assert any("tanh" in title and runs == 4 for title, runs in inside.items())
        assert sum(times[title][1] for title in inside) <= times["Scan{rnn}"][1]
