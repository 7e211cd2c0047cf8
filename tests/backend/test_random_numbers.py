"""Random numbers in native code: the reference's bits, in the loop that uses them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.backend.comparison import Pair, compare
from theano.backend.native import linker
from theano.tensor import raw_random

STATE = np.array([0x0123456789ABCDEF, 2**64 - 5], dtype="uint64")  # the counter wraps around

DRAWS = {
    "uniform": lambda s, n: raw_random.uniform(s, n, low=-1.0, high=3.0),
    "uniform32": lambda s, n: raw_random.uniform(s, n, dtype="float32"),
    "uniform16": lambda s, n: raw_random.uniform(s, n, dtype="float16"),
    "normal": lambda s, n: raw_random.normal(s, n),
    "normal32": lambda s, n: raw_random.normal(s, n, avg=1.5, std=0.3, dtype="float32"),
    "normal16": lambda s, n: raw_random.normal(s, n, dtype="float16"),
    "truncated_normal": lambda s, n: raw_random.truncated_normal(s, n),
    "truncated_normal32": lambda s, n: raw_random.truncated_normal(s, n, dtype="float32"),
    "binomial": lambda s, n: raw_random.binomial(s, n, p=0.3),
    "binomial_of_7": lambda s, n: raw_random.binomial(s, n, n=7, p=0.3, dtype="float32"),
    "random_integers": lambda s, n: raw_random.random_integers(s, n, -3, 2**40),
    "choice": lambda s, n: raw_random.choice(s, n, a=np.array([1.5, 2.5, 7.0])),
    "weighted_choice": lambda s, n: raw_random.choice(s, n, a=3, p=[0.2, 0.5, 0.3]),
    "multinomial": lambda s, n: raw_random.multinomial(s, n, n=3, pvals=[0.2, 0.5, 0.3]),
}
IN_PYTHON = {
    "binomial_of_100": lambda s, n: raw_random.binomial(s, n, n=100, p=0.3),
    "poisson": lambda s, n: raw_random.poisson(s, n, lam=3.0),
    "permutation": lambda s, n: raw_random.permutation(s, n, n=5),
}
SHAPES = {1: [(1,), (0,), (7,), (100,)], 3: [(4, 1, 1), (1, 3, 5), (3, 0, 2), (2, 3, 17)]}


@pytest.mark.parametrize("name", [*DRAWS, *IN_PYTHON])
def test_the_bits_of_the_reference(name: str) -> None:
    draw = (DRAWS | IN_PYTHON)[name]
    state, lengths = T.vector("state", dtype="uint64"), T.lvector("lengths")
    for rank, shapes in SHAPES.items():
        pair = Pair([state, lengths], draw(state, [lengths[i] for i in range(rank)]))
        assert ("python" in pair.native.stages()["program"]) == (name in IN_PYTHON)
        for shape in shapes:
            pair.check(STATE, np.array(shape, dtype="int64"), tolerance=1e-300)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (9,), (4, 1), (2, 3, 17)])
def test_lengths_that_are_known(shape: tuple[int, ...]) -> None:
    compare(
        lambda s: [*raw_random.normal(s, shape), *raw_random.uniform(s, shape, dtype="float32")],
        STATE,
        tolerance=1e-300,
    )


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 2), (0, 1)])
def test_reductions_of_draws(axis: Any) -> None:
    for shape in ((5, 6, 7), (2, 40, 3), (1, 9, 130)):
        compare(
            lambda s, shape=shape: [
                raw_random.uniform(s, shape)[1].sum(axis=axis),
                T.max(raw_random.normal(s, shape, dtype="float32")[1], axis=axis),
            ],
            STATE,
        )


def test_draws_beside_any_layout() -> None:
    x = np.random.default_rng(1).normal(size=(6, 5))
    compare(
        lambda s, x: [
            x * raw_random.uniform(s, x.shape)[1],
            x.T + raw_random.uniform(s, x.T.shape)[1],
            (x * raw_random.uniform(s, (6, 1))[1]).sum(axis=0),
        ],
        STATE,
        x,
        every_layout=True,
    )


def loops_with_bits(f: Any) -> list[str]:
    """The loops that make random bits, as text."""
    text = f.stages()["program"]
    assert "python" not in text
    return [loop for loop in ("\n" + text).split("\nloop ")[1:] if "random_bits" in loop]


@pytest.mark.parametrize("shape", ["constant", "symbolic"])
def test_masks_are_made_where_they_are_used(shape: str) -> None:
    srng, x = T.RandomStreams(1), T.dmatrix("x")
    weights = [theano.shared(np.random.default_rng(i).normal(size=(32, 32)), f"w{i}") for i in range(3)]
    layer = x
    for w in weights:
        layer = T.tanh(layer.dot(w))
        layer = layer * srng.binomial(layer.shape if shape == "symbolic" else (64, 32), p=0.8, dtype="float64")
    f = theano.function([x], layer)
    loops = loops_with_bits(f)
    assert len(loops) == 3
    for loop in loops:
        assert "tanh" in loop and loop.count("store") == 1
    values = np.random.default_rng(5).normal(size=(64, 32))
    first, second = f(values), f(values)
    assert 0.1 < (first == 0).mean() < 0.3 and not ((first == 0) == (second == 0)).all()


def test_a_network_with_dropout_learns() -> None:
    random = np.random.default_rng(7)
    inputs = random.normal(size=(200, 10))
    classes = (inputs[:, 0] * inputs[:, 1] > 0).astype("int32")
    x, y = T.dmatrix("x"), T.ivector("y")
    srng = T.RandomStreams(3)
    w = theano.shared(random.normal(size=(10, 50)) * 0.5, "w")
    v = theano.shared(random.normal(size=(50, 2)) * 0.1, "v")
    hidden = T.tanh(x.dot(w))
    mask = srng.binomial(hidden.shape, p=0.8, dtype="float64") / 0.8
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax((hidden * mask).dot(v)), y).mean()
    updates = [(p, p - 0.5 * g) for p, g in zip((w, v), T.grad(cost, [w, v]), strict=True)]
    f = theano.function([x, y], cost, updates=updates)
    assert len(loops_with_bits(f)) == 1, "the backward pass uses the mask of the forward pass"
    costs = [float(f(inputs, classes)) for _ in range(300)]
    assert np.mean(costs[-20:]) < 0.7 * np.mean(costs[:5])


def test_a_draw_that_nobody_needs_is_not_made() -> None:
    srng = T.RandomStreams(1)
    rv = srng.uniform((1000,))
    f = theano.function([], rv.shape, updates=[rv.update])
    assert not loops_with_bits(f)
    assert f().tolist() == [1000] and int(rv.rng.get_value()[1]) == 1000


def test_states_of_other_lengths_are_refused() -> None:
    state = raw_random.random_state_type()
    f = theano.function([state], raw_random.uniform(state, (3,))[1])
    with pytest.raises(IndexError):
        f(np.array([1], dtype="uint64"))


def test_strips_of_rows_count_on() -> None:
    x = np.random.default_rng(1).normal(size=(700, 150))  # more than fits into a strip
    pair = compare(
        lambda s, x: [
            T.nnet.softmax(x + raw_random.normal(s, x.shape)[1]),
            (x * raw_random.uniform(s, x.shape, dtype="float32")[1]).var(axis=1),
        ],
        STATE,
        x,
    )
    assert "strips" in pair.native.stages()["program"]


@pytest.mark.parametrize("bits", [64, 128, 256])
def test_narrower_vectors_draw_the_same(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linker, "vector_bits", lambda: bits)
    compare(
        lambda s: [
            raw_random.normal(s, (7, 9))[1],
            raw_random.normal(s, (63,), dtype="float32")[1],
            raw_random.uniform(s, (5, 13), dtype="float32")[1],
            raw_random.binomial(s, (65,), p=0.3, dtype="int8")[1],
        ],
        STATE,
        tolerance=1e-300,
    )


def test_arm_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import llvmlite.binding as llvm

    monkeypatch.setattr(linker, "vector_bits", lambda: 128)
    state = T.vector("state", dtype="uint64")
    made = Pair([state], [raw_random.normal(state, (100,))[1]]).native
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(cpu="neoverse-n1", opt=2)
    assembly = machine.emit_assembly(llvm.parse_assembly(made.text))
    assert "fsqrt" in assembly and "fmul" in assembly
    assert not any(fused in assembly for fused in ("fmla", "fmadd", "fmls", "fmsub")), (
        "sums of products are rounded once"
    )
