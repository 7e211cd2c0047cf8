"""Indexing against NumPy: random keys, parts changed, masks, errors, broadcast patterns, derivatives."""

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
from theano.tensor.indexing import (
    AdvancedIncSubtensor,
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
    Subtensor,
)
from theano.tensor.subtensor import DYNAMIC, Slice

SHAPES = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple)


def numbers(shape, dtype="float64"):
    return (np.arange(int(np.prod(shape))) + 1).reshape(shape).astype(dtype)


class Unknown:
    """Stands for an integer or array that the expression gets as an input of the function."""

    def __init__(self, value):
        self.value = np.asarray(value)


def mapped(key, function):
    """The key with `function` applied to what is unknown in it."""
    if isinstance(key, tuple):
        return tuple(mapped(k, function) for k in key)
    if isinstance(key, slice):
        return slice(*(mapped(part, function) for part in (key.start, key.stop, key.step)))
    return function(key) if isinstance(key, Unknown) else key


def unknowns(key):
    found = []
    mapped(key, found.append)
    return [u.value for u in found]


def build_with(key):
    def build(x, *inputs):
        rest = iter(inputs)
        return x[mapped(key, lambda _: next(rest))]

    return build


def plain(key):
    """What NumPy is given: its integers behave as Python's only when they are such."""
    return mapped(key, lambda u: u.value.item() if u.value.ndim == 0 else u.value)


@st.composite
def integers(draw, low, high):
    value = draw(st.integers(low, high))
    return Unknown(value) if draw(st.booleans()) else value


@st.composite
def slices(draw):
    part = st.none() | integers(-6, 6)
    return slice(draw(part), draw(part), draw(st.none() | integers(1, 3) | integers(-3, -1)))


@st.composite
def basic_cases(draw):
    shape = draw(SHAPES)
    key = []
    for length in shape[: draw(st.integers(0, len(shape)))]:
        if length and draw(st.booleans()):
            key.append(draw(integers(-length, length - 1)))
        else:
            key.append(draw(slices()))
    if draw(st.booleans()):
        # Behind an ellipsis indices belong to other dimensions: only slices are sure to fit.
        place = draw(st.integers(0, len(key)))
        key = key[:place] + [Ellipsis] + [k for k in key[place:] if isinstance(k, slice)]
    for _ in range(draw(st.integers(0, 2))):
        key.insert(draw(st.integers(0, len(key))), None)
    return shape, tuple(key)


@st.composite
def advanced_cases(draw):
    shape = draw(SHAPES)
    common = draw(st.lists(st.integers(0, 3), max_size=2).map(tuple))
    key = []
    axis = 0
    while axis < len(shape) and draw(st.integers(0, 3)):
        length = shape[axis]
        kind = draw(st.sampled_from(["array", "array", "integer", "slice", "mask"] if length else ["slice", "mask"]))
        if kind == "array":
            own = tuple(draw(st.sampled_from([n, n, 1])) for n in common)[draw(st.integers(0, len(common))) :]
            count = int(np.prod(own))
            entries = draw(st.lists(st.integers(-length, length - 1), min_size=count, max_size=count))
            array = np.array(entries, dtype=draw(st.sampled_from(["int64", "int32", "int8"]))).reshape(own)
            key.append(draw(st.sampled_from([Unknown(array), array, Unknown(array)])))
        elif kind == "mask":
            rank = draw(st.integers(1, min(2, len(shape) - axis)))
            size = int(np.prod(shape[axis : axis + rank]))
            mask = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), dtype=bool)
            mask = mask.reshape(shape[axis : axis + rank])
            key.append(draw(st.sampled_from([Unknown(mask), mask])))
            axis += rank - 1
        else:
            key.append(draw(integers(-length, length - 1)) if kind == "integer" else draw(slices()))
        axis += 1
    for _ in range(draw(st.integers(0, 1))):
        key.insert(draw(st.integers(0, len(key))), None)
    if draw(st.booleans()):
        key.append(Ellipsis)
    return shape, tuple(key)


@settings(max_examples=150, deadline=None)
@given(basic_cases())
def test_basic_keys(case):
    shape, key = case
    agrees(build_with(key), lambda x, *_: x[plain(key)], numbers(shape), *unknowns(key))


