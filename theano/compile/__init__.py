"""Compiling expressions: functions, shared variables, modes."""

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
    predefined_linkers,
    predefined_modes,
    predefined_optimizers,
    register_linker,
    register_mode,
    register_optimizer,
)
from theano.compile.profiling import ProfileStats
from theano.compile.sharedvalue import SharedVariable, shared, shared_constructor
from theano.tensor import sharedvar as _sharedvar  # registers the constructors of shared arrays
