"""Compile one recipe and run it over NumPy arrays: for tests, measurements and a look by hand."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from theano.backend.native.compiler import vector_bits
from theano.backend.native.ir import Builder, Function, Module, Value

Emit = Callable[..., Value]
ELEMENT_TYPES = {"float64": "double", "float32": "float"}


def loop_module(emit: Emit, arity: int, element: str, lanes: int) -> Module:
    """A module with ``void loop(result, operands…, count)``: `lanes` at a time, the remainder one by one."""
    module = Module(scales=vector_bits() >= 512)
    names = [f"a{i}" for i in range(arity)]
    function = Function(
        module, "loop", "void", [("ptr noalias", "out"), *[("ptr noalias", n) for n in names], ("i64", "count")]
    )
    vector_stop = function.assign("i64", f"and i64 %count, {-lanes}")
    for width, start, stop in ((lanes, Value("0", "i64"), vector_stop), (1, vector_stop, Value("%count", "i64"))):
        b = Builder(function, width)
        align = 8 if element == "double" else 4
        with function.loop(start, stop, width) as index:
            operands = []
            for n in names:
                at = function.assign("ptr", f"getelementptr {element}, ptr %{n}, i64 {index.ref}")
                operands.append(b.assign(element, f"load {b.type_text(element)}, ptr {at.ref}, align {align}"))
            result = emit(b, *operands)
            at = function.assign("ptr", f"getelementptr {element}, ptr %out, i64 {index.ref}")
            function.emit(f"store {result!r}, ptr {at.ref}, align {align}")
    function.emit("ret void")
    return module


class Compiled:
    """A recipe compiled for one element type and number of lanes; call it with arrays of equal length."""

    def __init__(self, emit: Emit, arity: int, dtype: str, lanes: int) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.dtype = np.dtype(dtype)
        self.text = str(loop_module(emit, arity, ELEMENT_TYPES[self.dtype.name], lanes))
        module = llvm.parse_assembly(self.text)
        module.verify()
        target = llvm.Target.from_default_triple()
        machine = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2
        )
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        self.assembly = machine.emit_assembly
        self._module = module
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arity + 1), ctypes.c_int64)
        self.function = prototype(self._engine.get_function_address("loop"))

    def __call__(self, *arrays: Any) -> np.ndarray:
        operands = [np.ascontiguousarray(a, self.dtype) for a in arrays]
        out = np.empty(operands[0].shape, self.dtype)
        self.function(out.ctypes.data, *[a.ctypes.data for a in operands], out.size)
        return out


@cache
def compiled(emit: Emit, arity: int = 1, dtype: str = "float64", lanes: int = 8) -> Compiled:
    """`emit` as a function of NumPy arrays.

    >>> from theano.backend.native import vectormath
    >>> compiled(vectormath.exp)([0.0, 1.0]).round(6)
    array([1.      , 2.718282])
    """
    return Compiled(emit, arity, dtype, lanes)
