"""Shapes: asking, reshaping, dimshuffling, what is known when the graph is built, errors, derivatives."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theano.tensor as T
from tests.tensor.agreement import agrees
from tests.tensor.evaluation import check_derivatives, evaluate
from theano.gradient import DisconnectedInputError, grad
from theano.tensor.assertion import Assert
from theano.tensor.lengths import as_length, as_lengths, as_shape_vector, slice_length
from theano.tensor.shape import MakeVector, Rebroadcast, Reshape, Shape_i, SpecifyShape

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


def numbers(shape, dtype="float64"):
    return (np.arange(int(np.prod(shape))) + 1).reshape(shape).astype(dtype)


# ---- asking


@settings(max_examples=30, deadline=None)
@given(SHAPES)
def test_shape(shape):
    agrees(lambda x: x.shape, lambda x: np.array(x.shape, dtype="int64"), numbers(shape))
    agrees(lambda x: list(T.shape_tuple(x)), lambda x: [np.int64(n) for n in x.shape], numbers(shape))


def test_lengths_that_types_and_constants_tell_are_constants():
    assert T.shape_i(T.drow(), 0).data == 1
    assert T.shape_i(T.constant(np.zeros((3, 2))), -1).data == 2
    assert T.shape_i(T.dmatrix(), 1).owner.op == Shape_i(1)
    with pytest.raises(IndexError, match="shape_i: axis 2"):
        T.shape_i(T.dmatrix(), 2)
    with pytest.raises(TypeError, match="no dimension 2"):
        Shape_i(2)(T.dmatrix())


def test_shapes_are_disconnected():
    x = T.dvector("x")
    for length in (x.shape[0], T.shape_i(x, 0)):
        with pytest.raises(DisconnectedInputError):
            grad(T.cast(length, "float64"), x)
    value = np.array([1.0, 2.0])
    np.testing.assert_array_equal(evaluate(grad((x * x.shape[0]).sum(), x), {x: value}), [2.0, 2.0])


# ---- what is known


def test_scalar_constant_values():
    n, x = T.lscalar("n"), T.dmatrix("x")
    known = [
        (3, 3),
        (np.float32(2), 2),
        (T.constant([[5]]), 5),
        (T.constant(np.full(4, 7)), 7),
        (T.constant(2) + 3 * T.constant(4), 14),
        (T.alloc(2.5, n), 2.5),
        (T.zeros((n, 3))[1, 2], 0),
        (T.stack([n, 4])[1], 4),
        (T.stack([n, 4])[-1], 4),
        (T.join(0, x.shape, [9])[2], 9),
        (T.drow().shape[0], 1),
        (T.concatenate([T.ones(2), T.ones(n)]), 1),
        (T.constant(np.arange(5))[3], 3),
        (T.constant(np.arange(5))[1:2], 1),
        (T.constant(8).dimshuffle("x", "x"), 8),
        (T.unbroadcast(T.constant([6]), 0), 6),
        (x.zeros_like(), 0),
        (T.cast(T.constant(3.7), "int8"), 3),
    ]
    for variable, value in known:
        found = T.get_scalar_constant_value(variable)
        assert isinstance(found, np.ndarray) and found.shape == ()
        assert found == value
    for unknown in (n, x.shape[0], n + 1, T.constant([1, 2]), T.stack([n, 4])[0], T.constant(np.arange(3))[n], x[0, 0]):
        with pytest.raises(T.NotScalarConstantError):
            T.get_scalar_constant_value(unknown)
    with pytest.raises(T.EmptyConstantError):
        T.get_scalar_constant_value(T.constant(np.zeros(0)))
    with pytest.raises(T.NotScalarConstantError):
        T.get_scalar_constant_value(T.constant(2) + 3, elemwise=False)
    with pytest.raises(T.NotScalarConstantError):
        T.get_scalar_constant_value(T.constant(2) + 3, only_process_constants=True)


def test_lengths_of_vectors():
    n, x, v = T.lscalar("n"), T.dtensor4("x"), T.lvector("v")
    known = [
        (T.constant([1, 2, 3]), 3),
        (T.stack([n, n]), 2),
        (x.shape, 4),
        (x.shape[1:], 3),
        (x.shape[-1:], 1),
        (x.shape[::-2], 2),
        (T.join(0, x.shape, [n]), 5),
        (T.concatenate([x.shape[:2], v[:1].dimshuffle(0), x.shape])[:1], None),
        (x.shape * 2, 4),
        (T.cast(x.shape, "int32"), 4),
        (T.arange(5), 5),
        (T.arange(1, 6, 2), 3),
        (T.zeros(3), 3),
        (n.dimshuffle("x"), 1),
        (T.unbroadcast(T.stack([n]), 0), 1),
    ]
    for variable, length in known:
        if length is None:
            with pytest.raises(ValueError, match="only at run time"):
                T.get_vector_length(variable)
        else:
            assert T.get_vector_length(variable) == length
    for unknown in (v, v[1:], v + 1, T.arange(n)):
        with pytest.raises(ValueError, match="only at run time"):
            T.get_vector_length(unknown)
    with pytest.raises(TypeError, match="rank 2"):
        T.get_vector_length(T.dmatrix())
    assert len(list(x.shape)) == 4


def test_knowledge_of_deep_graphs_costs_no_recursion():
    n = T.constant(1)
    for _ in range(3000):
        n = n + 1
    with pytest.raises(T.NotScalarConstantError):
        T.get_scalar_constant_value(n)
    assert T.alloc(0.0, T.cast(n, "int64")).broadcastable == (False,)


@settings(max_examples=200, deadline=None)
@given(
    st.none() | st.integers(-5, 5),
    st.none() | st.integers(-5, 5),
    st.sampled_from([None, 1, 2, -1, -3]),
    st.integers(0, 5),
)
def test_lengths_of_slices(start, stop, step, length):
    expected = len(range(*slice(start, stop, step).indices(length)))
    assert slice_length(start, stop, step, length) == expected
    names = {"start": start, "stop": stop, "step": step, "length": length}
    unknown = {k: T.lscalar(k) for k, v in names.items() if v is not None}
    given_values = {v: np.array(names[k]) for k, v in unknown.items()}
    for some in ({"length"}, {"start", "length"}, {"stop", "length"}, set(names)):
        parts = [unknown[k] if k in some and k in unknown else v for k, v in names.items()]
        assert int(evaluate(T.as_tensor_variable(slice_length(*parts)), given_values)) == expected


def test_shapes_in_many_forms():
    n = T.iscalar("n")
    assert as_length(3).data == 3 and as_length(3).dtype == "int64"
    assert as_length(n).dtype == "int64"
    assert as_length(np.int8(3)).equals(as_length(T.constant(2) + 1))
    assert [v.dtype for v in as_lengths([n, 2, np.uint8(3)])] == ["int64"] * 3
    assert len(as_lengths(T.dmatrix().shape)) == 2
    assert as_shape_vector((2, 3)).data.tolist() == [2, 3]
    assert as_shape_vector(()).data.shape == (0,)
    assert isinstance(as_shape_vector([n, 2]).owner.op, MakeVector)
    for wrong in (1.5, T.dscalar(), T.lvector()):
        with pytest.raises(TypeError, match="a length must be"):
            as_length(wrong)


def test_make_vector():
    agrees(lambda a, b: MakeVector("float64")(a, b), lambda a, b: np.array([a, b], "float64"), 1.5, np.int64(2))
    assert MakeVector("int8")(T.lscalar()).dtype == "int64"
    assert MakeVector("int64")().broadcastable == (False,)
    agrees(lambda: MakeVector("int64")(), lambda: np.zeros(0, "int64"))
    with pytest.raises(TypeError, match="scalars; input 1"):
        MakeVector("int64")(1, T.lvector())
    check_derivatives(lambda a, b: MakeVector("float64")(a * b, b**2), 2.0, 3.0)


# ---- reshape and flatten


@st.composite
def reshapes(draw):
    shape = draw(SHAPES)
    rest = int(np.prod(shape))
    new = []
    for _ in range(draw(st.integers(0, 3))):
        divisors = [d for d in range(1, rest + 1) if rest % d == 0] or [0, 1, 3]
        new.append(draw(st.sampled_from(divisors)))
        rest = rest // new[-1] if new[-1] else 0
    if rest != 1 or draw(st.booleans()):
        new.append(rest)
    return shape, new


@settings(max_examples=80, deadline=None)
@given(reshapes(), st.data())
def test_reshape(case, data):
    shape, new = case
    x = numbers(shape)
    if 0 not in new and new and data.draw(st.booleans()):
        new[data.draw(st.integers(0, len(new) - 1))] = -1
    agrees(lambda x: T.reshape(x, new), lambda x: x.reshape(new), x)
    agrees(lambda x: x.reshape(tuple(new)), lambda x: x.reshape(new), x)
    agrees(lambda x, s: T.reshape(x, s, ndim=len(new)), lambda x, s: x.reshape(new), x, np.array(new, dtype="int64"))
    agrees(lambda x, *s: T.reshape(x, s), lambda x, *s: x.reshape(new), x, *[np.int32(n) for n in new])


def test_patterns_of_reshape():
    x, n = T.dmatrix("x"), T.lscalar("n")
    assert T.reshape(x, (n, 1)).broadcastable == (False, True)
    assert T.reshape(x, [1, -1]).broadcastable == (True, False)
    assert T.reshape(x, (x.shape[0], T.constant(1), x.shape[1])).broadcastable == (False, True, False)
    assert T.reshape(T.dscalar(), (-1, 1)).broadcastable == (True, True)
    assert T.reshape(T.drow(), T.drow().shape).broadcastable == (True, False)
    assert T.reshape(x, T.lvector(), ndim=2).broadcastable == (False, False)
    assert Reshape(2)(x, (n, 1)).broadcastable == (False, True)


def test_errors_of_reshape():
    x = T.dmatrix("x")
    with pytest.raises(ValueError, match="ndim="):
        T.reshape(x, T.lvector("s"))
    with pytest.raises(ValueError, match="at most one"):
        T.reshape(x, (-1, -1))
    with pytest.raises(ValueError, match="has not 2 entries"):
        T.reshape(x, (1, 2, 3), ndim=2)
    with pytest.raises(TypeError, match="must be an integer"):
        T.reshape(x, (1.5, 2))
    with pytest.raises(ValueError, match=r"shape \(2, 3\) with 6 elements to \(4, 2\)"):
        evaluate(T.reshape(x, (4, 2)), {x: numbers((2, 3))})


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0, 3), (0, 2, 2), (1, 2, 1, 3)])
def test_flatten(shape):
    x = numbers(shape)
    agrees(T.flatten, np.ravel, x)
    agrees(T.ravel, np.ravel, x)
    for ndim in range(1, len(shape) + 1):
        rows = (*shape[: ndim - 1], int(np.prod(shape[ndim - 1 :])))
        agrees(lambda x, n=ndim: T.flatten(x, n), lambda x, s=rows: x.reshape(s), x)
        agrees(lambda x, n=ndim: T.flatten(x, outdim=n), lambda x, s=rows: x.reshape(s), x)
    for wrong in (0, len(shape) + 2):
        with pytest.raises(ValueError, match="out of bounds"):
            T.flatten(T.as_tensor_variable(x), wrong)


def test_patterns_of_flatten():
    x = T.TensorType("float64", (False, True, True, False))()
    assert T.flatten(x, 2).broadcastable == (False, False)
    assert T.flatten(x, 3).broadcastable == (False, True, False)
    assert T.flatten(T.TensorType("float64", (False, True, True))(), 2).broadcastable == (False, True)
    assert T.flatten(T.dscalar()).broadcastable == (True,)


# ---- dimshuffle


def test_dimension_helpers():
    x = numbers((2, 1, 3))
    agrees(T.transpose, np.transpose, x)
    agrees(lambda x: T.transpose(x, (1, -1, 0)), lambda x: np.transpose(x, (1, -1, 0)), x)
    agrees(lambda x: T.swapaxes(x, 0, -1), lambda x: np.swapaxes(x, 0, -1), x)
    agrees(lambda x: T.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1), x)
    agrees(lambda x: T.moveaxis(x, [0, 2], [1, 0]), lambda x: np.moveaxis(x, [0, 2], [1, 0]), x)
    agrees(lambda x: T.squeeze(x, 1), lambda x: np.squeeze(x, 1), x)
    agrees(lambda x: T.squeeze(T.addbroadcast(x, 1)), np.squeeze, x)
    agrees(lambda x: T.shape_padleft(x, 2), lambda x: x[None, None], x)
    agrees(T.shape_padright, lambda x: x[..., None], x)
    agrees(lambda x: T.shape_padaxis(x, 1), lambda x: x[:, None], x)
    agrees(lambda x: T.shape_padaxis(x, -1), lambda x: x[..., None], x)
    agrees(lambda x: T.dimshuffle(x, 2, "x", 0, 1), lambda x: x.transpose(2, 0, 1)[:, None], x)


def test_errors_of_dimension_helpers():
    x = T.dmatrix("x")
    assert T.transpose(x).name == "x.T"
    assert x.T.broadcastable == (False, False) and T.drow().T.broadcastable == (False, True)
    with pytest.raises(ValueError, match="permutation"):
        T.transpose(x, (0, 0))
    with pytest.raises(IndexError, match="swapaxes: axis 2"):
        T.swapaxes(x, 0, 2)
    with pytest.raises(IndexError, match="shape_padaxis: axis 4"):
        T.shape_padaxis(x, 4)
    with pytest.raises(ValueError, match="moveaxis"):
        T.moveaxis(x, [0, 1], [0, 0])
    with pytest.raises(ValueError, match=r"must be 1.*\(2, 3\)"):
        evaluate(T.squeeze(x, 0), {x: numbers((2, 3))})


# ---- claims about lengths


def test_broadcast_flags():
    x, row = T.dmatrix("x"), T.drow("row")
    assert T.addbroadcast(x, 0, 1).broadcastable == (True, True)
    assert T.addbroadcast(x, -1).broadcastable == (False, True)
    assert T.unbroadcast(row, 0).broadcastable == (False, False)
    assert T.patternbroadcast(row, (False, True)).broadcastable == (False, True)
    assert T.addbroadcast(row, 0) is row and T.unbroadcast(x, 0) is x
    agrees(lambda x: T.patternbroadcast(x, (False, True)), lambda x: x, numbers((1, 1)))
    agrees(lambda x: T.unbroadcast(x, 0), lambda x: x, numbers((1, 2)))
    with pytest.raises(ValueError, match=r"declared broadcastable.*\(2, 3\)"):
        evaluate(T.addbroadcast(x, 0), {x: numbers((2, 3))})
    with pytest.raises(ValueError, match="axis 2 is out of bounds"):
        T.addbroadcast(x, 2)
    with pytest.raises(ValueError, match="does not fit the rank"):
        T.patternbroadcast(x, (True,))
    with pytest.raises(ValueError, match="no dimension 5"):
        Rebroadcast((5, True))(x)
    assert Rebroadcast((1, True), (0, False)) == Rebroadcast((0, False), (1, True))


def test_specify_shape():
    x, n = T.dmatrix("x"), T.lscalar("n")
    agrees(lambda x: T.specify_shape(x, (2, 3)), lambda x: x, numbers((2, 3)))
    agrees(lambda x, n: T.specify_shape(x, [n, 3]), lambda x, n: x, numbers((2, 3)), np.int64(2))
    assert T.specify_shape(x, (n, 1)).broadcastable == (False, True)
    with pytest.raises(AssertionError, match=r"got shape \(2, 3\), expected \(2, 2\)"):
        evaluate(T.specify_shape(x, (2, 2)), {x: numbers((2, 3))})
    with pytest.raises(TypeError, match="2 dimensions"):
        T.specify_shape(x, (2,))


def test_assertions():
    x = T.dvector("x")
    checked = Assert("too short")(x, T.ge(x.shape[0], 2), T.constant(True))
    np.testing.assert_array_equal(evaluate(checked, {x: np.ones(2)}), np.ones(2))
    with pytest.raises(AssertionError, match="too short"):
        evaluate(checked, {x: np.ones(1)})
    with pytest.raises(TypeError, match="scalar"):
        Assert()(x, x > 0)
    check_derivatives(lambda x: Assert("")(x, T.ge(x.shape[0], 2)) ** 2, np.ones(3))
    agrees(lambda x: Assert("")(x, T.ge(x.shape[0], 2)), lambda x: x, np.ones(3))


@pytest.mark.parametrize(
    "build",
    [
        lambda x: T.reshape(x, (3, -1)),
        lambda x: T.flatten(x),
        lambda x: T.transpose(x),
        lambda x: T.shape_padleft(x),
        lambda x: T.squeeze(x[:1], 0),
        lambda x: T.addbroadcast(x[:1], 0) + x,
        lambda x: T.unbroadcast(x[[0]], 0) * 2,
        lambda x: T.specify_shape(x, (2, 3)) * x,
        lambda x: T.reshape(x, (x.shape[1], 1, x.shape[0])),
    ],
)
def test_derivatives(build):
    x = np.random.default_rng(2).normal(size=(2, 3))
    check_derivatives(build, x)
    check_derivatives(lambda x: grad((build(x) ** 3).sum(), x), x, forward=False)


def test_operations_can_be_pickled():
    for op in (
        Reshape(2),
        Shape_i(1),
        MakeVector("int8"),
        Rebroadcast((0, True)),
        SpecifyShape(),
        Assert("a", IndexError),
    ):
        copy = pickle.loads(pickle.dumps(op))
        assert copy == op and hash(copy) == hash(op) and str(copy) == str(op)


def test_scalars_are_tensors():
    x = T.dscalar("x")
    assert T.tensor_from_scalar(x) is x and T.scalar_from_tensor(x) is x
    with pytest.raises(TypeError, match="rank 0"):
        T.scalar_from_tensor(T.dvector())
    assert T.is_flat(T.dvector()) and not T.is_flat(T.dmatrix()) and T.is_flat(T.dmatrix(), ndim=2)
