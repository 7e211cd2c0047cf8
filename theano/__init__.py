"""Theano: an optimizing compiler for array expressions.

Write an expression over symbolic tensors, differentiate it, compile it::

    >>> import theano, theano.tensor as T
    >>> x = T.dscalar("x")
    >>> f = theano.function([x], T.grad(x ** 2, x))
    >>> f(4)
    array(8.)

The language is in :mod:`theano.tensor`, derivatives in :mod:`theano.gradient`, compiled functions and shared variables
in :mod:`theano.compile`, what looks inside in :mod:`theano.printing`, settings in ``theano.config``.
"""

from __future__ import annotations

__version__ = "2.0.0.dev0"

from typing import Any as _Any

import theano  # `from theano import *` gives the package itself, too
from theano import version
from theano import configuration as _configuration
from theano.configuration import config
from theano.backend.native import runtime as _runtime

_runtime.start()

from theano import graph, scalar, tensor
from theano import gradient, compile, printing
from theano.compile import (
    FAST_COMPILE,
    FAST_RUN,
    Function,
    In,
    Mode,
    OpFromGraph,
    Out,
    Param,
    SharedVariable,
    as_op,
    function,
    shared,
)
from theano.gradient import Lop, Rop, grad, subgraph_grad
from theano.graph import Apply, Constant, Op, Type, Variable, generic
from theano.graph.replace import clone_replace as clone
from theano.graph.test_value import get_test_value
from theano.printing import debugprint as dprint
from theano.printing import pp
from theano.tensor.variable import as_tensor_variable as as_symbolic
from theano.updates import OrderedUpdates

# What compiling needs is imported here, so that the first function is as quick as the next.
from theano.backend.native import linker as _linker
from theano.loops import scan as _scan
from theano.rewrite.passes import load_rules as _load_rules

_load_rules()

from theano import legacy as _legacy

_legacy.install()
_configuration.check_device()


def __getattr__(name: str) -> _Any:
    return _legacy.renamed("theano", name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "FAST_COMPILE",
    "FAST_RUN",
    "Apply",
    "Constant",
    "Function",
    "In",
    "Lop",
    "Mode",
    "Op",
    "OpFromGraph",
    "OrderedUpdates",
    "Out",
    "Param",
    "Rop",
    "SharedVariable",
    "Type",
    "Variable",
    "as_op",
    "as_symbolic",
    "clone",
    "compile",
    "config",
    "dprint",
    "foldl",
    "foldr",
    "function",
    "generic",
    "get_test_value",
    "grad",
    "gradient",
    "graph",
    "pp",
    "printing",
    "reduce",
    "scalar",
    "scan",
    "scan_checkpoints",
    "shared",
    "subgraph_grad",
    "tensor",
    "theano",
]