@settings(max_examples=250, deadline=None)
@given(advanced_cases())
def test_advanced_keys(case):
    shape, key = case
    x = numbers(shape)
    try:
        x[plain(key)]
    except IndexError:  # arrays that do not broadcast with one another
        with pytest.raises((IndexError, ValueError)):
            agrees(build_with(key), lambda x, *_: x, x, *unknowns(key))
        return
    agrees(build_with(key), lambda x, *_: x[plain(key)], x, *unknowns(key))


@settings(max_examples=150, deadline=None)
@given(st.one_of(basic_cases(), advanced_cases()), st.booleans(), st.integers(0, 3), st.randoms(use_true_random=False))
def test_changed_parts(case, setting, dropped, random):
    shape, key = case
    key = tuple(k for k in key if k is not None)
    x = numbers(shape)
    try:
        part = x[plain(key)].shape
    except IndexError:
        return
    value_shape = tuple(random.choice([n, n, 1]) for n in part)[min(dropped, len(part)) :]
    y = 100 * numbers(value_shape)

    def reference(x, y, *_):
        result = x.copy()
        if setting:
            result[plain(key)] = y
        else:
            np.add.at(result, plain(key), y)
        return result

    def build(x, y, *inputs):
        change = T.set_subtensor if setting else T.inc_subtensor
        return change(build_with(key)(x, *inputs), y)

    agrees(build, reference, x, y, *unknowns(key))


def test_which_operation_an_index_is():
    x, i, v = T.dtensor3("x"), T.iscalar("i"), T.ivector("v")
    assert x[0, i].owner.op == Subtensor((0, DYNAMIC))
    assert x[:, 1:i:2, :].owner.op == Subtensor((Slice(), Slice(1, DYNAMIC, 2)))
    assert x[v].owner.op == AdvancedSubtensor1()
    assert isinstance(x[:, v].owner.op, AdvancedSubtensor)
    assert isinstance(x[v, v].owner.op, AdvancedSubtensor)
    assert x[0:5].owner.op == x[:5].owner.op == x[T.constant(0) : T.constant(3) + 2].owner.op
    assert x[...].owner.op == Subtensor(())
    assert x[None].ndim == 4 and x[None].broadcastable[0]
    assert T.set_subtensor(x[v], 0).owner.op == AdvancedIncSubtensor1(True)
    assert isinstance(T.inc_subtensor(x[v, :, v], 0).owner.op, AdvancedIncSubtensor)


def test_operations_can_be_pickled_and_compared():
    x, i = T.dmatrix("x"), T.lscalar("i")
    for variable in (x[i:, 2], x[[0, 1], i:], T.set_subtensor(x[i:, ::-1], 1.0)):
        op = variable.owner.op
        assert pickle.loads(pickle.dumps(op)) == op and hash(pickle.loads(pickle.dumps(op))) == hash(op)
    assert str(x[i:, 2].owner.op) == "Subtensor{int64:, 2}"
    assert str(T.set_subtensor(x[1:3], 0).owner.op) == "SetSubtensor{1:3}"


def test_broadcast_patterns():
    row, x = T.drow("r"), T.dmatrix("x")
    assert row[0:].broadcastable == (True, False)
    assert row[::-1].broadcastable == (True, False)
    assert row[1:].broadcastable == (False, False)
    assert row[:5].broadcastable == (True, False)
    assert row[0].broadcastable == (False,)
    assert row[T.lscalar() :].broadcastable == (False, False)
    assert x[None, :, None].broadcastable == (True, False, True, False)
    assert x[[1]].broadcastable == (True, False)
    assert x[T.lrow()].broadcastable == (True, False, False)
    assert T.dtensor3()[T.lcol(), :, T.lrow()].broadcastable == (False, False, False)
    assert T.dtensor3()[[1], :, [2]].broadcastable == (True, False)


@pytest.mark.parametrize(
    "key", [(True,), (False,), (np.True_, slice(1, None)), (slice(None), True), (Ellipsis, False), ([],), ([[], []],)]
)
def test_truth_values_and_empty_lists(key):
    reference = tuple(np.array(k, dtype=int) if isinstance(k, list) else k for k in key)
    agrees(lambda x: x[key], lambda x: x[reference], numbers((3, 2)))


