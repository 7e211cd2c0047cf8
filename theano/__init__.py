"""Theano: an optimizing compiler for array expressions."""

from __future__ import annotations

__version__ = "2.0.0.dev0"
version = __version__

from theano import configuration as _configuration
from theano.configuration import config

_configuration.check_device()

from theano import gradient, graph, scalar, tensor
from theano.compile import (
    In,
    Mode,
    OpFromGraph,
    Out,
    Param,
    function,
    shared,
)
from theano.compile.debugmode import DebugMode
from theano.compile.function import Function
from theano.compile.mode import FAST_COMPILE, FAST_RUN
from theano.compile.sharedvalue import SharedVariable
from theano.gradient import Lop, Rop, grad, subgraph_grad
from theano.graph import Apply, Constant, Op, Type, Variable, generic
from theano.graph.replace import clone_replace as clone
from theano.graph.test_value import get_test_value
from theano.printing import debugprint as dprint
from theano.printing import pp
from theano.tensor.variable import as_tensor_variable as as_symbolic
from theano import compile, printing
from theano.updates import OrderedUpdates
