"""What the programs of Theano 1.0 do: Ops of one's own, optimizers, a look inside, and the import paths they know.

Each test is written as such a program is, with its names and its habits.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile.nanguardmode import NanGuardMode
from theano.compile.ops import as_op
from theano.gof import FunctionGraph, Op, graph, toolbox
from theano.gof.graph import Apply
from theano.tensor.opt import Assert

floatX = theano.config.floatX


# ---- Ops of one's own


class AXPBOp(theano.Op):
    """a * x + b, with everything that an Op can define."""

    __props__ = ("a", "b")

    def __init__(self, a: float, b: float) -> None:
        self.a = a
        self.b = b
        super().__init__()

    def make_node(self, x: Any) -> Apply:
        x = theano.tensor.as_tensor_variable(x)
        return theano.Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        output_storage[0][0] = self.a * inputs[0] + self.b

    def infer_shape(self, node: Apply, i0_shapes: Any) -> Any:
        return i0_shapes

    def grad(self, inputs: Any, output_grads: Any) -> Any:
        return [self.a * output_grads[0]]

    def R_op(self, inputs: Any, eval_points: Any) -> Any:
        if eval_points[0] is None:
            return eval_points
        return self.grad(inputs, eval_points)


class DoubleOp(theano.Op):
    """Types instead of make_node."""

    __props__ = ()
    itypes = [T.dmatrix]
    otypes = [T.dmatrix]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        (x,) = inputs
        (z,) = output_storage
        z[0] = x * 2


class SinCos(Op):
    """Two outputs, L_op, and a default output."""

    __props__ = ()
    default_output = 0

    def make_node(self, x: Any) -> Apply:
        x = T.as_tensor_variable(x)
        return Apply(self, [x], [x.type(), x.type()])

    def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
        outputs[0][0] = np.sin(inputs[0])
        outputs[1][0] = np.cos(inputs[0])

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> Any:
        sin, cos = outputs
        first, second = output_grads
        total = T.zeros_like(inputs[0])
        if not isinstance(first.type, theano.gradient.DisconnectedType):
            total += first * cos
        if not isinstance(second.type, theano.gradient.DisconnectedType):
            total -= second * sin
        return [total]


def test_op_with_everything() -> None:
    op = AXPBOp(4.0, 1.0)
    assert op == AXPBOp(4.0, 1.0) and hash(op) == hash(AXPBOp(4.0, 1.0)) and op != AXPBOp(4.0, 2.0)
    assert str(op) == "AXPBOp{a=4.0, b=1.0}"
    x = T.matrix("x")
    f = theano.function([x], op(x))
    inp = np.random.rand(5, 4).astype(floatX)
    np.testing.assert_allclose(f(inp), 4 * inp + 1)
    T.verify_grad(op, [inp], rng=np.random.RandomState(23455))
    v = T.matrix("v")
    np.testing.assert_allclose(theano.function([v], T.Rop(op(x), x, v))(inp), 4 * inp)
    shape = theano.function([x], op(x).shape)
    assert all(not isinstance(node.op, AXPBOp) for node in shape.maker.fgraph.toposort())
    assert shape(inp).tolist() == [5, 4]


def test_op_with_itypes() -> None:
    x = T.dmatrix()
    f = theano.function([x], DoubleOp()(x))
    np.testing.assert_allclose(f([[1, 2]]), [[2, 4]])
    with pytest.raises((TypeError, ValueError)):
        DoubleOp()(T.dvector())
    with pytest.raises(Exception, match="grad"):
        T.grad(DoubleOp()(x).sum(), x)


def test_op_with_two_outputs() -> None:
    x = T.dvector("x")
    sin, cos = SinCos().make_node(x).outputs
    assert isinstance(SinCos()(x), theano.Variable) and SinCos()(x).owner.outputs[0].index == 0
    rng = np.random.RandomState(1)
    for build in (SinCos(), lambda a: SinCos().make_node(a).outputs[1]):
        T.verify_grad(build, [rng.rand(3)], rng=rng)
    f = theano.function([x], [sin, cos, T.grad((sin * cos).sum(), x)])
    np.testing.assert_allclose(f([0.0])[2], [1.0])


def test_as_op() -> None:
    def infer_shape_numpy_dot(node: Apply, input_shapes: Any) -> Any:
        ashp, bshp = input_shapes
        return [ashp[:-1] + bshp[-1:]]

    @as_op(itypes=[T.fmatrix, T.fmatrix], otypes=[T.fmatrix], infer_shape=infer_shape_numpy_dot)
    def numpy_dot(a: Any, b: Any) -> Any:
        return np.dot(a, b)

    a, b = T.fmatrices("a", "b")
    values = np.ones((2, 3), "float32"), np.ones((3, 4), "float32")
    np.testing.assert_allclose(theano.function([a, b], numpy_dot(a, b))(*values), np.full((2, 4), 3))
    assert theano.function([a, b], numpy_dot(a, b).shape)(*values).tolist() == [2, 4]


def test_view_and_destroy_maps_are_honoured() -> None:
    class AddInPlace(theano.Op):
        __props__ = ()
        destroy_map = {0: [0]}

        def make_node(self, x: Any) -> Apply:
            x = T.as_tensor_variable(x)
            return Apply(self, [x], [x.type()])

        def perform(self, node: Apply, inputs: Any, outputs: Any) -> None:
            inputs[0] += 1
            outputs[0][0] = inputs[0]

    x = T.dvector("x")
    with pytest.raises(TypeError, match="accept_inplace"):
        theano.function([x], AddInPlace()(x * 2))
    f = theano.function([x], [AddInPlace()(x * 2), x * 2], accept_inplace=True)
    given = np.zeros(2)
    changed, kept = f(given)
    assert changed.tolist() == [1, 1] and kept.tolist() == [0, 0] and given.tolist() == [0, 0]


def test_op_from_graph() -> None:
    x, y, z = T.scalars("xyz")
    op = theano.OpFromGraph([x, y, z], [x + y * z])
    e2 = op(x, y, z) + op(z, y, x)
    assert theano.function([x, y, z], e2)(1, 2, 3) == 12
    assert theano.function([x, y, z], T.grad(op(x, y, z), y))(1, 2, 3) == 3

    def rescale_dy(inps: Any, grads: Any) -> Any:
        return inps[2] * 2

    op = theano.OpFromGraph([x, y, z], [x + y * z], grad_overrides=["default", rescale_dy, "default"])
    assert theano.function([x, y, z], T.grad(op(x, y, z), [x, y, z]), on_unused_input="ignore")(1, 2, 3) == [1, 6, 2]


# ---- optimizers and layers


def shared_normal(num_rows: int, num_cols: int, scale: float = 1.0) -> Any:
    values = np.random.RandomState(3).normal(scale=scale, size=(num_rows, num_cols))
    return theano.shared(values.astype(theano.config.floatX))


def nesterov(loss: Any, params: Any, learning_rate: Any, momentum: float = 0.9) -> OrderedDict:
    grads = theano.grad(loss, params)
    updates: OrderedDict = OrderedDict()
    for param, grad in zip(params, grads):
        updates[param] = param - learning_rate * grad
    for param in params:
        value = param.get_value(borrow=True)
        velocity = theano.shared(np.zeros(value.shape, dtype=value.dtype), broadcastable=param.broadcastable)
        x = momentum * velocity + updates[param] - param
        updates[velocity] = x
        updates[param] = momentum * x + updates[param]
    return updates


def adam(loss: Any, params: Any, learning_rate: float = 0.001, b1: float = 0.9, b2: float = 0.999) -> OrderedDict:
    t_prev = theano.shared(np.asarray(0.0, dtype=theano.config.floatX))
    updates: OrderedDict = OrderedDict()
    one = T.constant(1)
    t = t_prev + 1
    a_t = learning_rate * T.sqrt(one - b2**t) / (one - b1**t)
    for param, g_t in zip(params, theano.grad(loss, params)):
        value = param.get_value(borrow=True)
        m_prev = theano.shared(np.zeros(value.shape, dtype=value.dtype), broadcastable=param.broadcastable)
        v_prev = theano.shared(np.zeros(value.shape, dtype=value.dtype), broadcastable=param.broadcastable)
        m_t = b1 * m_prev + (one - b1) * g_t
        v_t = b2 * v_prev + (one - b2) * g_t**2
        updates[m_prev] = m_t
        updates[v_prev] = v_t
        updates[param] = param - a_t * m_t / (T.sqrt(v_t) + 1e-8)
    updates[t_prev] = t
    return updates


def rmsprop(cost: Any, params: Any, lr: float = 0.01, rho: float = 0.9, epsilon: float = 1e-6) -> list:
    grads = T.grad(cost=cost, wrt=params)
    updates = []
    for p, g in zip(params, grads):
        acc = theano.shared(p.get_value() * 0.0)
        acc_new = rho * acc + (1 - rho) * g**2
        gradient_scaling = T.sqrt(acc_new + epsilon)
        g = g / gradient_scaling
        updates.append((acc, acc_new))
        updates.append((p, p - lr * g))
    return updates


def norm_constraint(tensor_var: Any, max_norm: float, epsilon: float = 1e-7) -> Any:
    norms = T.sqrt(T.sum(T.sqr(tensor_var), axis=0, keepdims=True))
    target_norms = T.clip(norms, 0, T.cast(max_norm, tensor_var.dtype))
    return T.cast(tensor_var * (target_norms / (epsilon + norms)), tensor_var.dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", [lambda c, p: nesterov(c, p, theano.shared(np.float32(0.1))), adam, rmsprop])
def test_training_with_floatX_set_at_run_time(method: Any, dtype: str) -> None:
    with theano.config.change_flags(floatX=dtype):
        X, y = T.matrix("X"), T.ivector("y")
        w, b = shared_normal(4, 3, 0.1), theano.shared(np.zeros(3, dtype=theano.config.floatX), name="b")
        p = T.nnet.softmax(T.dot(T.nnet.relu(X), w) + b)
        cost = T.nnet.categorical_crossentropy(p, y).mean() + 1e-4 * sum((q**2).sum() for q in (w, b))
        updates = method(cost, [w, b])
        train = theano.function([X, y], [cost, T.mean(T.neq(T.argmax(p, axis=1), y))], updates=updates)
        assert w.dtype == dtype and cost.dtype == dtype
        rng = np.random.RandomState(0)
        data = rng.normal(size=(60, 4)).astype(dtype)
        labels = data[:, :3].argmax(axis=1).astype("int32")
        losses = [float(train(data, labels)[0]) for _ in range(60)]
        assert losses[-1] < losses[0]
        assert w.get_value().dtype == dtype


def test_norm_constraint() -> None:
    w = T.fmatrix("w")
    clipped = theano.function([w], norm_constraint(w, 1))(np.full((4, 2), 3, "float32"))
    assert clipped.dtype == "float32"
    np.testing.assert_allclose(np.sqrt((clipped**2).sum(axis=0)), 1, rtol=1e-5)


def test_minibatches_by_givens() -> None:
    data = theano.shared(np.arange(12, dtype="float32").reshape(6, 2), borrow=True)
    target = T.cast(theano.shared(np.arange(6.0, dtype="float32"), borrow=True), "int32")
    index, x, y = T.lscalar("index"), T.fmatrix("x"), T.ivector("y")
    size = 2
    f = theano.function(
        inputs=[index],
        outputs=[x.sum(), y.sum()],
        givens={x: data[index * size : (index + 1) * size], y: target[index * size : (index + 1) * size]},
    )
    assert [float(v) for v in f(1)] == [22, 5]
    assert target.owner.inputs[0].get_value(borrow=True).shape[0] // size == 3


@theano.config.change_flags(floatX="float32")
def test_stateful_functions_of_keras_backends() -> None:
    x = theano.shared(np.zeros((2, 2), "float32"), name="variable", strict=False)
    x._keras_shape = (2, 2)
    x._uses_learning_phase = False
    placeholder = T.TensorType("float32", (False,) * 4)("data")
    placeholder._keras_shape = (None, 3, 8, 8)
    assert placeholder.ndim == 4 and placeholder.type == T.ftensor4
    learning_phase = T.scalar(dtype="uint8", name="keras_learning_phase")
    dropped = T.switch(learning_phase, placeholder * 0.5, placeholder)
    f = theano.function([placeholder, learning_phase], dropped, allow_input_downcast=True, on_unused_input="warn")
    np.testing.assert_allclose(f(np.ones((1, 3, 2, 2)), 1), 0.5)
    np.testing.assert_allclose(f(np.ones((1, 3, 2, 2)), 0), 1)
    normalized = (placeholder - placeholder.mean(axis=[0, 2, 3], keepdims=True)) / T.sqrt(
        placeholder.var(axis=[0, 2, 3], keepdims=True) + 1e-3
    )
    gamma = theano.shared(np.ones(3, "float32")).dimshuffle("x", 0, "x", "x")
    assert (normalized * gamma).dtype == "float32"
    assert T.basic.get_vector_length(placeholder.shape) == 4
    assert T.addbroadcast(placeholder, 1).broadcastable == (False, True, False, False)
    for updates in ([(x, x + 1)], {x: x + 1}):
        theano.function([], [], updates=updates)()
    assert x.get_value().tolist() == [[2, 2], [2, 2]]


# ---- probabilistic programs


def test_log_probabilities() -> None:
    mu, sd, value = theano.shared(0.0, "mu"), theano.shared(2.0, "sd"), T.dvector("value")
    tau = sd**-2.0
    logp = T.switch(T.gt(sd, 0), (-tau * (value - mu) ** 2 + T.log(tau / np.pi / 2.0)) / 2.0, -np.inf)
    total = T.sum(logp)
    inputs = [v for v in graph.inputs([total]) if not isinstance(v, theano.gof.graph.Constant)]
    assert set(inputs) == {mu, sd, value}
    shared_inputs = [v for v in inputs if isinstance(v, theano.compile.SharedVariable)]
    assert len(shared_inputs) == 2 and all(isinstance(v, T.sharedvar.TensorSharedVariable) for v in shared_inputs)
    flat = T.dvector("flat")
    replaced = theano.clone(total, replace={mu: flat[0], sd: T.exp(flat[1])}, strict=False)
    dlogp = theano.gradient.grad(replaced, flat)
    f = theano.function([flat, value], [replaced, dlogp, theano.gradient.hessian(replaced, flat)])
    density, slope, curvature = f([0.5, 0.0], [0.0, 1.0])
    np.testing.assert_allclose(density, -0.25 - np.log(2 * np.pi))
    np.testing.assert_allclose(slope, [0, 0.5 - 2], atol=1e-12)
    assert curvature.shape == (2, 2)
    assert T.as_tensor_variable(3).tag is not None and T.gammaln(3.0).eval() == pytest.approx(np.log(2))


def test_test_values_follow_the_expression() -> None:
    with theano.config.change_flags(compute_test_value="raise"):
        x = T.matrix("x")
        x.tag.test_value = np.random.rand(2, 3).astype(floatX)
        w = theano.shared(np.ones((3, 4)))
        assert T.dot(x, w).tag.test_value.shape == (2, 4)
        with pytest.raises(ValueError):
            T.dot(w, x)
        with pytest.raises(ValueError):
            T.matrix("no_value") + 1
        with pytest.raises(AttributeError):
            theano.gof.op.get_test_value(T.matrix("no_value"))
    with theano.config.change_flags(compute_test_value="ignore"):
        assert not hasattr((T.matrix() + 1).tag, "test_value")


# ---- a look inside


def test_graph_of_a_function() -> None:
    x, w = T.dvector("x"), theano.shared(np.ones(3), name="w")
    f = theano.function([x], (x * w).sum(), updates=[(w, w + x)], name="step")
    assert f.name == f.maker.name == "step"
    nodes = f.maker.fgraph.toposort()
    assert nodes and all(isinstance(node, Apply) for node in nodes)
    assert len(f.maker.fgraph.outputs) == 2
    assert f.input_storage[1].storage[0] is w.get_value(borrow=True)
    assert f.get_shared() == [w]
    assert f.maker.inputs[0].variable is x
    assert any(isinstance(node.op, T.Elemwise) for node in nodes)
    out = io.StringIO()
    theano.printing.debugprint(f, file=out)
    assert "[id A]" in out.getvalue()
    assert isinstance(theano.printing.debugprint(f, file="str"), str)


def test_walks_over_expressions() -> None:
    x, y = T.dscalars("x", "y")
    z = T.exp(x * y) + x
    assert z.owner.op == T.add and z.owner.inputs[0].owner.op == T.exp
    assert isinstance(z.owner.op.scalar_op, theano.scalar.ScalarOp)
    assert str(z) == "Elemwise{add,no_inplace}.0" and str(z.owner.inputs[1]) == "x"
    assert set(graph.inputs([z])) == {x, y}
    assert len(graph.io_toposort([x, y], [z])) == 3
    assert len(list(graph.ancestors([z]))) == 5
    assert len(graph.variables([x, y], [z])) == 5 and len(graph.ops([x, y], [z])) == 3
    assert theano.pp(theano.clone(z, replace={x: y})) == "(exp((y * y)) + y)"
    assert graph.is_same_graph(z, T.exp(x * y) + x)
    (copied_x, _), (copied_z,) = graph.clone([x, y], [z])
    assert copied_z.owner is not z.owner and copied_x.name == "x"


def test_editing_a_function_graph() -> None:
    x, y = T.dscalars("x", "y")
    z = x * y
    w = z + x
    fgraph = FunctionGraph([x, y], [w], clone=False)
    seen = []

    class Watch(toolbox.Feature):
        def on_change_input(self, fgraph: Any, node: Any, i: int, r: Any, new_r: Any, reason: Any = None) -> None:
            seen.append((str(node), i, reason))

    fgraph.attach_feature(Watch())
    fgraph.replace(z, x - y, reason="because")
    assert theano.pp(fgraph.outputs[0]) == "((x - y) + x)" and seen[0][1:] == (0, "because")
    fgraph.replace_all_validate([(x, y)], reason="again")
    assert theano.pp(fgraph.outputs[0]) == "((y - y) + y)"
    assert fgraph.toposort()[-1] is fgraph.outputs[0].owner


def test_print_and_assert(capsys: pytest.CaptureFixture[str]) -> None:
    x = T.dvector("x")
    checked = Assert("x must be positive")(x, T.all(x > 0))
    f = theano.function([x], theano.printing.Print("x is", attrs=["shape"])(checked) * 2)
    assert f([1, 2]).tolist() == [2, 4]
    assert capsys.readouterr().out == "x is shape = (2,)\n"
    with pytest.raises(AssertionError, match="x must be positive"):
        f([-1, 2])


def test_nan_guard() -> None:
    x = T.matrix()
    w = theano.shared(np.random.RandomState(0).randn(5, 7).astype(floatX))
    mode = NanGuardMode(nan_is_error=True, inf_is_error=True, big_is_error=True)
    f = theano.function([x], T.dot(x, w), mode=mode)
    f(np.ones((3, 5), floatX))
    for bad in (np.nan, np.inf, 1e20):
        with pytest.raises(AssertionError):
            f(np.full((3, 5), bad, floatX))


def test_monitor_mode() -> None:
    seen = []

    def detect(i: Any, node: Any, fn: Any) -> None:
        seen.append(node.op)
        assert all(np.isfinite(output[0]).all() for output in fn.outputs)

    x = T.dscalar("x")
    f = theano.function([x], [T.log(x) * x], mode=theano.compile.MonitorMode(post_func=detect))
    assert f(1.0)[0] == 0 and seen


# ---- saving and copying


def test_pickles(tmp_path: Path) -> None:
    w = theano.shared(np.eye(2), name="w")
    x = T.dvector("x")
    f = theano.function([x], T.dot(x, w), updates=[(w, w * 2)])
    with open(tmp_path / "model.pkl", "wb") as file:
        for obj in (w, f, [w.get_value(borrow=True)]):
            pickle.dump(obj, file, protocol=pickle.HIGHEST_PROTOCOL)
    with open(tmp_path / "model.pkl", "rb") as file:
        loaded_w, loaded_f, (value,) = (pickle.load(file) for _ in range(3))
    assert loaded_w.name == "w" and value.tolist() == [[1, 0], [0, 1]]
    assert loaded_f([1, 2]).tolist() == [1, 2] and loaded_f([1, 2]).tolist() == [2, 4]
    assert w.get_value()[0, 0] == 1
    assert copy.deepcopy(w).get_value()[0, 0] == 1
    from theano.misc.pkl_utils import StripPickler, dump, load

    with open(tmp_path / "shared.zip", "wb") as zipped:
        dump((w, x * 2), zipped)
    with open(tmp_path / "shared.zip", "rb") as zipped:
        again, expression = load(zipped)
    assert again.get_value().tolist() == w.get_value().tolist() and theano.pp(expression) == "(x * TensorConstant{2})"
    stripped = io.BytesIO()
    StripPickler(stripped, protocol=-1).dump(x * 2)
    assert pickle.loads(stripped.getvalue()).owner.op == T.mul


def test_copies_of_a_function() -> None:
    accumulator, inc = theano.shared(0), T.iscalar("inc")
    add = theano.function([inc], accumulator, updates=[(accumulator, accumulator + inc)])
    add(10)
    other = theano.shared(0)
    fresh = add.copy(swap={accumulator: other})
    fresh(100)
    assert accumulator.get_value() == 10 and other.get_value() == 100
    still = add.copy(delete_updates=True)
    still(5)
    assert accumulator.get_value() == 10


# ---- names


@pytest.mark.parametrize(
    "line",
    [
        "from theano.gof import Apply, Constant, Op, Variable, Type, FunctionGraph, local_optimizer, generic",
        "from theano.gof.utils import MethodNotDefined, add_tag_trace, hash_from_code",
        "from theano.gof.op import get_test_value, get_debug_values, missing_test_message",
        "from theano.gof.graph import list_of_nodes, view_roots",
        "from theano.tensor import TensorType, TensorVariable, TensorConstant, Variable, NotScalarConstantError",
        "from theano.tensor.basic import get_scalar_constant_value, NotScalarConstantError, ShapeError",
        "from theano.tensor.var import TensorConstant, TensorVariable",
        "from theano.tensor.type_other import NoneConst",
        "from theano.tensor.utils import hash_from_ndarray, shape_of_variables",
        "from theano.tensor.extra_ops import CumOp, repeat, squeeze, to_one_hot, fill_diagonal",
        "from theano.tensor.opt import register_canonicalize, register_specialize, Assert, assert_op",
        "from theano.tensor.blas import Gemm, Gemv, batched_dot",
        "from theano.tensor.nnet.nnet import softmax, categorical_crossentropy, Softmax",
        "from theano.tensor.nnet.sigm import sigmoid, softplus, hard_sigmoid, ScalarSigmoid",
        "from theano.compile import Mode, function, shared, DebugMode, FunctionMaker, DeepCopyOp, ViewOp",
        "from theano.compile.function_module import UnusedInputError, FunctionMaker, AliasedMemoryError",
        "from theano.compile.sharedvalue import SharedVariable, shared, shared_constructor",
        "from theano.scalar import upcast, Scalar, ScalarOp, UnaryScalarOp, BinaryScalarOp, float32",
        "from theano.scalar.basic import upgrade_to_float, upgrade_to_float_no_complex, Add, Mul, Exp, Cast",
        "from theano.configparser import change_flags, AddConfigVar, StrParam, TheanoConfigParser",
        "from theano.gradient import grad_undefined, grad_not_implemented, DisconnectedType, NullTypeGradError",
        "from theano.printing import pprint, min_informative_str, debugprint, pydotprint, PatternPrinter",
        "from theano.raise_op import Raise",
        "from theano.version import version, full_version, short_version",
        "from theano.tests.unittest_tools import InferShapeTester, seed_rng, fetch_seed, verify_grad",
        "from theano.misc.safe_asarray import _asarray",
        "from theano import change_flags, dot, pprint, predefined_modes, FunctionMaker, ProfileStats",
        "import theano; theano._asarray([1], dtype='int8'), theano.tensor.float_dtypes, theano.tensor.all_dtypes",
        "import theano.tensor as tt; tt.cov, tt.Op, tt.Apply, tt.sharedvar.TensorSharedVariable",
    ],
)
def test_names_that_programs_import(line: str) -> None:
    exec(line, {})
