"""Elementwise functions and their gradients, compiled natively, against the reference; operands of all layouts."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.scalar import arithmetic, complex_parts, logic, rounding
from theano.scalar.operation import lift
from theano.scalar.table import TABLE

NATIVE = theano.Mode("native", None)
REFERENCE = theano.Mode("reference", None)
EXACT = {*arithmetic.__all__, *logic.__all__, *rounding.__all__, *complex_parts.__all__} - {"pow"}
POSITIVE = {"log1mexp", "arccosh", "gammainc", "gammaincc", "gammal", "gammau", "chi2sf", "jv", "iv"}


def arity(op):
    return 3 if op.nin < 0 else op.nin


def accepts(op, dtype):
    try:
        return bool(op.output_types([dtype] * arity(op)))
    except TypeError:
        return False


def operand(dtype, shape, seed):
    random = np.random.default_rng(seed)
    values = random.normal(0, 3, shape)
    if dtype.startswith("complex"):
        return (values + 1j * random.normal(0, 3, shape)).astype(dtype)
    return (np.abs(values) if dtype.startswith("u") else values).astype(dtype)


def layouts(dtype, count):
    """Operands of shape (9, 6): contiguous; transposed, sliced and reversed; of zero strides."""
    yield [operand(dtype, (9, 6), i) for i in range(count)]
    yield [operand(dtype, (12, 18), i)[::-2, ::2].T for i in range(count)]
    yield [np.broadcast_to(operand(dtype, (6,), i), (9, 6)) for i in range(count)]
    yield [operand(dtype, (0, 6), i) for i in range(count)]


CASES = [(n, d) for n in sorted(TABLE) for d in ("int32", "float32", "complex64") if accepts(TABLE[n], d)]
CONTINUOUS = [n for n in sorted(TABLE) if accepts(TABLE[n], "float64") and n not in {*logic.__all__, "tri_gamma"}]


@pytest.mark.parametrize("name, dtype", CASES)
def test_native_is_the_reference(name, dtype):
    op = TABLE[name]
    variables = [T.TensorType(dtype, (False, False))() for _ in range(arity(op))]
    native = theano.function(variables, lift(op)(*variables), mode=NATIVE)
    for operands in layouts(dtype, arity(op)):
        found, expected = native(*operands), np.asarray(op.impl(*operands))
        assert found.dtype == expected.dtype and found.shape == expected.shape
        if name in EXACT or expected.dtype.kind not in "fc":
            np.testing.assert_array_equal(found, expected)
        else:
            tolerance = 2e-3 if expected.dtype == "float16" else 1e-5
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_gradients_are_those_of_the_reference(name):
    op = TABLE[name]
    x = [T.dmatrix(f"x{i}") for i in range(arity(op))]
    z = lift(op)(*x)
    gradients = []
    for v in x:
        try:
            gradients.append(theano.grad(abs(z).sum(), v))
        except Exception as error:
            assert "not implemented" in str(error)
    assert gradients
    random = np.random.default_rng(7)
    values = [random.uniform(1.1, 3, (4, 5)) if name in POSITIVE else random.uniform(0.1, 0.9, (4, 5)) for _ in x]
    if name == "log1mexp":
        values = [-v for v in values]
    given = {"on_unused_input": "ignore"}
    expected = theano.function(x, gradients, mode=REFERENCE, **given)(*values)
    native = theano.function(x, gradients, mode=theano.Mode("native", "fast_run"), **given)
    for found, wanted in zip(native(*values), expected, strict=True):
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
