"""Import paths of Theano 1.0."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.machinery import PathFinder

import pytest

import theano
import theano.tensor as T
from theano.legacy.table import MODULES, RENAMED


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module(name: str) -> None:
    module = import_module(name)
    assert len(dir(module)) > 0
    for old in RENAMED.get(name, {}):
        getattr(module, old)
    parent, _, leaf = name.rpartition(".")
    assert hasattr(import_module(parent), leaf)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


@pytest.mark.parametrize("name", sorted(n for n in MODULES if n.count(".") < 3))
def test_no_entry_hides_a_file(name: str) -> None:
    parent = name.rpartition(".")[0]
    path = getattr(sys.modules[parent], "__path__", None)
    assert path is None or PathFinder.find_spec(name, list(path)) is None


@pytest.mark.parametrize(
    "line",
    [
        "from theano.gof import Op, Apply, Variable, FunctionGraph, generic",
        "from theano.gof.graph import inputs, io_toposort, clone, is_same_graph",
        "from theano.gof.op import get_test_value",
        "from theano.gof.utils import flatten, memoize, scratchpad, MethodNotDefined",
        "import theano.tensor.elemwise as e; e.Elemwise, e.DimShuffle, e.Sum",
        "from theano.tensor.basic import as_tensor_variable, TensorType, TensorVariable",
        "from theano.tensor.var import TensorVariable, TensorConstant, _tensor_py_operators",
        "from theano.tensor.sharedvar import TensorSharedVariable",
        "from theano.tensor.subtensor import Subtensor",
        "from theano.compile.function_module import FunctionMaker, Function, orig_function",
        "from theano.compile.pfunc import pfunc, Param, rebuild_collect_shared",
        "from theano.compile.sharedvalue import SharedVariable, shared",
        "from theano.compile.io import In, Out, SymbolicInput",
        "from theano.compile.builders import OpFromGraph",
        "from theano.compile.nanguardmode import NanGuardMode",
        "from theano.compile.ops import as_op, view_op, Shape",
        "from theano.compat import OrderedDict, izip, PY3",
        "from theano.compat.six.moves import xrange, reduce",
        "from theano.gof import local_optimizer, PatternSub, EquilibriumDB, SequenceDB, Optimizer, OpSub",
        "from theano.gof.opt import TopoOptimizer, in2out, copy_stack_trace",
        "from theano.compile import optdb; optdb.register",
        "from theano.gof import *",
        "from theano.updates import OrderedUpdates",
        "import theano.gof.graph, theano.gof; theano.gof.graph.Variable",
    ],
)
def test_lines_of_old_programs(line: str) -> None:
    exec(line, {})


def test_functions_keep_their_names() -> None:
    import theano.tensor.var

    assert callable(theano.tensor.var) and theano.tensor.var(T.dvector()).ndim == 0
    assert f"{T.TensorVariable.__module__}.{T.TensorVariable.__name__}" == "theano.tensor.var.TensorVariable"


def test_nothing_is_imported_for_it() -> None:
    code = (
        "import sys, theano; sys.exit(any(m in sys.modules for m in ('theano.legacy.helpers', 'theano.legacy.compat')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_local_optimizer() -> None:
    from theano.gof import local_optimizer
    from theano.tensor.opt import register_specialize

    @register_specialize("for_this_test")
    @local_optimizer([T.sgn])
    def local_sgn_to_zero(node):  # type: ignore[no-untyped-def]
        return [T.zeros_like(node.inputs[0])]

    try:
        x = T.dvector("x")
        assert theano.function([x], T.sgn(x) + 1)([5.0]).tolist() == [1]
        mode = theano.compile.get_default_mode().excluding("for_this_test")
        assert theano.function([x], T.sgn(x) + 1, mode=mode)([5.0]).tolist() == [2]
    finally:
        theano.compile.optdb.remove_rule("local_sgn_to_zero")


def test_helpers() -> None:
    from theano.gof.utils import difference, flatten, give_variables_names, to_return_values, uniq
    from theano.misc.frozendict import frozendict

    assert flatten([1, [2, (3, [4])]]) == [1, 2, 3, 4]
    assert uniq([1, 2, 1]) == [1, 2] and difference([1, 2, 3], [2]) == [1, 3]
    assert to_return_values([1]) == 1 and to_return_values([1, 2]) == [1, 2]
    variables = [T.dscalar("a"), T.dscalar("a"), T.dscalar()]
    give_variables_names(variables)
    assert len({v.name for v in variables}) == 3
    assert {frozendict(a=1): 2}[frozendict(a=1)] == 2
    x = T.dscalar()
    assert theano.gof.graph.is_same_graph(x + 1, x + 1) and not theano.gof.graph.is_same_graph(x + 1, x + 2)
