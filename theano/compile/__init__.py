"""Compiling expressions: functions, shared variables, modes."""

from theano.compile.builders import OpFromGraph
from theano.compile.container import Container
from theano.compile.errors import (
    AliasedMemoryError,
    BadDestroyMap,
    BadOptimization,
    BadThunkOutput,
    BadViewMap,
    DebugModeError,
    InvalidValueError,
    MissingInputError,
    StochasticOrder,
    UnusedInputError,
)
from theano.compile.function import Function, function, orig_function
from theano.compile.gather import gather
from theano.compile.io import In, Out, Param, SymbolicInput, SymbolicOutput
from theano.compile.maker import FunctionMaker
from theano.compile.mode import (
    FAST_COMPILE,
    FAST_RUN,
    Linker,
    Mode,
    get_default_mode,
    get_mode,
    optdb,
    predefined_linkers,
    predefined_modes,
    predefined_optimizers,
    register_linker,
    register_mode,
    register_optimizer,
)
from theano.compile.ops import (
    DeepCopyOp,
    FromFunctionOp,
    ViewOp,
    as_op,
    deep_copy_op,
    view_op,
)
from theano.compile.profiling import ProfileStats
from theano.compile.sharedvalue import SharedVariable, shared, shared_constructor
from theano.tensor import sharedvar as _sharedvar  # registers the constructors of shared arrays

_ON_DEMAND = {
    "DebugMode": "theano.compile.debugmode",
    "MonitorMode": "theano.compile.monitormode",
    "NanGuardMode": "theano.compile.nanguardmode",
    **dict.fromkeys(
        ("Rebroadcast", "Shape", "Shape_i", "SpecifyShape", "shape", "shape_i", "specify_shape"), "theano.tensor.shape"
    ),
}


def __getattr__(name: str) -> object:
    """What is needed rarely is imported when it is asked for."""
    if name in _ON_DEMAND:
        from importlib import import_module

        return getattr(import_module(_ON_DEMAND[name]), name)
    if name in ("debugmode", "monitormode"):
        from importlib import import_module

        return import_module(f"theano.compile.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
