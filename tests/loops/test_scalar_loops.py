"""Loops on single elements, whose states stay in registers, against the interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.loops.op import Layout, Scan

REFERENCE = theano.Mode(linker="py", optimizer=None)


def agree(inputs: list[Any], outputs: list[Any], *values: Any) -> None:
    expected = theano.function(inputs, outputs, mode=REFERENCE)(*values)
    for mode in (theano.Mode(optimizer=None), theano.Mode()):
        f = theano.function(inputs, outputs, mode=mode)
        assert "python" not in f.stages()["program"]
        for got, want in zip(f(*values), expected, strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("last_only", [(False, False, False), (True, True, True), (True, False, True)])
@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_two_states_that_look_at_each_other(steps: int, last_only: tuple[bool, ...]) -> None:
    x, a, b, k = T.dscalars("x", "a", "b", "k")
    op = Scan([x, a, b, k], [b * k + x, a - b, a * b], Layout(1, ((-1,), (-1,)), 1, last_only=last_only))
    X, A, B = T.dvectors("X", "A", "B")
    outputs = op(X.shape[0], X, A, B, k)
    agree([X, A, B, k], outputs, np.arange(steps) * 0.5, [0.25], [1.5], 0.75)
    agree([X, A, B, k], outputs, np.arange(2.0 * steps)[::-2], [0.25], [1.5], 0.75)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float32", "float64"])
def test_all_dtypes(dtype: str) -> None:
    x, a = T.scalar("x", dtype), T.scalar("a", dtype)
    new = T.xor(a, x) if dtype == "bool" else T.cast(a * x + 1, dtype)
    op = Scan([x, a], [new, T.cast(a, "float64")], Layout(1, ((-1,),), 1))
    X, A = T.vector("X", dtype), T.vector("A", dtype)
    values = np.arange(6).astype(dtype), np.array([1], dtype)
    agree([X, A], op(X.shape[0], X, A), *values)


def test_a_chain_of_operations_in_several_loops() -> None:
    a, n = T.dscalar("a"), T.lscalar("n")
    value = a
    for i in range(80):
        value = T.sin(value) if i % 2 else value * 1.25 + 0.5
    op = Scan([a], [value], Layout(0, ((-1,),), 0))
    agree([n], [op(n, T.ones((1,)))], 3)


def test_columns_and_rows_of_length_one() -> None:
    x, h = T.TensorType("float64", (True, True))("x"), T.TensorType("float64", (True, True))("h")
    op = Scan([x, h], [h + x], Layout(1, ((-1,),), 0))
    X, H = (T.TensorType("float64", (False, True, True))(name) for name in "XH")
    agree([X, H], [op(X.shape[0], X, H)], np.arange(4.0).reshape(4, 1, 1), np.ones((1, 1, 1)))


def test_a_counter_beside_an_array_is_no_loop_on_numbers() -> None:
    i, v = T.lscalar("i"), T.dvector("v")
    op = Scan([i, v], [i + 1, v * T.cast(i, "float64")], Layout(0, ((-1,), (-1,)), 0))
    V = T.dmatrix("V")
    agree([V], op(4, T.ones((1,), dtype="int64"), V), np.ones((1, 3)))
