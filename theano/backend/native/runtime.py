"""What compiled programs call while they run: the entry from Python, memory.

The functions themselves stand in ``runtime.ll``, in LLVM IR; they are compiled once a process.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np

from theano.backend.native.compiler import Library, add_symbol

PYTHON_API = (
    "PyErr_NoMemory",
    "PyErr_Occurred",
    "PyErr_Clear",
    "PyFloat_AsDouble",
    "PyLong_AsLongLong",
    "PyBytes_FromStringAndSize",
    "PyList_New",
    "PyMem_RawMalloc",
    "PyMem_RawFree",
    "_Py_Dealloc",
    "PyObject_Vectorcall",
)

# Places in NumPy's table of C functions and types (numpy/_core/include/numpy/__multiarray_api.h).
NUMPY_API = {
    "PyArray_Type": 2,
    "PyArray_DescrFromType": 45,
    "PyArray_NewFromDescr": 94,
    "PyArray_FromArray": 109,
}

# Words of the call record that the entry reads.
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


_library: Library | None = None


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
    global _library
    if _library is None:
        _check_interpreter()
        _add_symbols()
        _library = Library(Path(__file__).with_suffix(".ll").read_text(encoding="utf-8"), effort=0)
        for name in ("rt_grow", "rt_new_output"):
            add_symbol(name, _library.address(name))
    return _library.address("rt_entry")
