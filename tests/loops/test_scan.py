"""theano.scan against plain loops of Python and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano
import theano.tensor as T
from tests.loops.helpers import MODES, REFERENCE, loop_of, random, run
from theano.compile.errors import MissingInputError
from theano.loops.op import Scan
from theano.scan_module import until

# ---- values


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_recurrent_network(mode: Any) -> None:
    x, h0, W, U, b = T.dmatrix("x"), T.dvector("h0"), T.dmatrix("W"), T.dmatrix("U"), T.dvector("b")

    def step(x_t: Any, h: Any, W: Any, U: Any, b: Any) -> Any:
        return T.tanh(T.dot(x_t, W) + T.dot(h, U) + b)

    h, updates = theano.scan(step, sequences=x, outputs_info=h0, non_sequences=[W, U, b])
    assert not updates and h.type == T.dmatrix
    values = [random(5, 3), random(4), random(3, 4, seed=1), random(4, 4, seed=2), random(4, seed=3)]
    expected, state = [], values[1]
    for row in values[0]:
        state = np.tanh(row @ values[2] + state @ values[3] + values[4])
        expected.append(state)
    np.testing.assert_allclose(run([x, h0, W, U, b], h, *values, mode=mode), expected, rtol=1e-12)


def test_map_over_rows_without_states() -> None:
    x = T.dmatrix("x")
    (sums, products), _ = theano.scan(lambda row: (row.sum(), row.prod()), sequences=[x])
    a, b = run([x], [sums, products], [[1, 2], [3, 4]])
    assert a.tolist() == [3, 7] and b.tolist() == [2, 12]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_fibonacci(mode: Any) -> None:
    begin = T.lvector("begin")
    numbers, _ = theano.scan(lambda a, b: a + b, outputs_info=dict(initial=begin, taps=[-2, -1]), n_steps=6)
    assert run([begin], numbers, [0, 1], mode=mode).tolist() == [1, 2, 3, 5, 8, 13]


def test_the_first_rows_of_an_initial_value_count() -> None:
    begin = T.constant(np.array([0, 1, 100, 200]))
    numbers, _ = theano.scan(lambda b, a: a + b, outputs_info=dict(initial=begin, taps=[-1, -2]), n_steps=3)
    assert run([], numbers).tolist() == [1, 2, 3]


def taps_by_hand(
    x: np.ndarray, seq_taps: list[int], begin: np.ndarray, taps: list[int], backwards: bool
) -> list[float]:
    first, last = min(0, *seq_taps), max(0, *seq_taps)
    positions = list(range(-first, len(x) - last))
    history = list(begin[: -min(taps)])
    for p in reversed(positions) if backwards else positions:
        total = sum((k + 1) * x[p + tap] for k, tap in enumerate(seq_taps))
        history.append(total + sum((k + 2) * 0.1 * history[tap] for k, tap in enumerate(taps)))
    return history[-min(taps) :]


@given(
    st.integers(0, 9),
    st.lists(st.integers(-3, 3), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(-4, -1), min_size=1, max_size=3, unique=True),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_taps_of_all_kinds(length: int, seq_taps: list[int], taps: list[int], backwards: bool) -> None:
    x, begin = random(length), random(4, seed=1)
    n_seq = len(seq_taps)

    def step(*rows: Any) -> Any:
        terms = [(k + 1) * row for k, row in enumerate(rows[:n_seq])]
        terms += [(k + 2) * np.float64(0.1) * row for k, row in enumerate(rows[n_seq:])]
        return sum(terms[1:], terms[0])

    initial = begin[0] if taps == [-1] else begin
    s = T.dvector("s")
    result, _ = theano.scan(
        step,
        sequences=dict(input=s, taps=seq_taps),
        outputs_info=dict(initial=initial, taps=taps),
        go_backwards=backwards,
    )
    expected = taps_by_hand(x, seq_taps, begin, taps, backwards)
    np.testing.assert_allclose(run([s], result, x), expected, rtol=1e-12)


def test_arguments_come_in_the_order_given() -> None:
    x, y = T.dvector("x"), T.dvector("y")
    seen: list[Any] = []

    def step(*arguments: Any) -> Any:
        seen[:] = [str(a) for a in arguments]
        return arguments[0], arguments[3] + arguments[4], arguments[5]

    theano.scan(
        step,
        sequences=[dict(input=x, taps=[1, -1]), y],
        outputs_info=[
            None,
            dict(initial=T.dvector("a"), taps=[-3, -1]),
            T.dscalar("b"),
        ],
        non_sequences=[T.dscalar("c"), 5],
    )
    assert seen[:7] == ["x[t+1]", "x[t-1]", "y[t]", "a[t-3]", "a[t-1]", "b[t-1]", "c"] and len(seen) == 8


def test_sequences_of_different_length_are_cut_to_the_shortest() -> None:
    x, y, z = T.dvector("x"), T.dvector("y"), T.dvector("z")
    total, _ = theano.scan(lambda a, b, b2, c: a + b + b2 + c, sequences=[x, dict(input=y, taps=[0, 2]), z])
    values = [np.arange(6.0), np.arange(5.0) * 10, np.arange(9.0) * 100]
    assert run([x, y, z], total, *values).tolist() == [20 + 121 * 0, 40 + 101, 60 + 202]
    backwards, _ = theano.scan(
        lambda a, b: a + b, sequences=[x, dict(input=y, taps=[0])], go_backwards=True
    )  # each from its own end
    assert run([x, y], backwards, *values[:2]).tolist() == [45, 34, 23, 12, 1]


def test_arrays_and_lists_are_sequences() -> None:
    result, _ = theano.scan(lambda a, b: a * b, sequences=[np.arange(3), [4, 5, 6]])
    assert run([], result).tolist() == [0, 5, 12]


# ---- the number of steps


@pytest.mark.parametrize("mode", [REFERENCE, "FAST_COMPILE"], ids=str)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("n", [3, 0, 1, -2, -4])
def test_number_of_steps(n: int, backwards: bool, mode: Any) -> None:
    x, steps = T.dvector("x"), T.iscalar("steps")
    values = np.array([1.0, 2.0, 3.0, 4.0])
    rows = values[::-1] if backwards != (n < 0) else values
    expected = np.cumsum(rows[: abs(n)])
    for n_steps in (n, np.int64(n), T.constant(n), steps, T.cast(steps, "int64")):
        sums, _ = theano.scan(
            lambda row, s: row + s,
            sequences=x,
            outputs_info=np.float64(0),
            n_steps=n_steps,
            go_backwards=backwards,
        )
        assert run([x, steps], sums, values, n, mode=mode).tolist() == expected.tolist()


def test_steps_without_sequences() -> None:
    n = T.lscalar("n")
    powers, _ = theano.scan(lambda p: 2 * p, outputs_info=np.int64(1), n_steps=n)
    assert [run([n], powers, k).tolist() for k in (0, 1, 4, -2)] == [[], [2], [2, 4, 8, 16], [2, 4]]


def test_lengths_are_not_negative_and_need_no_direction() -> None:
    x, y = T.dvector("x"), T.dvector("y")
    result, _ = theano.scan(lambda a: a, sequences=x, n_steps=y.shape[0] // 2)
    assert "switch" not in theano.pp(result).lower()
    assert run([x, y], result, [1, 2, 3], [0] * 5).tolist() == [1, 2]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_too_short_a_sequence_is_never_overlooked(mode: Any) -> None:
    """Also where nothing is left of the loop."""
    x, y = T.dvector("x"), T.dmatrix("y")
    doubled, _ = theano.scan(lambda a: 2 * a, sequences=x, n_steps=3)
    with pytest.raises(ValueError, match=r"the sequence x.* has (2 rows|not as many rows)"):
        run([x], doubled, [1, 2], mode=mode)
    (sums, total), _ = theano.scan(lambda a, r, s: (r.sum(), s + a), [x, y], [None, 0.0], n_steps=2)
    with pytest.raises(ValueError, match=r"has (1 rows|not as many rows)"):
        run([x, y], [sums, total], [1, 2, 3], [[1, 2, 3]], mode=mode)
    assert run([x], doubled, [1, 2, 3, 4], mode=mode).tolist() == [2, 4, 6]


def test_lengths_that_must_fit_are_not_checked_again() -> None:
    x, y = T.dvector("x"), T.dvector("y")
    for options in ({}, {"go_backwards": True}):
        result, _ = theano.scan(lambda a, b, c: a * b + c, sequences=[x, y, np.arange(3.0)], **options)
        nodes = theano.function([x, y], result).maker.fgraph.toposort()
        assert not any(isinstance(node.op, Scan | T.opt.Assert) for node in nodes)


def test_too_short_a_sequence() -> None:
    x = T.dvector("x")
    result, _ = theano.scan(lambda a, b: a + b, sequences=dict(input=x, taps=[0, 1]), n_steps=3, name="pairs")
    with pytest.raises(ValueError, match=r"pairs.*x has 2 rows, 1 too few for 3 steps"):
        run([x], result, [1, 2, 3])
    assert run([x], result, [1, 2, 3, 4]).tolist() == [3, 5, 7]


def test_unrolled_steps_are_none() -> None:
    """One step is a loop like any other."""
    result, _ = theano.scan(lambda a: a + 1, outputs_info=np.float64(1), n_steps=1)
    assert result.ndim == 1 and run([], result).tolist() == [2]


# ---- until


@pytest.mark.parametrize("mode", [REFERENCE, "FAST_COMPILE"], ids=str)
def test_until(mode: Any) -> None:
    limit = T.dscalar("limit")

    def step(power: Any) -> Any:
        return 2 * power, until(2 * power > limit)

    powers, _ = theano.scan(step, outputs_info=np.float64(1), n_steps=10)
    assert run([limit], powers, 5, mode=mode).tolist() == [2, 4, 8]
    assert run([limit], powers, 0, mode=mode).tolist() == [2]  # the step in which it is true counts
    assert len(run([limit], powers, 1e9, mode=mode)) == 10


def test_until_with_sequences_outputs_and_updates() -> None:
    x, s = T.dvector("x"), theano.shared(0, "s")
    (doubled, sums), updates = theano.scan(
        lambda row, total: ([2 * row, total + row], {s: s + 1}, until(row < 0)),
        sequences=x,
        outputs_info=[None, np.float64(0)],
    )
    a, b = run([x], [doubled, sums], [1, -1, 5], updates=updates)
    assert a.tolist() == [2, -2] and b.tolist() == [1, 0] and s.get_value() == 2


# ---- shared variables


def test_shared_variables_are_found() -> None:
    w = theano.shared(np.array([2.0, 3.0]), "w")
    x = T.dmatrix("x")
    dots, updates = theano.scan(lambda row: T.dot(row, w), sequences=x)
    assert not updates
    f = theano.function([x], dots, mode=REFERENCE)
    assert f([[1, 1], [2, 0]]).tolist() == [5, 4]
    w.set_value(np.array([1.0, 0.0]))
    assert f([[1, 1], [2, 0]]).tolist() == [1, 2]


@pytest.mark.parametrize("mode", [REFERENCE, "FAST_COMPILE"], ids=str)
def test_updates(mode: Any) -> None:
    x = T.dvector("x")
    count, total = theano.shared(0, "count"), theano.shared(np.float64(0), "total")
    seen, updates = theano.scan(lambda a: (total * 1, {count: count + 1, total: total + a}), sequences=x)
    f = theano.function([x], seen, updates=updates, mode=mode)
    assert f([1, 2, 3]).tolist() == [0, 1, 3] and (count.get_value(), total.get_value()) == (3, 6)
    assert f([4]).tolist() == [6] and (count.get_value(), total.get_value()) == (4, 10)
    assert f([]).tolist() == [] and (count.get_value(), total.get_value()) == (4, 10)


def test_default_updates_happen_in_every_step() -> None:
    s = theano.shared(np.int64(1), "s")
    s.default_update = 2 * s
    numbers, updates = theano.scan(lambda: s + 0, n_steps=4)
    f = theano.function([], numbers, updates=updates, mode=REFERENCE)
    assert f().tolist() == [1, 2, 4, 8] and s.get_value() == 16
    once, updates = theano.scan(lambda a: a + 0, non_sequences=2 * s, n_steps=2)
    assert not updates and run([], once).tolist() == [32, 32]


@pytest.mark.parametrize("mode", [REFERENCE, "FAST_RUN"], ids=str)
def test_random_streams(mode: Any) -> None:
    stream, x = T.shared_randomstreams.RandomStreams(3), T.dvector("x")
    walk, updates = theano.scan(lambda a, place: place + stream.normal() + 0 * a, x, 0.0)
    assert len(updates) == 1  # although the step was built twice, for the dtype of its state
    f = theano.function([x], walk, updates=updates, mode=mode)
    assert len(np.unique([f([0, 0, 0]), f([0, 0, 0])])) == 6

    def numbers(_: Any) -> Any:
        return theano.scan(lambda: stream.uniform(), n_steps=2)[0]

    nested, _ = theano.scan(numbers, sequences=x)
    g = theano.function([x], nested, mode=mode)  # the updates of loops are found here, too
    assert len(np.unique([g([0, 0, 0]), g([0, 0, 0])])) == 12
    noise = stream.normal()
    once, updates = theano.scan(lambda a, noise: noise + 0 * a, sequences=x, non_sequences=noise)
    assert not updates and len(np.unique(theano.function([x], once, mode=mode)([0, 0, 0]))) == 1


def test_default_updates_of_default_updates() -> None:
    a, b = theano.shared(np.int64(0), "a"), theano.shared(np.int64(1), "b")
    a.default_update, b.default_update = a + b, b + 1
    numbers, updates = theano.scan(lambda: 1 * a, n_steps=4)
    assert set(updates) == {a, b} and run([], numbers).tolist() == [0, 1, 3, 6]


def test_explicit_updates_replace_default_ones() -> None:
    s = theano.shared(np.int64(1), "s")
    s.default_update = 2 * s
    numbers, updates = theano.scan(lambda: (s + 0, {s: s + 1}), n_steps=3)
    assert run([], numbers).tolist() == [1, 2, 3] and list(updates) == [s]


def test_updates_have_the_type_of_the_variable() -> None:
    s = theano.shared(np.float64(0), "s")
    _, updates = theano.scan(lambda: {s: 1}, n_steps=3)
    theano.function([], updates=updates, mode=REFERENCE)()
    assert s.get_value() == 1 and updates[s].type == s.type
    with pytest.raises(TypeError, match=r"(?s)update of the shared variable s must have its type .*vector.*test_scan"):
        theano.scan(lambda: {s: T.dvector() + 1}, n_steps=3)
    with pytest.raises(TypeError, match="only shared variables can be updated"):
        theano.scan(lambda: {T.dscalar("v"): 1}, n_steps=3)
    object_ = theano.shared({}, "object_")
    with pytest.raises(TypeError, match=r"object_.*only tensors"):
        theano.scan(lambda: {object_: object_}, n_steps=3)


# ---- expressions of the outer graph


def test_outer_expressions_are_captured_whole() -> None:
    x, w, b = T.dvector("x"), theano.shared(np.float64(2), "w"), T.dscalar("b")
    factor = T.exp(w) * 3
    result, _ = theano.scan(lambda a: a * T.sqrt(factor) + b, sequences=x)
    op = loop_of(result)
    assert len(op.body_inputs.others) == 2  # sqrt(factor) and b
    assert {str(n.op.scalar_op) for n in op.inner_nodes} == {"mul", "add"}
    np.testing.assert_allclose(run([x, b], result, [1, 2], 5), np.array([1, 2]) * np.sqrt(3 * np.exp(2)) + 5)


def test_a_row_that_does_not_vary() -> None:
    n, v = T.iscalar("n"), T.dvector("v")
    rows, _ = theano.scan(lambda: v + 1, n_steps=n)
    assert run([n, v], rows, 2, [1, 2]).tolist() == [[2, 3], [2, 3]]


def test_constants_stay_in_the_body() -> None:
    x = T.dvector("x")
    result, _ = theano.scan(lambda a: a + T.arange(3).sum(), sequences=x)
    assert not loop_of(result).body_inputs.others and run([x], result, [1, 2]).tolist() == [4, 5]


def test_strict() -> None:
    x, w, b = T.dvector("x"), theano.shared(np.float64(2), "w"), T.dscalar("b")
    with pytest.raises(MissingInputError, match=r"linear.*w \(.*, b \(") as caught:
        theano.scan(lambda a, *_: a * w + b, sequences=x, strict=True, name="linear")
    assert caught.value.variable is w
    with pytest.raises(MissingInputError, match=r"arguments: b"):
        theano.scan(lambda a, *_: a * w + b, sequences=x, non_sequences=w, strict=True)
    result, _ = theano.scan(lambda a, w, twice: a * w + twice, x, None, [w, 2 * b], strict=True)
    assert run([x, b], result, [1, 2], 1).tolist() == [4, 6]
    _, updates = theano.scan(lambda a: {w: w + a}, sequences=x, strict=True)
    assert list(updates) == [w]


# ---- loops in loops


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_nested(mode: Any) -> None:
    m, k = T.dmatrix("m"), T.dscalar("k")

    def running_sums(row: Any, scale: Any) -> Any:
        sums, _ = theano.scan(lambda a, s: s + k * scale * a, sequences=row, outputs_info=np.float64(0))
        return sums

    result, _ = theano.scan(running_sums, sequences=[m, T.arange(1, 10)])
    value = random(3, 4)
    expected = np.cumsum(value, axis=1) * 2 * np.arange(1, 4)[:, None]
    np.testing.assert_allclose(run([m, k], result, value, 2, mode=mode), expected, rtol=1e-12)


def test_updates_of_nested_loops() -> None:
    s = theano.shared(np.int64(0), "s")

    def inner() -> Any:
        return theano.scan(lambda: (s + 0, {s: s + 1}), n_steps=3)

    numbers, updates = theano.scan(lambda: inner(), n_steps=2)
    assert run([], numbers, updates=updates).tolist() == [[0, 1, 2], [3, 4, 5]] and s.get_value() == 6


def test_default_updates_of_nested_loops_need_not_be_returned() -> None:
    s = theano.shared(np.int64(0), "s")
    s.default_update = s + 1
    numbers, updates = theano.scan(lambda: theano.scan(lambda: s + 0, n_steps=3)[0], n_steps=2)
    assert run([], numbers, updates=updates).tolist() == [[0, 1, 2], [3, 4, 5]] and s.get_value() == 6


def test_inside_of_op_from_graph() -> None:
    x, w = T.dvector("x"), theano.shared(np.float64(2), "w")
    sums, _ = theano.scan(lambda a, s: s + w * a, sequences=x, outputs_info=np.float64(0))
    op = theano.OpFromGraph([x], [sums])
    y = T.dvector("y")
    for mode in (REFERENCE, "FAST_COMPILE"):
        assert run([y], op(2 * y), [1, 2, 3], mode=mode).tolist() == [4, 12, 24]
    rows, _ = theano.scan(lambda row: op(row), sequences=T.stack([y, 2 * y]))
    assert run([y], rows, [1, 2]).tolist() == [[2, 6], [4, 12]]


def test_clone_of_a_loop() -> None:
    x, y = T.dvector("x"), T.dvector("y")
    sums, _ = theano.scan(lambda a, s: s + a, sequences=x, outputs_info=np.float64(0))
    assert run([y], theano.clone(sums, {x: 2 * y}), [1, 2]).tolist() == [2, 6]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_an_output_may_be_what_an_inner_loop_uses(mode: Any) -> None:
    x = T.dmatrix("x")

    def step(row: Any) -> Any:
        total = row.sum()
        return theano.scan(lambda a: a * total, sequences=row)[0], total

    outputs, _ = theano.scan(step, sequences=x)
    products, totals = run([x], outputs, [[1, 2], [3, 4]], mode=mode)
    assert totals.tolist() == [3, 7] and products.tolist() == [[3, 6], [21, 28]]


# ---- seeing


def test_print_inside(capsys: pytest.CaptureFixture[str]) -> None:
    x = T.dvector("x")
    result, _ = theano.scan(lambda a: 2 * theano.printing.Print("a")(a), sequences=x)
    assert run([x], result, [1, 2]).tolist() == [2, 4]
    assert capsys.readouterr().out == "a __str__ = 1.0\na __str__ = 2.0\n"


def test_test_values() -> None:
    with theano.config.change_flags(compute_test_value="raise"):
        x, w = T.dmatrix("x"), theano.shared(np.ones(3), "w")
        x.tag.test_value = np.ones((4, 3))
        seen: list[Any] = []

        def step(row: Any, behind: Any, s2: Any, s1: Any) -> Any:
            seen.append([v.tag.test_value.tolist() for v in (row, behind, s2, s1)])
            return T.dot(row, w) + s2 + s1

        begin = np.array([10.0, 20.0])
        result, _ = theano.scan(step, [dict(input=x, taps=[0, 1])], [dict(initial=begin, taps=[-2, -1])])
        assert seen == [[[1, 1, 1], [1, 1, 1], 10, 20]]
        assert result.tag.test_value.tolist() == [33, 56, 92]
        with pytest.raises(ValueError, match="test value"):
            theano.scan(lambda row: T.dot(row, np.ones(5)), sequences=x)


def test_names() -> None:
    x, h0 = T.dvector("x"), T.dscalar("h0")
    result, _ = theano.scan(lambda a, h: a + h, sequences=x, outputs_info=h0, name="sums")
    op = loop_of(result)
    assert str(op) == "Scan{sums}" and [str(v) for v in op.inner_inputs] == ["x[t]", "h0[t-1]"]
    assert loop_of(theano.scan(lambda a: a, x, truncate_gradient=5)[0]).truncate_gradient == 5


def test_mode_profile_and_allow_gc_are_accepted() -> None:
    x = T.dvector("x")
    result, _ = theano.scan(lambda a: a, sequences=x, mode="FAST_RUN", profile=True, allow_gc=True)
    assert run([x], result, [1]).tolist() == [1]
