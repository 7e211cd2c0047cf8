"""Native recipes against the rows' meaning in NumPy: every row, dtype and both one and several lanes."""

from __future__ import annotations

import ctypes

import llvmlite.binding as llvm
import numpy as np
import pytest

from theano import scalar
from theano.backend.native.conversions import convert_value, element_type, from_storage, storage_type, to_storage
from theano.backend.native.ir import Builder, Function, Module, Value
from theano.backend.native.recipes import RECIPES, emit_scalar, has_recipe
from theano.scalar.dtypes import all_dtypes, complex_dtypes, discrete_dtypes, float_dtypes
from theano.scalar.table import TABLE

REAL = [d for d in all_dtypes if d not in complex_dtypes]
COMPUTED_IN_FLOAT = ["int8", *float_dtypes]  # enough where operands are converted to floats anyway
LANES = (1, 8)
ROUNDING_FREE = {
    "exp exp2 expm1 log log2 log10 log1p log1mexp softplus sigmoid sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh "
    "arcsinh arccosh arctanh erf erfc erfcx erfinv erfcinv gamma gammaln psi tri_gamma gammainc gammaincc gammau gammal chi2sf "
    "j0 j1 jv i0 i1 iv pow ultra_fast_sigmoid hard_sigmoid deg2rad rad2deg"
}


def add_loop(module, name, op, in_dtypes, out_dtype, lanes, emit=emit_scalar):
    """``void name(out, operands…, count)``; count is a multiple of the lanes."""
    names = [f"a{i}" for i in range(len(in_dtypes))]
    function = Function(module, name, "void", [("ptr", "out"), *(("ptr", n) for n in names), ("i64", "count")])
    b = Builder(function, lanes)
    with function.loop(Value("0", "i64"), Value("%count", "i64"), lanes) as index:
        operands = []
        for n, dtype in zip(names, in_dtypes, strict=True):
            kind = storage_type(dtype)
            at = function.assign("ptr", f"getelementptr {kind}, ptr %{n}, i64 {index.ref}")
            loaded = b.assign(kind, f"load {b.type_text(kind)}, ptr {at.ref}, align 1")
            operands.append(from_storage(b, loaded, dtype))
        result = emit(b, op, operands, in_dtypes, out_dtype)
        assert result.type == element_type(out_dtype)
        stored = to_storage(b, result, out_dtype)
        at = function.assign("ptr", f"getelementptr {stored.type}, ptr %out, i64 {index.ref}")
        function.emit(f"store {stored!r}, ptr {at.ref}, align 1")
    function.emit("ret void")


class Library:
    """The functions of a module, compiled."""

    def __init__(self, module):
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=1
        )
        self.engine = llvm.create_mcjit_compiler(parsed, machine)
        self.engine.finalize_object()

    def __call__(self, name, out_dtype, *arrays):
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(arrays) + 1), ctypes.c_int64)
        out = np.empty(arrays[0].shape, out_dtype)
        arrays = [np.ascontiguousarray(a) for a in arrays]
        prototype(self.engine.get_function_address(name))(out.ctypes.data, *(a.ctypes.data for a in arrays), out.size)
        return out


def samples(dtype, count, seed):
    """Values of a dtype with all its corners, `count` of them."""
    random = np.random.default_rng(seed)
    if dtype == "bool":
        return random.integers(0, 2, count).astype(bool)
    if dtype in discrete_dtypes:
        info = np.iinfo(dtype)
        corners = np.array([info.min, info.max, 0, 1, 2, 3, 7, 8, 31, 63], dtype)
        if info.min < 0:
            corners = np.concatenate([corners, np.array([-1, -2, -3, -7, info.min + 1], dtype)])
        small = random.integers(max(info.min, -9), 10, count).astype(dtype)
        any_size = random.integers(info.min, info.max, count, dtype=dtype, endpoint=True)
        pool = np.concatenate([small, any_size, np.tile(corners, 3)])
    else:
        info = np.finfo(dtype)
        corners = np.array(
            [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 2, 3, np.inf, -np.inf, np.nan, info.max, info.tiny, 0.49999999999999994]
        ).astype(dtype)
        pool = np.concatenate(
            [random.normal(0, 2, count), random.uniform(0, 1, count), random.normal(0, 40, count), np.tile(corners, 3)]
        ).astype(dtype)
    return random.choice(pool, count)


def operands_of(op, dtype, count=512):
    n = 3 if op.nin < 0 else op.nin
    return [samples(dtype, count, seed=i) for i in range(n)]


def dtypes_of(name):
    op = TABLE[name]
    kept = []
    for dtype in REAL:
        try:
            out = op.output_types([dtype] * max(op.nin, 2 if op.nin < 0 else 1))
        except TypeError:
            continue
        if has_recipe(op, [dtype] * max(op.nin, 1), out):
            kept.append(dtype)
    computed = {op.computation_dtypes([d] * max(op.nin, 1), op.output_types([d] * max(op.nin, 2 if op.nin < 0 else 1))) for d in kept}
    in_float = all(c[-1] in float_dtypes for c in computed) and len(computed) < len(kept)
    return [d for d in kept if d in COMPUTED_IN_FLOAT] if in_float else kept


def assert_same(got, expected, exact, case):
    assert got.dtype == expected.dtype, case
    if exact and got.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected, err_msg=str(case))
        return
    tolerance = {2: 2e-3, 4: 3e-6, 8: 2e-13}.get(got.dtype.itemsize) if got.dtype.kind == "f" else 0
    if exact and got.dtype.itemsize > 2:
        tolerance = 0
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * 1e-2, equal_nan=True, err_msg=str(case))


EXACT = {
    "add sub mul neg sqr true_div inv sqrt int_div mod abs_ sgn maximum minimum clip switch second identity real imag conj eq neq "
    "lt le gt ge inopenrange inclosedrange isnan isinf and_ or_ xor invert left_shift right_shift floor ceil trunc "
    "round_half_to_even round_half_away_from_zero"
}
EXACT = set(next(iter(EXACT)).split())


def is_tame(op, dtype, operands):
    """Where the reference itself is to be trusted: not for special functions of huge arguments."""
    return np.ones(operands[0].shape, bool)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipe_is_the_meaning_in_numpy(name):
    op = TABLE[name]
    dtypes = dtypes_of(name)
    assert dtypes
    module = Module()
    outs = {}
    for dtype in dtypes:
        n = 3 if op.nin < 0 else op.nin
        outs[dtype] = op.output_types([dtype] * n)
        for lanes in LANES:
            add_loop(module, f"f_{dtype}_{lanes}", op, [dtype] * n, outs[dtype], lanes)
    library = Library(module)
    for dtype in dtypes:
        operands = operands_of(op, dtype)
        expected = np.asarray(op.impl(*operands))
        for lanes in LANES:
            got = library(f"f_{dtype}_{lanes}", outs[dtype], *operands)
            exact = name in EXACT or outs[dtype] in discrete_dtypes
            assert_same(got, expected, exact, (name, dtype, lanes))
