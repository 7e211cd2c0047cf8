"""From machine code to a Python callable: the call record, and the builtin function around it."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theano.backend.native.emit import OUTPUT_WORDS, WORDS_BEFORE
from theano.backend.native.runtime import ARGUMENT_WORDS, RECORD, entry_address
from theano.configuration import config
from theano.tensor.type import NUMPY_DTYPES, TensorType

if TYPE_CHECKING:
    from theano.backend.native.linker import NativeProgram

_METH_FASTCALL_KEYWORDS = 0x0080 | 0x0002


class _MethodDef(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


def _pointer(array: np.ndarray) -> int:
    return array.ctypes.data


def _convertible(kind: TensorType) -> int:
    """Bits of the NumPy type numbers whose arrays convert to `kind` without loss."""
    bits = 0
    for dtype in NUMPY_DTYPES.values():
        if dtype != kind.numpy_dtype and np.result_type(dtype, kind.numpy_dtype) == kind.numpy_dtype:
            bits |= 1 << dtype.num
    return bits


def _scalar_kind(kind: TensorType) -> int:
    if kind.ndim:
        return 0
    if kind.dtype == "float32":
        return 2 if config.floatX == "float32" else 0
    return {"float64": 1, "int64": 3}.get(kind.dtype, 0)


class CallRecord:
    """The memory that the entry reads and the program works in; one for each callable, alive as long as that."""

    def __init__(
        self,
        program: NativeProgram,
        input_types: Sequence[TensorType],
        n_arguments: int,
        cells: Sequence[list[Any]],
        n_outputs: int,
        updates: Sequence[list[Any]],
        single: bool,
        slow: Callable[..., Any],
    ) -> None:
        self.program = program
        self.slow = slow
        self.fail = self._raise
        self.cells = list(cells)
        self.update_cells = list(updates)
        self.memory = np.zeros(program.frame_words + WORDS_BEFORE + 1, dtype=np.int64)
        self.frame = self.memory[WORDS_BEFORE:]
        base = _pointer(self.frame)
        for word, array in program.constants:
            self.frame[word] = _pointer(array)
        n_inputs = len(input_types)
        self.arguments = np.zeros(max(n_inputs, 1) * ARGUMENT_WORDS, dtype=np.int64)
        for i, (kind, word) in enumerate(zip(input_types, program.input_words, strict=True)):
            record = self.arguments[i * ARGUMENT_WORDS :]
            record[0] = kind.numpy_dtype.num
            record[1] = kind.ndim
            record[2] = sum(1 << axis for axis, flag in enumerate(kind.broadcastable) if flag)
            record[3] = _convertible(kind) if i < n_arguments else 0
            record[4] = word
            record[5] = _scalar_kind(kind) if i < n_arguments else 0
            record[6] = id(kind.numpy_dtype)
        self.cell_pointers = np.array([id(c) for c in self.cells] or [0], dtype=np.int64)
        self.update_pointers = np.array([id(c) for c in self.update_cells] or [0], dtype=np.int64)
        self.n_all = len(program.output_types)
        self.outputs = np.zeros(max(self.n_all, 1) * OUTPUT_WORDS, dtype=np.int64)
        for i, kind in enumerate(program.output_types):
            self.outputs[i * OUTPUT_WORDS + 1] = id(kind.numpy_dtype)
        readers = Counter(map(id, self.cells))
        for number, place in program.in_place.items():
            cell = self.update_cells[number - n_outputs] if self.update_cells else None
            known = self.cells[place - n_arguments] if place >= n_arguments else None
            # a cell that two inputs stand for is read under another name
            if cell is not None and known is cell and readers[id(cell)] == 1:
                self.outputs[number * OUTPUT_WORDS + 6] = id(cell)
        self.owned = np.zeros(max(n_inputs, 1), dtype=np.int64)
        self.pins = np.zeros(max(len(self.cells), 1), dtype=np.int64)
        self.record = np.zeros(len(RECORD), dtype=np.int64)
        self.memory[WORDS_BEFORE - 1] = _pointer(self.record)
        values = {
            "main": program.main_address,
            "n_arguments": n_arguments,
            "n_cells": len(self.cells),
            "n_outputs": n_outputs,
            "n_updates": len(self.update_cells),
            "single": int(single),
            "slow": id(self.slow),
            "arguments": _pointer(self.arguments),
            "cells": _pointer(self.cell_pointers),
            "outputs": _pointer(self.outputs),
            "frame": base,
            "updates": _pointer(self.update_pointers),
            "fail": id(self.fail),
            "owned": _pointer(self.owned),
            "frame_bytes": self.frame.nbytes,
            "pins": _pointer(self.pins),
            "one_thread": int(program.one_thread),
        }
        for name, value in values.items():
            self.record[RECORD[name]] = value

    def _raise(self, words: bytes) -> None:
        """Raise the error of the check that failed, whose number lies in the first word of the frame's copy `words`."""
        frame = np.frombuffer(words, dtype=np.int64)
        raise self.program.failure(int(frame[0]), frame)

    def free(self) -> None:
        """Give back memory that is kept between calls, the arena and results; not while a call works in it."""
        if self.record[RECORD["busy"]]:
            return
        raw_free = ctypes.pythonapi.PyMem_RawFree
        raw_free.restype, raw_free.argtypes = None, [ctypes.c_void_p]
        for slot in self.program.arena_words:
            raw_free(int(self.frame[slot + 2]) or None)
            self.frame[slot : slot + 3] = 0
        release = ctypes.pythonapi.Py_DecRef
        release.restype, release.argtypes = None, [ctypes.c_void_p]
        for i in range(self.n_all):
            for place in (2, 3, 5):
                address = int(self.outputs[i * OUTPUT_WORDS + place])
                self.outputs[i * OUTPUT_WORDS + place] = 0
                if address:
                    release(address)

    def __del__(self) -> None:
        if ctypes is not None and getattr(self, "outputs", None) is not None:
            self.free()


class _RecordArray(np.ndarray):
    """The words of a call record as the `self` of its builtin function, which so keeps the record alive."""

    owner: CallRecord


def make_callable(record: CallRecord, name: str) -> Callable[..., Any]:
    """A builtin function that runs the program of `record`."""
    words = record.record.view(_RecordArray)
    words.owner = record
    record.method = _MethodDef(name.encode(), entry_address(), _METH_FASTCALL_KEYWORDS, None)  # type: ignore[attr-defined]
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return make(ctypes.addressof(record.method), words, None)  # type: ignore[attr-defined]