def test_unsigned_bytes_are_numbers_not_masks():
    agrees(lambda x, i: x[i], lambda x, i: x[i], numbers((3, 2)), np.array([1, 0, 1], dtype="uint8"))


def test_a_class_per_row():
    """The expression of every classifier: the probability of the right class of each example."""
    p = np.random.default_rng(0).normal(size=(4, 3))
    y = np.array([0, 2, 1, 1], dtype="int32")
    agrees(lambda p, y: p[T.arange(y.shape[0]), y], lambda p, y: p[np.arange(4), y], p, y)
    check_derivatives(lambda p, y: p[T.arange(y.shape[0]), y], p, also=[y])


@pytest.mark.parametrize(
    "build",
    [
        lambda x: x[1],
        lambda x: x[:, 1:],
        lambda x: x[::-1, T.constant(0)],
        lambda x: x[None, 1:, ..., None],
        lambda x: x[[0, 2, 2, 0]],
        lambda x: x[:, [1, 1, 0]],
        lambda x: x[[0, 1], [1, 1]],
        lambda x: x[x > 0],
        lambda x: T.take(x, [0, 0, 5]),
        lambda x: T.set_subtensor(x[1:], x[:-1] ** 2),
        lambda x: T.inc_subtensor(x[1], x[0, [0]] ** 2),
        lambda x: T.inc_subtensor(x[:, [0, 0]], x[[0], :] ** 2),
        lambda x: T.set_subtensor(x[[2, 0]], x[0] ** 3),
        lambda x: T.inc_subtensor(x[[0, 1], [1, 1]], x[0] ** 2),
        lambda x: T.set_subtensor(x[x > 0], x[0, 0] ** 2),
        lambda x: T.inc_subtensor(x.T[1:].T, x[:, [0]] ** 2),
    ],
)
def test_derivatives(build):
    x = np.random.default_rng(2).normal(size=(3, 2))
    check_derivatives(build, x)
    check_derivatives(lambda x: grad((build(x) ** 3).sum(), x), x, forward=False)


def test_indices_are_disconnected_and_discrete_arrays_have_zero_gradients():
    x, i = T.dvector("x"), T.lscalar("i")
    with pytest.raises(DisconnectedInputError):
        grad(x[i], i)
    n = T.lvector("n")
    gradient = grad((n[1:] * x[0]).sum(), n)
    np.testing.assert_array_equal(evaluate(gradient, {n: np.arange(3), x: np.ones(2)}), np.zeros(3))


def test_changed_parts_behind_dimshuffle_and_reshape():
    agrees(lambda x: T.inc_subtensor(x.T[1:].T, 5.0), lambda x: x + np.array([0, 5.0]), numbers((3, 2)))
    agrees(
        lambda x, y: T.inc_subtensor(x[:4].reshape((2, 2)), y),
        lambda x, y: x + np.array([10.0, 20, 10, 20, 0]),
        numbers((5,)),
        np.array([10.0, 20.0]),
    )


def test_values_are_converted_to_the_array_dtype():
    x = T.fmatrix("x")
    assert T.set_subtensor(x[0], T.dvector()).dtype == "float32"
    agrees(lambda x: T.set_subtensor(x[1:], 2.7), lambda x: np.array([1, 2, 2]), np.array([1, 5, 6]))
    with pytest.raises(TypeError, match="complex"):
        T.set_subtensor(x[0], T.zvector())


def test_errors_of_keys():
    x = T.dmatrix("x")
    with pytest.raises(IndexError, match="too many indices: 3"):
        x[0, 0, 0]
    with pytest.raises(IndexError, match="only one ellipsis"):
        x[..., ...]
    with pytest.raises(TypeError, match=r"integers or bools.*float64"):
        x[T.dscalar()]
    with pytest.raises(TypeError, match="index"):
        x["a"]
    with pytest.raises(TypeError, match="part of a slice"):
        x[1.5:]
    with pytest.raises(ValueError, match="step of a slice cannot be 0"):
        x[::0]
    with pytest.raises(IndexError, match="length 2 for a dimension of length 3"):
        T.constant(np.ones((3, 3)))[np.array([True, False])]


