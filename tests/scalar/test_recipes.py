"""Native recipes against the rows' meaning in NumPy: every row, dtype and both one and several lanes."""

from __future__ import annotations

import ctypes

import llvmlite.binding as llvm
import numpy as np
import pytest

from theano import scalar
from theano.backend.native.conversions import element_type, from_storage, storage_type, to_storage
from theano.backend.native.ir import Builder, Function, Module, Value
from theano.backend.native.recipes import RECIPES, emit_scalar, has_recipe
from theano.scalar import arithmetic, complex_parts, logic, random_numbers, rounding
from theano.scalar.dtypes import all_dtypes, complex_dtypes, discrete_dtypes, float_dtypes
from theano.scalar.table import TABLE

REAL = [d for d in all_dtypes if d not in complex_dtypes]
COMPUTED_IN_FLOAT = ("int8", *float_dtypes)  # enough where operands are converted to floats anyway
LANES = (1, 8)
# What consists of single instructions and choices gives NumPy's results bit by bit.
EXACT = {*arithmetic.__all__, *logic.__all__, *rounding.__all__, *complex_parts.__all__, *random_numbers.__all__} - {
    "pow"
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
        # the optimizer turns what is undefined into anything, so it must run for tests to notice
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        passes = llvm.create_pass_builder(machine, options)
        passes.getModulePassManager().run(parsed, passes)
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
        corners = [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 2, 3, np.inf, -np.inf, np.nan, info.max]
        corners += [info.tiny, 0.49999999999999994]
        corners = np.array(corners).astype(dtype)
        pool = np.concatenate(
            [random.normal(0, 2, count), random.uniform(0, 1, count), random.normal(0, 40, count), np.tile(corners, 3)]
        ).astype(dtype)
    return random.choice(pool, count)


def arity(op):
    return 3 if op.nin < 0 else op.nin


def cases(op):
    """The dtypes to test an operation in: ``[(dtype of all operands, dtype of the result)]``."""
    found, computed = [], []
    for dtype in REAL:
        try:
            out = op.output_types([dtype] * arity(op))
        except TypeError:
            continue
        assert has_recipe(op, [dtype] * arity(op), out)
        found.append((dtype, out))
        computed.append(op.computation_dtypes([dtype] * arity(op), out)[-1])
    if all(c in float_dtypes for c in computed):
        return [(dtype, out) for dtype, out in found if dtype in COMPUTED_IN_FLOAT]
    return found


def assert_same(found, expected, exact, case):
    assert found.dtype == expected.dtype, case
    if exact or found.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, err_msg=str(case))
        return
    tolerance = {"float16": 2e-3, "float32": 3e-6, "float64": 2e-13}[found.dtype.name]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * 1e-2, err_msg=str(case))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipe_is_the_meaning_in_numpy(name):
    op = TABLE[name]
    module = Module()
    for dtype, out in cases(op):
        for lanes in LANES:
            add_loop(module, f"{dtype}_{lanes}", op, [dtype] * arity(op), out, lanes)
    library = Library(module)
    for dtype, out in cases(op):
        operands = [samples(dtype, 512, seed=i) for i in range(arity(op))]
        expected = np.asarray(op.impl(*operands))
        for lanes in LANES:
            found = library(f"{dtype}_{lanes}", out, *operands)
            assert_same(found, expected, name in EXACT, (name, dtype, lanes))


def test_every_row_has_a_recipe_save_those_that_make_complex_numbers():
    assert set(TABLE) - set(RECIPES) == {"complex", "complex_from_polar"}
    assert not has_recipe(scalar.add, ["complex64", "float32"], "complex64")
    assert not has_recipe(scalar.UnaryScalarOp(name="exp"), ["float64"], "float64")


MIXED = [
    (name, dtypes)
    for name in ("eq", "neq", "lt", "le", "gt", "ge")
    for dtypes in (
        ("int64", "uint64"),
        ("uint64", "int8"),
        ("int32", "float32"),
        ("bool", "int16"),
        ("uint64", "float64"),
    )
] + [
    ("add", ("int8", "uint8", "float32")),
    ("mul", ("bool", "float16")),
    ("pow", ("float32", "int8")),
    ("true_div", ("int64", "uint8")),
    ("switch", ("float64", "int8", "int32")),
    ("second", ("float64", "bool")),
    ("clip", ("int16", "int8", "uint8")),
    ("inclosedrange", ("int64", "uint64", "int8")),
    ("left_shift", ("int8", "int32")),
    ("arctan2", ("int8", "float64")),
]


