"""Derivatives of the rows against central differences of their meaning."""

from __future__ import annotations

import numpy as np
import pytest

import theano.tensor as T
from tests.tensor.evaluation import evaluate
from theano import scalar
from theano.graph.traversal import toposort
from theano.scalar.dtypes import discrete_dtypes
from theano.scalar.operation import lift
from theano.scalar.table import TABLE


def gradients(op, inputs, gz):
    """The gradient for each of `inputs` (arrays), where `gz` is that of the result; ``None`` where there is none."""
    variables = [T.TensorType(x.dtype.name, (False,) * x.ndim)(f"x{i}") for i, x in enumerate(inputs)]
    output = lift(op)(*variables)
    seed = T.TensorType(gz.dtype.name, (False,) * gz.ndim)("gz")
    terms = output.owner.op.L_op(variables, [output], [seed])
    kept = [i for i, term in enumerate(terms) if isinstance(getattr(term, "type", None), T.TensorType)]
    given = dict(zip([*variables, seed], [*inputs, gz], strict=True))
    found = [None] * len(terms)
    for i, term in zip(kept, evaluate([terms[i] for i in kept], given), strict=True):
        found[i] = term
    return found


def central_difference(op, inputs, i, gz, step=1e-6):
    """The derivative of the real part of ``sum(conj(gz) * f(inputs))`` by the parts of input i, as one number each."""

    def cost(delta):
        moved = [x + delta if k == i else x for k, x in enumerate(inputs)]
        return np.real(np.conj(gz) * op.impl(*moved))

    result = (cost(step) - cost(-step)) / (2 * step)
    if inputs[i].dtype.kind == "c":
        result = result + 1j * (cost(1j * step) - cost(-1j * step)) / (2 * step)
    return result


DOMAINS = {  # name: (low, high), where other than between -2 and 2
    "log": (0.1, 3), "log2": (0.1, 3), "log10": (0.1, 3), "log1p": (-0.9, 3), "log1mexp": (-3, -0.1), "sqrt": (0.1, 3),
    "arcsin": (-0.9, 0.9), "arccos": (-0.9, 0.9), "arccosh": (1.1, 3), "arctanh": (-0.9, 0.9), "pow": (0.2, 2),
    "erfinv": (-0.9, 0.9), "erfcinv": (0.1, 1.9), "gamma": (0.5, 3), "gammaln": (0.5, 3), "psi": (0.5, 3),
    "tri_gamma": (0.5, 3), "gammainc": (0.3, 3), "gammaincc": (0.3, 3), "gammau": (0.3, 3), "gammal": (0.3, 3),
    "chi2sf": (0.3, 3), "jv": (0.3, 3), "iv": (0.3, 3), "complex_from_polar": (0.3, 2), "ultra_fast_sigmoid": (-8, 8),
    "hard_sigmoid": (-4, 4),
}  # fmt: skip


def accepts(name, dtype):
    try:
        return TABLE[name].output_types([dtype] * abs(TABLE[name].nin)) not in discrete_dtypes
    except TypeError:
        return False


UNKNOWN = {
    "tri_gamma": {0},
    "gammainc": {0},
    "gammaincc": {0},
    "gammau": {0},
    "gammal": {0},
    "chi2sf": {1},
    "jv": {0},
    "iv": {0},
}
CONTINUOUS = [name for name in TABLE if accepts(name, "float64")]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_derivative_is_the_central_difference(name):
    op = TABLE[name]
    random = np.random.default_rng(3)
    low, high = DOMAINS.get(name, (-2, 2))
    inputs = [random.uniform(low, high, 40) for _ in range(3 if op.nin < 0 else op.nin)]
    if name == "switch":
        inputs[0] = np.round(inputs[0])
    z = op.impl(*inputs)
    gz = random.normal(size=40) + (1j * random.normal(size=40) if z.dtype.kind == "c" else 0)
    for i, found in enumerate(gradients(op, inputs, gz)):
        if found is None:
            assert i in UNKNOWN.get(name, ()), f"operand {i} has no derivative"
            continue
        assert i not in UNKNOWN.get(name, ())
        assert found.dtype == np.float64
        if name == "switch" and i == 0:
            assert not found.any()
            continue
        expected = central_difference(op, inputs, i, gz)
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


NOT_COMPLEX = {
    "maximum",
    "minimum",
    "clip",
    "mod",
    "int_div",
    "sgn",
    "switch",
    "second",
    "complex",
    "complex_from_polar",
}
COMPLEX = [n for n in CONTINUOUS if n not in NOT_COMPLEX and accepts(n, "complex128")]