def test_errors_at_run_time():
    x, i, v, m = T.dmatrix("x"), T.lscalar("i"), T.lvector("v"), T.TensorType("bool", (False,))("m")
    value = numbers((3, 2))
    with pytest.raises(IndexError, match=r"index 3 is out of bounds for dimension 0 of length 3"):
        evaluate(x[i], {x: value, i: 3})
    with pytest.raises(IndexError, match=r"index -3 is out of bounds for dimension 1 of length 2"):
        evaluate(T.set_subtensor(x[:, i], 0), {x: value, i: -3})
    with pytest.raises(
        IndexError, match=r"AdvancedSubtensor1: index 7 is out of bounds for dimension 0 of length 3 \(shape \(3, 2\)\)"
    ):
        evaluate(x[v], {x: value, v: np.array([0, 7])})
    with pytest.raises(
        IndexError, match=r"AdvancedIncSubtensor.*: index -3 is out of bounds for dimension 1 of length 2"
    ):
        evaluate(T.inc_subtensor(x[:, v], 1.0), {x: value, v: np.array([0, -3])})
    with pytest.raises(IndexError, match="boolean index"):
        evaluate(x[m], {x: value, m: np.array([True, False])})
    with pytest.raises(ValueError, match="step"):
        evaluate(x[::i], {x: value, i: 0})
    with pytest.raises(ValueError, match=r"shape \(1, 3\) does not fit a part of shape \(3, 2\)"):
        evaluate(T.set_subtensor(x[:], T.constant(np.ones(3))), {x: value})


def test_errors_of_changes():
    x = T.dvector("x")
    with pytest.raises(TypeError, match="result of indexing"):
        T.set_subtensor(x, 1)
    with pytest.raises(TypeError, match="result of indexing"):
        T.inc_subtensor(x + 1, 1)
    with pytest.raises(TypeError, match="rank"):
        T.set_subtensor(x[1:], T.dmatrix())


def test_a_value_that_is_too_long_for_a_single_element_is_refused():
    x, y = T.dmatrix("x"), T.dvector("y")
    changed = T.set_subtensor(x[[1]][0:1, :], 0.0)
    assert changed.ndim == 2
    row = T.inc_subtensor(x[[1]], y)
    np.testing.assert_array_equal(evaluate(row, {x: np.zeros((2, 2)), y: np.ones(2)}), [[0, 0], [1, 1]])


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_take(axis, mode, shape):
    low, high = (0, 2) if mode == "raise" else (-7, 7)
    indices = np.random.default_rng(0).integers(low, high, size=shape)
    agrees(lambda x, i: T.take(x, i, axis, mode), lambda x, i: np.take(x, i, axis, mode=mode), numbers((2, 3)), indices)
    agrees(lambda x: T.take(x, indices, axis, mode), lambda x: np.take(x, indices, axis, mode=mode), numbers((2, 3)))


def test_elements_that_are_not_zero():
    x = np.array([[0.0, 1.5, 0.0], [2.0, 0.0, -1.0]])
    agrees(lambda x: T.nonzero(x), lambda x: tuple(np.nonzero(x)), x)
    agrees(lambda x: T.nonzero(x, return_matrix=True), lambda x: np.stack(np.nonzero(x)), x)
    agrees(T.flatnonzero, np.flatnonzero, x)
    agrees(T.nonzero_values, lambda x: x[np.nonzero(x)], x)
    v = T.dmatrix("v")
    gradient = grad((T.nonzero_values(v) ** 2).sum(), v)
    np.testing.assert_array_equal(evaluate(gradient, {v: x}), 2 * x)
    with pytest.raises(ValueError, match="scalar"):
        T.nonzero(T.dscalar())


def test_deep_chains_of_indices_cost_no_recursion():
    x = T.lvector("x")
    for _ in range(3000):
        x = x[1:]
    with pytest.raises(ValueError, match="run time"):
        T.get_vector_length(x)
    i = T.constant(np.arange(4))[0]
    for _ in range(3000):
        i = x[i]
    assert x[i].ndim == 0


def test_the_module_of_indexing_of_old():
    from theano.tensor.subtensor import AdvancedSubtensor1 as same
    from theano.tensor.subtensor import set_subtensor

    assert set_subtensor is T.set_subtensor and same is AdvancedSubtensor1
    with pytest.raises(ImportError):
        from theano.tensor.subtensor import nothing_of_this_name  # noqa: F401
