"""What compiled programs call while they run: the entry from Python, memory.

The functions themselves stand in ``runtime.ll``, ``arguments.ll`` and ``concurrency.ll``, in LLVM IR. They are compiled
once a process, in a thread that begins when Theano is imported: the user's first expression need not wait for them.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
import threading
from typing import Any

import numpy as np

from theano.backend.native import threads
from theano.backend.native.compiler import Library, add_symbol, source, unlocked_in_children
from theano.backend.native.staging import ROW_COPIES, provide_staging

PARTS = ("runtime.ll", "arguments.ll", "concurrency.ll")  # of the module

PYTHON_API = (
    "PyErr_NoMemory",
    "PyErr_Occurred",
    "PyErr_Clear",
    "PyErr_CheckSignals",
    "PyFloat_AsDouble",
    "PyLong_AsLongLong",
    "PyBytes_FromStringAndSize",
    "PyList_New",
    "PyMem_RawMalloc",
    "PyMem_RawFree",
    "_Py_Dealloc",
    "PyObject_Vectorcall",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
)

# Places in NumPy's table of C functions and types (numpy/_core/include/numpy/__multiarray_api.h).
NUMPY_API = {
    "PyArray_Type": 2,
    "PyArray_DescrFromType": 45,
    "PyArray_NewFromDescr": 94,
    "PyArray_FromArray": 109,
}

# What compiled programs call by name.
SERVICES = (
    "rt_grow",
    "rt_new_output",
    "rt_unlock",
    "rt_begin_updates",
    "rt_tick",
    "rt_share",
    "rt_share_line",
    "rt_pieces",
    "rt_part",
    "rt_place",
)

# How a step is divided into pieces; work is counted in units of theano.backend.native.parallel.
DIVISION = {
    "PIECE_WORK": 10_000,  # a piece has at least as much
    "PIECE_WORK_REDUCED": 25_000,  # a piece of a dimension that is reduced: their results are to be combined
    "PIECES": 128,  # a step has at most as many
    "LONG_AXIS": 64,  # the first dimension that is as long is divided; if none is, the longest
    "FEW_BYTES": 131072,  # results of a reduction, for which a reduced dimension may be divided
    "ALL_RESULTS": 524288,  # bytes that the results of all pieces of it take at most, if that leaves several pieces
}

# When steps are shared, and when the GIL is given up for them.
SHARING = {
    "LONG_WORK": 200_000,  # steps of less work are short: they wake no worker at once and keep the GIL
    "WORK_A_NANOSECOND": 5,  # about
    "SPIN_NANOSECONDS": threads.SPIN_NANOSECONDS,  # short steps at shorter intervals come in quick succession
    "QUICK_NANOSECONDS": 250_000,  # as much short work in quick succession wakes workers
    "HOLD_NANOSECONDS": 100_000,  # short work in one call that has taken longer gives up the GIL
    "SIGNALS_NANOSECONDS": 50_000_000,  # a long call lets Python handle signals at such intervals
    "COUNTED_STEPS": -2,  # the word of the frame that counts steps
    "STEPS_A_LOOK": 128,  # steps between looks at the time, unless a step was long
    "MOST_SAVED": 50_000,  # nanoseconds that sharing a short step saves at most
    "MOST_GAINED": 5_000_000,  # what sharing has gained before counts up to so many nanoseconds
    "BANNED_TIMES": 50,  # short steps are not shared for as many times what was lost beyond that
}

# Words of the call record that the entry reads; the last ones belong to a call that gives up the GIL: whether there is
# one, the state of its thread, how many values of shared variables it holds and where, whether it must not (1: for
# it is made again; 2: for it writes over values), whether it keeps to one thread, and since when it has had short work.
RECORD = {
    name: i
    for i, name in enumerate(
        (
            "main",
            "n_arguments",
            "n_cells",
            "n_outputs",
            "n_updates",
            "single",
            "slow",
            "arguments",
            "cells",
            "outputs",
            "frame",
            "updates",
            "fail",
            "owned",
            "frame_bytes",
            "busy",
            "state",
            "pinned",
            "pins",
            "keep",
            "one_thread",
            "since",
        )
    )
}
# Words of an argument record: NumPy's type number, rank, bits of broadcastable dimensions, bits of type numbers that
# may be converted, frame word of the address, kind of scalar (0 none, 1 double, 2 float, 3 int64), the dtype object,
# and a place for a number.
ARGUMENT_WORDS = 8


def _numpy_api() -> Any:
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(get(capsule, None), ctypes.POINTER(ctypes.c_void_p))


def _add_symbols() -> None:
    for name in PYTHON_API:
        add_symbol(name, ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)
    api = _numpy_api()
    for name, place in NUMPY_API.items():
        add_symbol("np_" + name, api[place])
    for name, kind in (("float", float), ("int", int), ("float64", np.float64), ("int64", np.int64)):
        add_symbol("type_" + name, id(kind))


# Addresses are asked for once: LLVM's lock may be held by a thread that the child of a fork does not have.
_entry = 0
_commit: Any = None
_lock = threading.Lock()
unlocked_in_children(_lock)


def _check_interpreter() -> None:
    """Raise RuntimeError on a Python whose objects do not lie in memory as the runtime takes for granted."""
    wrong = None
    if sys.implementation.name != "cpython":
        wrong = f"not {sys.implementation.name}"
    elif sysconfig.get_config_var("Py_GIL_DISABLED"):
        wrong = "not one without the GIL"
    elif hasattr(sys, "getobjects"):
        wrong = "not one built to trace references"
    elif sys.maxsize < 2**32 or sys.byteorder != "little":
        wrong = "with 64 bits and little-endian numbers"
    if wrong is not None:
        raise RuntimeError(
            f"the native backend runs on CPython, {wrong}. The reference backend runs everywhere: "
            "theano.config.linker = 'py', or mode=theano.Mode(linker='py')."
        )


def entry_address() -> int:
    """Address of the entry function; compiles the runtime the first time."""
    global _entry, _commit
    with _lock:
        if not _entry:
            _check_interpreter()
            _add_symbols()
            text = "\n".join(map(source, PARTS))
            for name, number in (DIVISION | SHARING).items():
                text = text.replace(f"{{{name}}}", str(number))
            library = Library(text + threads.clock_text(), effort=0)
            for name in SERVICES:
                add_symbol(name, library.address(name))
            _commit = ctypes.PYFUNCTYPE(ctypes.c_int64, *[ctypes.py_object] * 4)(library.address("rt_commit"))
            threads.attach(library)
            _entry = library.address("rt_entry")
    return _entry


def start() -> None:
    """Begin to compile in a thread what most programs need, while the caller goes on."""

    def run() -> None:
        try:
            entry_address()
            provide_staging(ROW_COPIES)
            threads.load()
        except Exception:  # it is raised again where a function is compiled
            pass

    thread = threading.Thread(target=run, name="theano-runtime")
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=thread.join)  # the copy of a process has no such thread, but would wait for it
    thread.start()


def commit(read: list[Any], expected: list[Any], updated: list[Any], new: list[Any]) -> bool:
    """As :meth:`NativeProgram.commit`: no other thread runs between the comparison and the end of the writing."""
    return bool(_commit(read, expected, updated, list(new)))
