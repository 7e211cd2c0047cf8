"""Import paths of Theano 1.0."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.legacy.table import MODULES, RENAMED
from theano.tests import unittest_tools as utt


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


def test_classes_of_scalar_operations_stand_for_rows() -> None:
    x = T.dscalar("x")
    assert isinstance((x + x).owner.op.scalar_op, theano.scalar.Add)
    assert not isinstance((x * x).owner.op.scalar_op, theano.scalar.Add)
    assert theano.scalar.basic.Exp(theano.scalar.upgrade_to_float, name="exp") is theano.scalar.exp
    assert isinstance(theano.scalar.exp, theano.scalar.UnaryScalarOp)
    assert isinstance(theano.scalar.sub, theano.scalar.BinaryScalarOp)
    assert isinstance(theano.scalar.sub, theano.scalar.ScalarOp)
    assert not isinstance(theano.scalar.sub, theano.scalar.UnaryScalarOp)
    with pytest.raises(AttributeError):
        _ = theano.scalar.NoSuchClass


def test_version() -> None:
    import theano.version

    assert theano.version.version == theano.version.full_version == theano.__version__


def test_shape_of_variables() -> None:
    from theano.tensor.utils import shape_of_variables

    x, y = T.dmatrix("x"), T.dvector("y")
    total = (x + y).sum(axis=1)
    fgraph = theano.gof.FunctionGraph([x, y], [total], clone=False)
    shapes = shape_of_variables(fgraph, {x: (10**5, 10**4), y: (10**4,)})
    assert shapes[total] == (10**5,) and shapes[total.owner.inputs[0]] == (10**5, 10**4)


def test_debug_values() -> None:
    from theano.gof.op import get_debug_values

    x, y = T.dscalar("x"), T.dscalar("y")
    x.tag.test_value = 2.0
    assert list(get_debug_values(x)) == []
    with theano.config.change_flags(compute_test_value="raise"):
        assert list(get_debug_values(x, theano.shared(3.0))) == [(2.0, 3.0)]
        with pytest.raises(theano.graph.TestValueError):
            list(get_debug_values(x, y))
    with theano.config.change_flags(compute_test_value="ignore"):
        assert list(get_debug_values(x, y)) == []


def test_view_roots() -> None:
    x, y = T.dvector("x"), T.dvector("y")
    assert theano.gof.graph.view_roots(T.opt.Assert("positive")(x, T.all(y > 0))) == [x]
    assert theano.gof.graph.view_roots(total := x + y) == [total]


def test_raise() -> None:
    from theano.raise_op import Raise

    x = T.dvector("x")
    f = theano.function([x], Raise("not here", ValueError)(x) + 1)
    with pytest.raises(ValueError, match="not here"):
        f([1.0])
    assert theano.function([x], Raise()(x).shape)([1.0, 2.0]).tolist() == [2]


class TestInferShapeOfUsersOps(utt.InferShapeTester):
    def test_passes(self) -> None:
        x = T.dmatrix("x")
        self._compile_and_check([x], [T.cumsum(x, axis=0)], [np.ones((2, 3))], T.extra_ops.CumOp)

    def test_fails_without_infer_shape(self) -> None:
        x = T.dvector("x")
        op = theano.as_op(itypes=[T.dvector], otypes=[T.dvector])(lambda a: a[:1])
        with pytest.raises(AssertionError, match="do not come from infer_shape"):
            self._compile_and_check([x], [op(x)], [np.ones(3)], type(op))


def test_verify_grad_of_tests() -> None:
    assert utt.fetch_seed(5) == 5 and isinstance(utt.seed_rng(), int)
    utt.verify_grad(T.tanh, [np.ones(2)])
    utt.assert_allclose(np.float32(1), np.float32(1.000001))
    with pytest.raises(AssertionError):
        utt.assert_allclose(1.0, 1.1)


def test_pickles_of_python_2_and_stripped_ones() -> None:
    from theano.misc.pkl_utils import CompatUnpickler, StripPickler

    stripped, x = io.BytesIO(), T.dscalar("x")
    x.tag.note = "kept"
    x.tag.secret = "dropped"
    StripPickler(stripped, protocol=2, extra_tag_to_remove="secret").dump(T.exp(x))
    again = pickle.loads(stripped.getvalue())
    assert again.owner.trace == () and again.owner.inputs[0].tag.note == "kept"
    assert not hasattr(again.owner.inputs[0].tag, "secret") and __file__.encode() not in stripped.getvalue()
    assert CompatUnpickler(io.BytesIO(b"U\x01\xe9q\x00.")).load() == "é"


def test_dumped_calls_can_be_repeated(tmp_path: Path) -> None:
    x = T.dscalar("x")
    theano.function_dump(str(tmp_path / "call.pkl"), [x], x * 2, name="twice")
    with open(tmp_path / "call.pkl", "rb") as file:
        f = theano.function(**pickle.load(file))
    assert f(3) == 6 and f.name == "twice"


def test_features() -> None:
    from theano.gof import FunctionGraph, toolbox

    x, y = T.dscalars("x", "y")
    fgraph = FunctionGraph([x, y], [x + y], features=[toolbox.ReplaceValidate(), toolbox.NodeFinder()], clone=False)
    (node,) = fgraph.get_nodes(T.add)
    assert fgraph.clients(x) == fgraph.clients[x] == [(node, 0)]
    z = T.dscalar("z")
    fgraph.add_input(z)
    fgraph.replace(x, z, reason="test", verbose=False)
    assert fgraph.clients(z) == [(node, 0)] and fgraph.inputs == [x, y, z]
    fgraph.check_integrity()
    fgraph.disown()
    assert not fgraph.apply_nodes and not fgraph.outputs


def test_rebuild_collect_shared() -> None:
    from theano.compile.pfunc import rebuild_collect_shared

    x, y = T.dscalars("x", "y")
    s = theano.shared(2.0, "s")
    inputs, output, (copies, new_values, pairs, shared) = rebuild_collect_shared(
        x * s, inputs=[y], replace={x: y + 1}, updates={s: s + x}
    )
    assert inputs == [y] and shared == [s] and list(copies.values()) == [output]
    assert pairs == list(new_values.items()) and list(new_values) == [s]
    assert output.eval({y: 3.0}) == 8 and new_values[s].eval({y: 3.0}) == 6
