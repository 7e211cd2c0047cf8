"""Loops that go through rows together, against the reference: who may, what they keep, that results are the same."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.backend.comparison import Pair, compare, like, values
from theano.backend.native import link, threads
from theano.backend.native.strips import Strips
from theano.graph import FunctionGraph

m, other = T.dmatrix("m"), T.dmatrix("other")


def strips(*outputs, inputs=(m,)):
    return [s for s in link(FunctionGraph(list(inputs), list(outputs))).plan.steps if isinstance(s, Strips)]


def temporaries(step):
    """The arrays of a row or more that it keeps."""
    return {a.buffer for a in step.writes if a.buffer.kind == "temp" and a.rank == 2 and not any(a.pattern)}


class TestWhoGoesTogether:
    def test_a_softmax_is_one_step(self):
        (step,) = strips(T.nnet.softmax(m))
        assert len(step.loops) == 3
        (exponentials,) = temporaries(step)
        assert exponentials.strip

    def test_a_variance_is_one_step(self):
        (step,) = strips(m.var(axis=1))
        assert not temporaries(step)

    def test_loops_that_need_more_than_a_row_do_not(self):
        assert not strips(m / m.sum())
        assert not strips(m / m.sum(axis=0))

    def test_what_others_use_is_kept_whole(self):
        shifted = T.exp(m - m.max(axis=1, keepdims=True))
        (step,) = strips(shifted / shifted.sum(axis=1, keepdims=True), T.dot(shifted, shifted))
        assert not any(buffer.strip for buffer in temporaries(step))

    def test_a_transposed_array_is_not_read_in_the_same_rows(self):
        e = T.exp(m)
        for step in strips(T.sqr(e + 1).sum(axis=1) + e.T.sum(axis=1), e.sum(axis=1, keepdims=True) * e.T):
            for loop in step.loops:
                assert all(a.strides[0] == step.writes[0].strides[0] for a in loop.reads if a.buffer.kind == "temp")


def expressions(x):
    e = T.exp(x)
    centred = x - x.mean(axis=-1, keepdims=True)
    normal = centred / T.sqrt((centred**2).mean(axis=-1, keepdims=True) + 0.1)
    total = e.sum(axis=-1, keepdims=True)
    outputs = [
        T.nnet.softmax(x),
        x.var(axis=-1),
        x.std(axis=0),
        T.logsumexp(x, axis=-1),
        normal,
        T.grad((normal * e).sum(), x),
        T.grad((T.nnet.softmax(x) * x).sum(), x),
        e / total,
        (e / total).argmax(axis=-1),
        (x - x.max(axis=1, keepdims=True)).min(axis=1, keepdims=True) * x,
    ]
    if x.ndim == 3:
        outputs += [T.nnet.softmax(x, axis=1), x.var(axis=1), x.var(axis=(0, 2)), x.argmax(axis=(1, 2)) + x.sum((1, 2))]
    return outputs


def expressions_of_squares(x):
    e = T.exp(x)
    total = e.sum(axis=1, keepdims=True)
    fraction = e / total
    return [
        fraction.T / e.sum(axis=0),
        fraction + e.T / e.T.sum(axis=1, keepdims=True),
        fraction + (e / e.sum(axis=0, keepdims=True)).T,
        e.T / total,
        T.dot(fraction, fraction.T).sum(axis=1),
    ]


@pytest.mark.parametrize("shape", ((300, 300), (1, 2000), (2000, 1), (5, 50_000), (40_000, 3), (0, 4), (3, 40, 70)))
def test_results(shape):
    x = values("float64", shape)
    variables = like(x, flags=shape[0] == 1)
    for output in expressions(*variables) if x.size else [T.nnet.softmax(variables[0])]:
        pair = Pair(variables, [output])
        pair.check(x, tolerance=1e-9)
        pair.check(np.asfortranarray(x), tolerance=1e-9)


def test_results_of_squares():
    x = values("float64", (300, 300))
    compare(expressions_of_squares, x, every_layout=True, tolerance=1e-9)
    for i in range(5):
        compare(lambda x, i=i: expressions_of_squares(x)[i : i + 1], x, tolerance=1e-9)


def test_results_together():
    for shape in ((200, 300), (30, 40, 70)):
        compare(expressions, values("float64", shape), every_layout=True, tolerance=1e-9)


def test_indices_go_on_from_strip_to_strip():
    x = values("float64", (400, 300))

    def build(x):
        place = T.arange(x.shape[0]).dimshuffle(0, "x") + T.arange(x.shape[1])
        weighted = x * place
        return [weighted / weighted.sum(axis=1, keepdims=True), T.arange(x.shape[0]) * x.max(axis=1) + x.var(axis=1)]

    compare(build, x, tolerance=1e-9)


def test_inside_of_a_loop():
    x = T.dmatrix("x")
    states, _ = theano.scan(lambda s: T.nnet.softmax(s * 2) + s.var(axis=1, keepdims=True), outputs_info=x, n_steps=3)
    given = values("float64", (300, 200))
    pair = [theano.function([x], states[-1], mode=theano.Mode(linker)) for linker in ("native", "py")]
    np.testing.assert_allclose(pair[0](given), pair[1](given), rtol=1e-10)


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_that_lie_side_by_side(order):
    """Operands in Fortran's order: loops over all rows, each along its operand's memory."""
    x = T.dmatrix("x")
    f = theano.function([x], [x.var(axis=1), T.logsumexp(x, axis=1), T.nnet.softmax(x)])
    assert "strips of" in f.stages()["program"]
    for shape in ((3, 5), (37, 70), (700, 301), (301, 3000), (0, 3)):
        a = np.asarray(np.random.default_rng(0).standard_normal(shape), order=order)
        with threads.using(1):
            alone = f(a)
        with threads.using(3):
            found = f(a)
        exps = np.exp(a)
        expected = [a.var(axis=1), np.log(exps.sum(axis=1)), exps / exps.sum(axis=1, keepdims=True)]
        for first, second, third in zip(found, alone, expected, strict=True):
            assert first.tobytes() == second.tobytes()
            np.testing.assert_allclose(first, third, rtol=1e-10, atol=1e-12)
