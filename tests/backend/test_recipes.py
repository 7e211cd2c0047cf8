"""Every row of the table is vector code: nothing but rare arguments is taken out of a vector one by one."""

from __future__ import annotations

import pytest

from theano.backend.native.conversions import element_type
from theano.backend.native.ir import Builder, Function, Module, Value, vector_type
from theano.backend.native.recipes import RECIPES, emit_scalar, has_recipe
from theano.scalar.table import TABLE

DTYPES = ("float64", "float32", "float16", "int64", "uint32", "int8", "bool")
LANES = 8
RARELY_BY_LANE = {"int_div", "mod"}  # they call C's fmod where a lane holds a quotient that is huge
SCIPY = {"iv", "jv"}
COMPLEX = {"complex", "complex_from_polar"}


def text(op, dtypes):
    """The IR of a row over vectors, or None where it has no recipe for these dtypes."""
    try:
        out = op.output_types(dtypes)
    except TypeError:  # refused
        return None
    if not has_recipe(op, dtypes, out):
        return None
    module = Module()
    kinds = [element_type(d) for d in dtypes]
    parameters = [(vector_type(k, LANES), f"x{i}") for i, k in enumerate(kinds)]
    function = Function(module, "f", vector_type(element_type(out), LANES), parameters)
    operands = [Value(f"%x{i}", k, LANES) for i, k in enumerate(kinds)]
    emit_scalar(Builder(function, LANES), op, operands, dtypes, out)
    return str(module)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_row_is_vector_code(dtype):
    by_lane = set()
    for name, op in TABLE.items():
        dtypes = ("bool",) + (dtype,) * (op.nin - 1) if name == "switch" else (dtype,) * op.nin
        written = text(op, dtypes)
        if written is not None and "extractelement" in written:
            by_lane.add(name)
    assert by_lane <= RARELY_BY_LANE | SCIPY


def test_every_row_has_a_recipe():
    assert set(TABLE) - set(RECIPES) <= COMPLEX
