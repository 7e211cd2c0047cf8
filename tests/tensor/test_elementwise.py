"""The elementwise functions of theano.tensor: what they are called, their dtypes, shapes and values."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.tensor.evaluation import evaluate
from theano import scalar
from theano.graph.traversal import graph_inputs
from theano.scalar.table import TABLE
from theano.tensor import functions
from theano.tensor.elementwise import DimShuffle, Elemwise


def value(output, **given):
    """The value of an expression; those of its inputs are given by their names."""
    inputs = [v for v in graph_inputs([output]) if v.name in given]
    return evaluate(output, {v: v.type.filter(given[v.name]) for v in inputs})


NAMES_OF_THEANO_1 = [
    "abs_",
    "add",
    "and_",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "cast",
    "ceil",
    "chi2sf",
    "clip",
    "complex",
    "complex_from_polar",
    "conj",
    "cos",
    "cosh",
    "deg2rad",
    "divmod",
    "eq",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "fill",
    "floor",
    "floor_div",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammal",
    "gammaln",
    "gammau",
    "ge",
    "gt",
    "i0",
    "i1",
    "imag",
    "int_div",
    "inv",
    "invert",
    "iround",
    "isclose",
    "allclose",
    "isinf",
    "isnan",
    "iv",
    "j0",
    "j1",
    "jv",
    "largest",
    "le",
    "log",
    "log10",
    "log1p",
    "log2",
    "lt",
    "maximum",
    "minimum",
    "mod",
    "mul",
    "neg",
    "neq",
    "or_",
    "pow",
    "power",
    "psi",
    "rad2deg",
    "real",
    "round",
    "round_half_away_from_zero",
    "round_half_to_even",
    "second",
    "sgn",
    "sin",
    "sinh",
    "smallest",
    "sqr",
    "sqrt",
    "square",
    "sub",
    "switch",
    "tan",
    "tanh",
    "tensor_copy",
    "tri_gamma",
    "true_div",
    "trunc",
    "where",
    "xor",
    "ceil_intdiv",
    "mod_check",
    "div_proxy",
]


@pytest.mark.parametrize("name", NAMES_OF_THEANO_1)
def test_every_name_of_theano_1_is_there(name):
    assert callable(getattr(T, name))
    assert name in functions.__all__


def test_functions_are_the_ops_of_the_rows():
    x = T.dvector("x")
    node = T.exp(x).owner
    assert node.op == T.exp == Elemwise(scalar.exp) and node.op.scalar_op is scalar.exp
    assert T.abs is T.abs_ and "abs" not in vars(T)
    assert T.square is T.sqr and T.bitwise_and is T.and_ and T.where is T.switch


def test_every_function_has_a_docstring_with_an_example():
    for name, text in functions.__test__.items():
        assert getattr(T, name).__doc__ == text
        assert f">>> T.{name}(" in text  # the examples themselves are run as the module's doctests


def test_operands_of_lower_rank_are_padded_and_broadcast():
    z = T.add(T.dmatrix("a"), T.dvector("b"), T.dscalar("c"), 1)
    assert z.type == T.dmatrix
    assert value(z, a=[[1.0, 2], [3, 4]], b=[10.0, 20], c=100.0).tolist() == [[112, 123], [114, 125]]


def test_lengths_of_one_stretch_only_where_the_type_says_so():
    z = T.dcol("a") * T.drow("b")
    assert value(z, a=[[2.0], [3]], b=[[5.0, 7]]).tolist() == [[10, 14], [15, 21]]
    z = T.dvector("a") + T.dvector("b")
    with pytest.raises(ValueError, match=r"\(1,\).*\(3,\).*addbroadcast"):
        value(z, a=[1.0], b=[1.0, 2, 3])


def test_empty_arrays():
    assert value(T.exp(T.dmatrix("a")), a=np.zeros((0, 3))).shape == (0, 3)


def test_wrong_number_of_operands():
    with pytest.raises(TypeError, match="exp takes 1 operand"):
        T.exp(T.dvector(), T.dvector())
    with pytest.raises(TypeError, match="at least one"):
        T.add()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_are_fresh_arrays_of_the_types_dtype(dtype):
    x = np.arange(3, dtype=dtype)
    for name in ("identity", "second", "real", "conj", "sgn", "clip", "switch"):
        op = Elemwise(TABLE[name])
        variables = [T.TensorType(dtype, (False,))() for _ in range(TABLE[name].nin)]
        node = op.make_node(*variables)
        cell = [None]
        op.perform(node, [x] * len(variables), [cell])
        assert cell[0].dtype == node.outputs[0].dtype
        assert not np.may_share_memory(cell[0], x)


def test_cast():
    x = T.dvector("x")
    assert T.cast(x, "float64") is x
    assert T.cast(x, "int8").dtype == "int8"
    assert value(T.cast(x, "int8"), x=[1.9, -1.9]).tolist() == [1, -1]
    with theano.config.change_flags(floatX="float32"):
        assert T.cast(x, "floatX").dtype == "float32"
    assert T.cast(3, "float32").dtype == "float32"
    with pytest.raises(TypeError, match="ambiguous"):
        T.cast(T.zvector(), "float64")


def test_round():
    x = T.dvector("x")
    assert value(T.round(x), x=[0.5, 1.5, -2.5]).tolist() == [0, 2, -2]
    assert value(T.round(x, mode="half_away_from_zero"), x=[0.5, 1.5, -2.5]).tolist() == [1, 2, -3]
    assert value(T.iround(x), x=[0.5, 1.5, -2.5]).dtype == "int64"
    with pytest.raises(ValueError, match="half_to_even"):
        T.round(x, mode="up")


def test_division():
    x, y = T.lvector("x"), T.lvector("y")
    quotient, remainder = T.divmod(x, y)
    assert value(quotient, x=[7, -7, 7, -7], y=[2, 2, -2, -2]).tolist() == [3, -4, -4, 3]
    assert value(remainder, x=[7, -7, 7, -7], y=[2, 2, -2, -2]).tolist() == [1, 1, -1, -1]
    assert value(T.ceil_intdiv(x, y), x=[7, 8, 9, -7], y=[4, 4, 4, 4]).tolist() == [2, 2, 3, -1]
    assert T.true_div(x, y).dtype == theano.config.floatX
    with theano.config.change_flags(int_division="raise"), pytest.raises(scalar.IntegerDivisionError):
        T.div_proxy(x, y)
    with pytest.raises(scalar.ComplexError):
        T.mod_check(T.zvector(), T.zvector())


def test_largest_and_smallest():
    values = {"a": [1.0, 5], "b": [3.0, 4], "c": [2.0, np.nan]}
    variables = [T.dvector(n) for n in values]
    np.testing.assert_array_equal(value(T.largest(*variables), **values), [3, np.nan])
    np.testing.assert_array_equal(value(T.smallest(*variables), **values), [1, np.nan])
    assert T.largest(variables[0]) is variables[0]


@pytest.mark.parametrize("equal_nan", [False, True])
def test_isclose(equal_nan):
    a = np.array([1e10, 1e-7, np.nan, np.inf, np.inf, -np.inf, 1.0, 0.0, np.nan])
    b = np.array([1.00001e10, 1e-8, np.nan, np.inf, -np.inf, 1.0, np.inf, -0.0, 1.0])
    z = T.isclose(T.dvector("a"), T.dvector("b"), equal_nan=equal_nan)
    assert z.dtype == "bool"
    np.testing.assert_array_equal(value(z, a=a, b=b), np.isclose(a, b, equal_nan=equal_nan))
    z = T.allclose(T.dvector("a"), T.dvector("b"))
    assert not value(z, a=a, b=b) and value(z, a=a[:1], b=a[:1])


def test_switch_and_comparisons_of_mixed_dtypes():
    z = T.switch(T.lt(T.lvector("a"), 2), T.fvector("b"), -1)
    assert z.dtype == "float32"
    assert value(z, a=[1, 2, 3], b=[0.5, 0.5, 0.5]).tolist() == [0.5, -1, -1]
    assert T.eq(T.ivector(), T.dvector()).dtype == "bool"


def test_dimshuffle_is_needed_only_where_ranks_differ():
    z = T.add(T.dmatrix(), T.dmatrix())
    assert not any(isinstance(v.owner and v.owner.op, DimShuffle) for v in z.owner.inputs)


def test_entropies() -> None:
    from theano.tensor.xlogx import xlogx, xlogy0

    x, y = T.dvector("x"), T.dvector("y")
    f = theano.function([x, y], [xlogx(x), xlogy0(x, y), *T.grad((xlogx(x) + xlogy0(x, y)).sum(), [x, y])])
    a, b = np.array([0.0, 0.5, 2.0]), np.array([0.0, 3.0, 4.0])
    entropy, cross, slope_x, slope_y = f(a, b)
    np.testing.assert_allclose(entropy, [0, 0.5 * np.log(0.5), 2 * np.log(2)])
    np.testing.assert_allclose(cross, [0, 0.5 * np.log(3), 2 * np.log(4)])
    np.testing.assert_allclose(slope_x, [0, 1 + np.log(0.5) + np.log(3), 1 + np.log(2) + np.log(4)])
    np.testing.assert_allclose(slope_y, [0, 0.5 / 3, 0.5])
    assert xlogx(T.ivector()).dtype == "float64" and xlogx(T.fvector()).dtype == "float32"
