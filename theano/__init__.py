"""Theano: an optimizing compiler for array expressions."""

from __future__ import annotations

__version__ = "2.0.0.dev0"
version = __version__

# Interim: parts that are not there yet are left out.
for _line in (
    "from theano.configuration import config",
    "from theano import graph",
    "from theano import scalar",
    "from theano import tensor",
    "from theano import gradient",
    "from theano.graph import Apply, Constant, Op, Type, Variable, generic",
    "from theano.graph.replace import clone_replace as clone",
    "from theano.graph.test_value import get_test_value",
    "from theano.gradient import Lop, Rop, grad, subgraph_grad",
    "from theano import compile",
    "from theano.compile import In, Mode, Out, Param, function, shared",
    "from theano.compile.function import Function",
    "from theano.compile.mode import FAST_COMPILE, FAST_RUN",
    "from theano.compile.sharedvalue import SharedVariable",
    "from theano import printing",
    "from theano.printing import pp, debugprint as dprint",
    "from theano.updates import OrderedUpdates",
    "from theano.compile import FunctionMaker, OpFromGraph, ProfileStats, as_op, predefined_modes, predefined_linkers",
    "from theano.compile import SymbolicInput, SymbolicOutput, predefined_optimizers, shared_constructor",
    "from theano import legacy; legacy.install()",
):
    try:
        exec(_line)
    except ImportError as _error:
        import os as _os

        if _os.environ.get("THEANO_INTERIM"):
            print("interim:", _line, _error)
