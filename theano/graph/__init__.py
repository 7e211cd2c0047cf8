"""The graph: variables, Ops and the nodes that apply them; walks, copies and the editable FunctionGraph.

Nothing here knows arrays.
"""

from theano.graph.basic import Apply, Constant, Node, Scratchpad, Variable, format_trace
from theano.graph.fg import Feature, FunctionGraph, InconsistencyError
from theano.graph.op import MethodNotDefined, Op, PureOp, TestValueError
from theano.graph.replace import clone, clone_get_equiv, clone_replace, equal_computations, graph_replace
from theano.graph.traversal import (
    ancestors,
    applys_between,
    explicit_graph_inputs,
    graph_inputs,
    io_toposort,
    is_in_ancestors,
    toposort,
    variables_between,
)
from theano.graph.type import Generic, Type, generic

__all__ = [
    "Apply",
    "Constant",
    "Feature",
    "FunctionGraph",
    "Generic",
    "InconsistencyError",
    "MethodNotDefined",
    "Node",
    "Op",
    "PureOp",
    "Scratchpad",
    "TestValueError",
    "Type",
    "Variable",
    "ancestors",
    "applys_between",
    "clone",
    "clone_get_equiv",
    "clone_replace",
    "equal_computations",
    "explicit_graph_inputs",
    "format_trace",
    "generic",
    "graph_inputs",
    "graph_replace",
    "io_toposort",
    "is_in_ancestors",
    "toposort",
    "variables_between",
]
