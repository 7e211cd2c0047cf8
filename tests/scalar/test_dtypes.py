"""The dtype rules: groups, upcasting under the settings, and what each rule gives or refuses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import theano
from theano import scalar
from theano.scalar import dtypes as d


def test_groups_partition_all_dtypes():
    assert d.all_dtypes == ("bool", *d.integer_dtypes, *d.float_dtypes, *d.complex_dtypes)
    assert set(d.discrete_dtypes) | set(d.continuous_dtypes) == set(d.all_dtypes)
    assert len(set(d.all_dtypes)) == 14


def test_upcast_of_pairs_is_that_of_numpy():
    for x, y in itertools.product(d.all_dtypes, repeat=2):
        assert d.upcast(x, y) == np.promote_types(x, y).name


@pytest.mark.parametrize(
    "operands, expected",
    [
        (("int32", "float32"), "float64"),
        (("int16", "float32"), "float32"),
        (("int8", "float16"), "float16"),
        (("int16", "float16"), "float32"),
        (("uint64", "int64"), "float64"),
        (("uint8", "int8"), "int16"),
        (("bool", "bool"), "bool"),
        (("float64", "complex64"), "complex128"),
        (("int8", "int8", "float32"), "float32"),
    ],
)
def test_upcast(operands, expected):
    assert scalar.upcast(*operands) == expected


def test_numpy_floatX_policy_keeps_float32_unless_a_float64_is_given():
    with theano.config.change_flags(cast_policy="numpy+floatX", floatX="float32"):
        assert d.upcast("int32", "float32") == "float32"
        assert d.upcast("int64", "uint64") == "float32"
        assert d.upcast("int32", "float64") == "float64"
        assert d.upgrade_to_float("int64") == "float64"  # which counts as a given one
        assert d.upcast("int64", "int8") == "int64"
    with theano.config.change_flags(cast_policy="numpy+floatX", floatX="float16"):
        assert d.upcast("int32", "float16") == "float16"
        assert d.upcast("int32", "float32") == "float32"
    with theano.config.change_flags(floatX="float32"):
        assert d.upcast("int32", "float32") == "float64"


def test_upgrade_to_float():
    expected = {dtype: dtype for dtype in d.continuous_dtypes}
    expected |= dict.fromkeys(("bool", "int8", "int16", "uint8", "uint16"), "float32")
    expected |= dict.fromkeys(("int32", "int64", "uint32", "uint64"), "float64")
    assert {t: d.upgrade_to_float(t) for t in d.all_dtypes} == expected
    assert d.upgrade_to_float("int8", "float64") == "float64"


def test_true_division_of_integers_gives_floatX():
    with theano.config.change_flags(floatX="float32"):
        assert scalar.true_div.output_types(["int64", "int8"]) == "float32"
    with theano.config.change_flags(floatX="float64"):
        assert scalar.true_div.output_types(["int8", "int8"]) == "float64"
    assert scalar.true_div.output_types(["int8", "float32"]) == "float32"


def test_int_division_setting():
    assert scalar.int_or_true_div(True, False) is scalar.true_div
    with theano.config.change_flags(int_division="int"):
        assert scalar.int_or_true_div(True, True) is scalar.int_div
    with theano.config.change_flags(int_division="floatX"):
        assert scalar.int_or_true_div(True, True) is scalar.true_div
    with theano.config.change_flags(int_division="raise"), pytest.raises(scalar.IntegerDivisionError, match="//"):
        scalar.int_or_true_div(True, True)


@pytest.mark.parametrize(
    "name, operands, error",
    [
        ("sub", ["bool", "bool"], "xor"),
        ("neg", ["bool"], "invert"),
        ("lt", ["complex64", "float32"], "order"),
        ("maximum", ["complex128", "complex128"], "complex"),
        ("mod", ["complex64", "complex64"], "complex"),
        ("and_", ["float32", "int8"], "integers"),
        ("floor", ["complex64"], "complex"),
        ("complex", ["complex64", "float32"], "real"),
        ("exp", ["int8", "int8"], "takes 1"),
    ],
)
def test_operands_without_meaning_are_refused(name, operands, error):
    with pytest.raises(TypeError, match=f"^{name}.*{error}"):
        scalar.TABLE[name].output_types(operands)


@pytest.mark.parametrize(
    "name, operands, expected",
    [
        ("abs_", ["complex64"], "float32"),
        ("abs_", ["int8"], "int8"),
        ("angle", ["complex64"], "float64"),
        ("real", ["complex128"], "float64"),
        ("complex", ["float32", "float32"], "complex64"),
        ("complex", ["int32", "float32"], "complex128"),
        ("pow", ["bool", "bool"], "int8"),
        ("pow", ["int8", "float32"], "float32"),
        ("eq", ["float32", "float64"], "bool"),
        ("switch", ["float64", "int8", "int16"], "int16"),
        ("second", ["float64", "int8"], "int8"),
        ("invert", ["bool"], "bool"),
        ("left_shift", ["int8", "int32"], "int32"),
        ("floor", ["int8"], "float32"),
        ("round_half_to_even", ["int8"], "int8"),
        ("chi2sf", ["float32", "float32"], "float64"),
        ("add", ["int8", "int16", "float32"], "float32"),
    ],
)
def test_dtypes_of_results(name, operands, expected):
    assert scalar.TABLE[name].output_types(operands) == expected


def test_rules_for_users():
    assert d.transfer_type(1)("int8", "float32") == "float32"
    assert d.transfer_type(0) == d.transfer_type(0) and hash(d.transfer_type(0)) == hash(d.transfer_type(0))
    assert d.specific_out("int8")("float64") == "int8"
    assert d.specific_out(scalar.float32)() == "float32"
    assert d.specific_out("int8") == d.specific_out("int8") != d.specific_out("int16")
    assert d.same_out_min8("bool") == "int8" and d.upcast_out_min8("bool", "bool") == "int8"
    assert d.same_out_float_only("float16") == "float16"
    assert d.int_out() == "int64" and d.float_out() == "float64" and d.bool_out() == "bool"
    for refusing in (d.int_out_nocomplex, d.float_out_nocomplex, d.upgrade_to_float64, d.upgrade_to_float_no_complex):
        with pytest.raises(d.ComplexError):
            refusing("complex64")
    with pytest.raises(TypeError, match="floats"):
        d.same_out_float_only("int8")
    with pytest.raises(TypeError, match="at least one"):
        d.upcast()
