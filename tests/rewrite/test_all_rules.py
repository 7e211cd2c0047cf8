"""Every registered rule has a before/after test under its name, and its row in the documentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import theano.tensor as T
from tests.rewrite import test_arithmetic, test_layout, test_stability
from tests.rewrite.helpers import check_same_values, free_variables, sample, strictly
from theano.gradient import grad
from theano.rewrite import documentation, optdb, simplify
from theano.rewrite.passes import load_rules

load_rules()
SOURCES = [path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]


def test_every_rule_is_tested_under_its_name():
    tested = {case[0] for module in (test_arithmetic, test_layout, test_stability) for case in module.CASES}
    for rule, _ in optdb.rules():
        assert rule.name in tested or any(
            f'"{rule.name}"' in source or f"test_{rule.name}" in source for source in SOURCES
        ), f"no before/after test for {rule.name}"


def test_the_documentation_lists_every_rule():
    page = Path(__file__).parents[2] / "docs" / "rewrites.md"
    assert page.read_text() == documentation.page(), "run python -m theano.rewrite.documentation > docs/rewrites.md"


# ---- expressions at random keep their values

LEAVES = [T.dvector("p"), T.dvector("q"), T.dscalar("r")]
UNARY = [
    lambda v: -v,
    T.exp,
    T.sqr,
    abs,
    T.tanh,
    lambda v: 1 / (1 + T.exp(-v)),
    lambda v: T.log(1 + T.exp(v)),
    lambda v: v * 2.5,
    lambda v: v + 1,
    lambda v: v - v * 0.5,
    lambda v: v.dimshuffle(*range(v.ndim)),
    lambda v: v**2,
    lambda v: T.switch(v > 0, v, 0.5),
    lambda v: T.concatenate([v[1:], v[:1]]) if v.ndim else v,
    lambda v: v[2:].sum() if v.ndim else v,
    lambda v: T.set_subtensor(v[1:3], 0.5) if v.ndim else v,
    lambda v: T.stack([v, v * 2], axis=1)[:, 1] if v.ndim else v,
    lambda v: v.dimshuffle("x", 0).T.sum(axis=1) if v.ndim else v,
    lambda v: v[::-1] if v.ndim else v,
    lambda v: v.sum(),
    lambda v: v.mean(),
    lambda v: v.max(),
    lambda v: T.zeros_like(v),
    lambda v: T.ones_like(v) - v,
]
BINARY = [
    lambda v, w: v + w,
    lambda v, w: v - w,
    lambda v, w: v * w,
    lambda v, w: v / (2 + T.exp(w)),
    lambda v, w: v * w / (1 + T.sqr(w)),
    T.maximum,
    lambda v, w: T.switch(v > w, v, w),
]


@st.composite
def expressions(draw):
    pool = list(LEAVES)
    for _ in range(draw(st.integers(2, 9))):
        if draw(st.booleans()):
            pool.append(draw(st.sampled_from(UNARY))(draw(st.sampled_from(pool[-4:]))))
        else:
            v, w = draw(st.sampled_from(pool[-4:])), draw(st.sampled_from(pool))
            pool.append(draw(st.sampled_from(BINARY))(v, w))
    return pool[-1]


@given(expressions())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_random_expressions_keep_their_values(expression):
    with strictly():
        result = simplify(expression)
    rng = np.random.default_rng(0)
    values = {v: sample(v, rng, -2, 2, length=5) for v in free_variables([expression])}
    check_same_values(expression, result, values, rtol=1e-6)


@given(expressions())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_random_gradients_keep_their_values(expression):
    cost = expression.sum()
    inputs = free_variables([cost])
    if not inputs:
        return
    outputs = [cost, *grad(cost, inputs, disconnected_inputs="ignore")]
    with strictly():
        results = simplify(outputs)
    rng = np.random.default_rng(0)
    values = {v: sample(v, rng, -2, 2, length=5) for v in inputs}
    check_same_values(outputs, results, values, rtol=1e-6)
