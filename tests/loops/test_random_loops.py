"""Loops drawn at random: rewritten and native against the plain interpreter, values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import theano
import theano.tensor as T

SIZE = 3
REFERENCE = theano.Mode(linker="py", optimizer=None)
NATIVE = theano.Mode()


class Body:
    """A step function made of a list of choices: each takes two earlier values and makes a new one."""

    OPERATIONS = ("add", "mul", "tanh", "dot", "mean", "slice", "sigmoid", "switch", "max", "inc", "outer")

    def __init__(self, choices: list[tuple[str, int, int]], n_states: int, n_outputs: int, until: bool) -> None:
        self.choices, self.n_states, self.n_outputs, self.until = choices, n_states, n_outputs, until

    def __call__(self, *arguments: Any) -> Any:
        *rows, matrix, vector = arguments
        values = [*rows, vector]
        for operation, i, j in self.choices:
            values.append(self.apply(operation, values[i % len(values)], values[j % len(values)], matrix))
        results = [T.tanh(values[-1 - k] + rows[k % len(rows)]) for k in range(self.n_states)]
        results += [values[-1 - k] * 0.5 for k in range(self.n_outputs)]
        if self.until:
            return results, theano.scan_module.until(T.gt(abs(values[-1]).sum(), 4.0))
        return results

    @staticmethod
    def apply(operation: str, a: Any, b: Any, matrix: Any) -> Any:
        if operation == "add":
            return a + b
        if operation == "mul":
            return a * b
        if operation == "tanh":
            return T.tanh(a)
        if operation == "sigmoid":
            return T.nnet.sigmoid(a - b)
        if operation == "dot":
            return T.dot(a, matrix)
        if operation == "mean":
            return a - b.mean()
        if operation == "slice":
            return T.concatenate([a[1:], b[:1]])
        if operation == "switch":
            return T.switch(T.gt(a, 0), a, b)
        if operation == "max":
            return T.maximum(a, 0.1) * b.max()
        if operation == "inc":
            return T.inc_subtensor(a[1:], b[1:])
        return T.dot(T.outer(a, b) + matrix, b)


BODIES = st.builds(
    Body,
    st.lists(
        st.tuples(st.sampled_from(Body.OPERATIONS), st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=6
    ),
    st.integers(0, 2),
    st.integers(0, 2),
    st.booleans(),
).filter(lambda body: body.n_states + body.n_outputs > 0)
TAPS = st.sampled_from([(-1,), (-2, -1), (-3, -1), (-2,)])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=BODIES,
    sequences=st.lists(st.sampled_from([(0,), (0, 1), (-1, 0)]), min_size=1, max_size=2),
    taps=st.lists(TAPS, min_size=2, max_size=2),
    length=st.integers(1, 5),
    backwards=st.booleans(),
    last=st.lists(st.booleans(), min_size=4, max_size=4),
    seed=st.integers(0, 1000),
)
def test_native_loops_agree_with_interpreted_ones(
    body: Body,
    sequences: list[tuple[int, ...]],
    taps: list[tuple[int, ...]],
    length: int,
    backwards: bool,
    last: list[bool],
    seed: int,
) -> None:
    xs = [T.dmatrix(f"x{k}") for k in range(len(sequences))]
    initial = [T.dmatrix(f"h{k}") for k in range(body.n_states)]
    matrix, vector = T.dmatrix("m"), T.dvector("v")
    states = [{"initial": h[0] if taps[k] == (-1,) else h, "taps": list(taps[k])} for k, h in enumerate(initial)]
    results, _ = theano.scan(
        body,
        sequences=[{"input": x, "taps": list(t)} for x, t in zip(xs, sequences, strict=True)],
        outputs_info=states + [None] * body.n_outputs,
        non_sequences=[matrix, vector],
        go_backwards=backwards,
        return_list=True,
    )
    shown = [r[-1] if only else r for r, only in zip(results, last, strict=False)]
    cost = sum(T.sqr(r).sum() for r in shown)
    inputs = [*xs, *initial, matrix, vector]
    gradients = T.grad(cost, inputs, disconnected_inputs="ignore")
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=(length + 1, SIZE)) for _ in xs]
    values += [rng.normal(size=(-min(taps[k]), SIZE)) for k in range(body.n_states)]
    values += [rng.normal(size=(SIZE, SIZE)), rng.normal(size=SIZE)]
    expected = theano.function(inputs, [*shown, *gradients], mode=REFERENCE, on_unused_input="ignore")(*values)
    found = theano.function(inputs, [*shown, *gradients], mode=NATIVE, on_unused_input="ignore")(*values)
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=BODIES.filter(lambda b: b.n_states > 0),
    length=st.integers(0, 3),
    inner=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_nested_loops_agree(body: Body, length: int, inner: int, seed: int) -> None:
    x, h, matrix, vector = T.dmatrix("x"), T.dvector("h"), T.dmatrix("m"), T.dvector("v")
    body.until, body.n_states, body.n_outputs = False, 1, 0

    def step(row: Any, state: Any) -> Any:
        rows, _ = theano.scan(lambda s: body(s, matrix, row)[0], outputs_info=state, n_steps=inner, name="inner")
        return rows[-1] if inner else state * row

    rows, _ = theano.scan(step, sequences=x, outputs_info=h, name="outer")
    inputs = [x, h, matrix, vector]
    results = [rows, *T.grad(T.sqr(rows).sum(), inputs, disconnected_inputs="ignore")]
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=s) for s in ((length, SIZE), SIZE, (SIZE, SIZE), SIZE)]
    expected = theano.function(inputs, results, mode=REFERENCE, on_unused_input="ignore")(*values)
    found = theano.function(inputs, results, mode=NATIVE, on_unused_input="ignore")(*values)
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
