"""SciPy's functions, called lane by lane where a recipe does without a method of its own.

They are C functions, found as capsules in ``scipy.special.cython_special``. The IR names them by symbols such as
``theano_special_iv``, the same in every process; :func:`provide_symbols` binds symbols to this process's addresses.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from functools import cache

from theano.backend.native.ir import Builder, Value

SYMBOL_PREFIX = "theano_special_"

# name in SciPy: number of operands
SCIPY_FUNCTIONS = {
    "iv": 2,
    "jv": 2,
}


def symbol_address(name: str) -> int:
    """The address in this process of SciPy's function `name` of doubles, such as ``"iv"``.

    Raises KeyError where `name` is not in ``SCIPY_FUNCTIONS``, ImportError where SciPy has no such function.
    """
    return _addresses()[name]


@cache
def _addresses() -> dict[str, int]:
    from scipy.special import cython_special

    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    addresses = {}
    for name, arity in SCIPY_FUNCTIONS.items():
        signature = f"double ({'double, ' * arity}int __pyx_skip_dispatch)".encode()
        # a function of several types is stored as __pyx_fuse_0name, __pyx_fuse_1name: the signature tells them apart
        for key in (name, f"__pyx_fuse_0{name}", f"__pyx_fuse_1{name}"):
            capsule = cython_special.__pyx_capi__.get(key)
            if capsule is not None and api.PyCapsule_GetName(capsule) == signature:
                addresses[name] = api.PyCapsule_GetPointer(capsule, signature)
                break
        else:
            raise ImportError(
                f"scipy.special.cython_special has no function {name} with signature {signature.decode()}"
            )
    return addresses


def provide_symbols(symbols: Iterable[str]) -> None:
    """Make those of `symbols` that belong to this module known to LLVM's linker; others are left alone.

    Recipes do so as they are written. Code that comes from elsewhere, such as a cache, needs this before it is linked.
    """
    import llvmlite.binding as llvm

    for symbol in symbols:
        if symbol.startswith(SYMBOL_PREFIX):
            llvm.add_symbol(symbol, symbol_address(symbol.removeprefix(SYMBOL_PREFIX)))


def call_scipy(b: Builder, name: str, *args: Value) -> Value:
    """SciPy's function `name` of each lane's doubles."""
    symbol = SYMBOL_PREFIX + name
    provide_symbols([symbol])
    # Cython's functions take one integer more: whether to skip the search for an overriding method
    b.module.declare(symbol, f"declare double @{symbol}({'double, ' * len(args)}i32)")

    def call(one: Builder, *scalars: Value) -> Value:
        return one.assign("double", f"call double @{symbol}({', '.join(map(repr, scalars))}, i32 0)")

    return b.per_lane(call, *args)