@pytest.mark.parametrize("name, dtypes", MIXED)
def test_operands_of_different_dtypes(name, dtypes):
    op = TABLE[name]
    out = op.output_types(dtypes)
    module = Module()
    for lanes in LANES:
        add_loop(module, f"f{lanes}", op, dtypes, out, lanes)
    library = Library(module)
    operands = [samples(dtype, 512, seed=i) for i, dtype in enumerate(dtypes)]
    for lanes in LANES:
        assert_same(library(f"f{lanes}", out, *operands), op.impl(*operands), name in EXACT, (name, dtypes, lanes))


@pytest.mark.parametrize("source", REAL)
def test_casts(source):
    module = Module()
    for target in REAL:
        for lanes in LANES:
            add_loop(module, f"{target}_{lanes}", scalar.Cast(target), [source], target, lanes)
    library = Library(module)
    x = samples(source, 2048, seed=1)
    for target in REAL:
        operand = x
        if source in float_dtypes and target in discrete_dtypes and target != "bool":
            # beyond the range NumPy's result depends on the machine, and for uint32 even on the length of the array
            info = np.iinfo(target)
            with np.errstate(all="ignore"):
                operand = x[(x > float(info.min) - 1) & (x < float(info.max) + (info.bits < 64))]
            operand = np.resize(operand, x.shape)
        for lanes in LANES:
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(library(f"{target}_{lanes}", target, operand), operand.astype(target))


def test_casts_of_floats_out_of_range_are_what_x86_gives():
    x = np.array(
        [
            np.nan,
            np.inf,
            -np.inf,
            1e30,
            -1e30,
            3e9,
            -3e9,
            1e19,
            70000.0,
            -70000.0,
            300.0,
            -1.0,
            0.5,
            -0.5,
            2e19,
            2.0**63,
        ]
    )
    least = {"int32": -(2**31), "int64": -(2**63), "uint64": 2**63}
    expected = {
        "int8": [0, 0, 0, 0, 0, 0, 0, 0, 112, -112, 44, -1, 0, 0, 0, 0],
        "uint16": [0, 0, 0, 0, 0, 0, 0, 0, 4464, 61072, 300, 65535, 0, 0, 0, 0],
        "int32": [least["int32"]] * 8 + [70000, -70000, 300, -1, 0, 0] + [least["int32"]] * 2,
        "uint32": [
            0,
            0,
            0,
            0,
            0,
            3000000000,
            2**32 - 3000000000 % 2**32,
            0,
            70000,
            2**32 - 70000,
            300,
            2**32 - 1,
            0,
            0,
            0,
            0,
        ],
        "int64": [least["int64"]] * 5
        + [3 * 10**9, -3 * 10**9, least["int64"], 70000, -70000, 300, -1, 0, 0]
        + [least["int64"]] * 2,
    }
    expected["uint32"][6] = (-3 * 10**9) % 2**32
    module = Module()
    for target in expected:
        for lanes in LANES:
            add_loop(module, f"{target}_{lanes}", scalar.Cast(target), ["float64"], target, lanes)
    library = Library(module)
    for target, values in expected.items():
        for lanes in LANES:
            assert library(f"{target}_{lanes}", target, x).tolist() == values, target


def test_float_remainders_of_all_sizes():
    random = np.random.default_rng(2)
    for dtype in ("float32", "float64"):
        scale = 30 if dtype == "float32" else 250
        x, y = (
            (random.normal(size=4096) * 10.0 ** random.uniform(-scale, scale, 4096)).astype(dtype) for _ in range(2)
        )
        x[:1024] = y[:1024] * random.integers(-9, 9, 1024).astype(dtype)
        module = Module()
        for name in ("mod", "int_div"):
            add_loop(module, name, TABLE[name], [dtype] * 2, dtype, 8)
        library = Library(module)
        for name in ("mod", "int_div"):
            np.testing.assert_array_equal(library(name, dtype, x, y), TABLE[name].impl(x, y))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_integer_quotients(dtype):
    info = np.iinfo(dtype)
    random = np.random.default_rng(4)
    if info.bits == 8:
        x, y = (v.ravel().astype(dtype) for v in np.mgrid[info.min : info.max + 1, info.min : info.max + 1])
    else:
        y = random.integers(info.min, info.max, 2**14, dtype=dtype, endpoint=True) >> random.integers(
            0, info.bits, 2**14, dtype
        )
        near = random.integers(-1, 2, 2**14).astype(dtype)  # around multiples rounding matters most
        with np.errstate(over="ignore"):
            x = random.integers(info.min, info.max, 2**14, dtype=dtype) // np.where(y == 0, 1, y) * y + near
    module = Module()
    for name in ("int_div", "mod"):
        add_loop(module, name, TABLE[name], [dtype] * 2, dtype, 8)
    library = Library(module)
    for name in ("int_div", "mod"):
        np.testing.assert_array_equal(library(name, dtype, x, y), TABLE[name].impl(x, y))