@pytest.mark.parametrize("name", COMPLEX)
def test_derivative_of_complex_operands(name):
    op = TABLE[name]
    random = np.random.default_rng(5)
    inputs = [random.uniform(0.2, 1, 20) + 1j * random.uniform(0.2, 1, 20) for _ in range(2 if op.nin < 0 else op.nin)]
    z = op.impl(*inputs)
    gz = random.normal(size=20) + (1j * random.normal(size=20) if z.dtype.kind == "c" else 0)
    for i, found in enumerate(gradients(op, inputs, gz)):
        np.testing.assert_allclose(found, central_difference(op, inputs, i, gz), rtol=2e-5, atol=2e-6)


def test_real_operand_beside_a_complex_one_has_a_real_gradient():
    random = np.random.default_rng(6)
    x, y, gz = random.normal(size=5), random.normal(size=5) + 1j, random.normal(size=5) + 2j
    for name in ("mul", "add", "sub", "true_div"):
        gx, gy = gradients(TABLE[name], [x, y], gz)
        assert gx.dtype == np.float64 and gy.dtype == np.complex128
        np.testing.assert_allclose(gx, central_difference(TABLE[name], [x, y], 0, gz), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name, first", [("maximum", True), ("minimum", True)])
def test_the_gradient_of_a_tie_goes_to_the_first_operand(name, first):
    gx, gy = gradients(TABLE[name], [np.array([1.0, 0.0]), np.array([1.0, 0.0])], np.array([3.0, 5.0]))
    np.testing.assert_array_equal(gx, [3, 5])
    np.testing.assert_array_equal(gy, [0, 0])


def test_clip_passes_the_gradient_to_whatever_it_returns():
    x, low, high = np.array([-2.0, 0.0, 2.0, 1.0]), np.full(4, -1.0), np.full(4, 1.0)
    gx, glow, ghigh = gradients(scalar.clip, [x, low, high], np.ones(4))
    np.testing.assert_array_equal(gx, [0, 1, 0, 1])
    np.testing.assert_array_equal(glow, [1, 0, 0, 0])
    np.testing.assert_array_equal(ghigh, [0, 0, 1, 0])


def test_power_at_zero():
    x, y = np.array([0.0, 0.0, 0.0]), np.array([0.0, 1.0, 2.0])
    gx, gy = gradients(scalar.pow, [x, y], np.ones(3))
    np.testing.assert_array_equal(gx, [0, 1, 0])
    np.testing.assert_array_equal(gy, [0, 0, 0])
    (gx,) = gradients(scalar.sqr, [x], np.ones(3))
    np.testing.assert_array_equal(gx, [0, 0, 0])


def test_a_constant_exponent_needs_no_guard():
    x = T.dmatrix("x")
    output = x**2
    gx, _ = scalar.pow.derivative(output.owner.inputs, output, T.dmatrix("gz"))
    assert all(node.op != T.switch for node in toposort([gx]))
    output = x ** T.dmatrix("y")
    gx, _ = scalar.pow.derivative(output.owner.inputs, output, T.dmatrix("gz"))
    assert gx.owner.op == T.switch


def test_integer_operands_are_differentiated_as_reals():
    x, y, gz = np.array([2, 3]), np.array([0.5, 4.0]), np.array([1.0, 2.0])
    gx, gy = gradients(scalar.mul, [x, y], gz)
    assert gx.dtype == np.float64
    np.testing.assert_array_equal(gx, [0.5, 8.0])
    np.testing.assert_array_equal(gy, [2.0, 6.0])


@pytest.mark.parametrize("name", ["add", "mul", "int_div", "eq", "lt", "maximum"])
def test_what_gives_integers_or_bools_has_derivative_zero(name):
    for found in gradients(TABLE[name], [np.array([1, 2]), np.array([2, 2])], np.array([1.0, 1.0])):
        assert found.dtype == np.float64 and not found.any()


def test_casts():
    x, gz = np.array([1.5, -2.0]), np.array([3.0, 4.0])
    (gx,) = gradients(scalar.Cast("float32"), [x], gz.astype("float32"))
    assert gx.dtype == np.float64
    np.testing.assert_array_equal(gx, gz)
    (gx,) = gradients(scalar.Cast("int32"), [x], gz)
    np.testing.assert_array_equal(gx, [0, 0])
    (gx,) = gradients(scalar.Cast("complex128"), [x], gz + 1j)
    np.testing.assert_array_equal(gx, gz)


def test_a_float32_graph_has_float32_gradients():
    for name in CONTINUOUS:
        op = TABLE[name]
        variables = [T.fvector() for _ in range(2 if op.nin < 0 else op.nin)]
        output = lift(op)(*variables)
        if output.dtype != "float32":
            continue
        for term in output.owner.op.scalar_op.derivative(variables, output, T.fvector()):
            if isinstance(getattr(term, "type", None), T.TensorType):
                assert term.dtype == "float32", name
