"""as_op and the general Ops; what the reference backend asks of `perform`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.compile.ops import as_op, deep_copy_op, view_op

x = T.dvector("x")
REFERENCE = theano.Mode("reference", None)


def test_as_op() -> None:
    @as_op([T.dvector, T.dscalar], [T.dvector, T.dscalar])
    def scaled(a, b):  # type: ignore[no-untyped-def]
        return a * b, a.sum()

    y = T.dscalar("y")
    result, total = theano.function([x, y], scaled(x, y))([1.0, 2.0], 3.0)
    assert result.tolist() == [3, 6] and total == 3
    with pytest.raises(ValueError, match="takes 2 inputs"):
        scaled(x)


def test_as_op_single_and_shape() -> None:
    @as_op(T.dvector, T.dvector, infer_shape=lambda node, shapes: [(shapes[0][0] * 2,)])
    def twice(a):  # type: ignore[no-untyped-def]
        return np.concatenate([a, a])

    assert twice(x).eval({x: [1.0, 2.0]}).tolist() == [1, 2, 1, 2]
    f = theano.function([x], twice(x).shape[0])
    assert f([1.0, 2.0, 3.0]) == 6
    assert "twice" in str(twice)


def test_as_op_checks() -> None:
    with pytest.raises(TypeError, match="itypes"):
        as_op([3], [T.dscalar])  # type: ignore[list-item]

    @as_op([T.dvector], [T.dvector, T.dvector])
    def one(a):  # type: ignore[no-untyped-def]
        return a

    with pytest.raises(ValueError, match="returned 1 value"):
        theano.function([x], one(x))([1.0])


def test_identities() -> None:
    f = theano.function([x], [view_op(x), deep_copy_op(x) + 0])
    assert [r.tolist() for r in f([1.0])] == [[1], [1]]
    assert T.grad(view_op(x).sum(), x).eval({x: [1.0]}).tolist() == [1]
    assert theano.compile.ops.Shape is theano.compile.Shape is T.Shape


class Returns(theano.Op):
    """Gives a fixed value, right or wrong."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def make_node(self, a: Any) -> theano.Apply:
        return theano.Apply(self, [a], [T.dscalar()])

    def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:
        output_storage[0][0] = self.value


def test_numpy_scalars_become_arrays() -> None:
    result = theano.function([x], Returns(np.float64(2))(x), mode=REFERENCE)([1.0])
    assert type(result) is np.ndarray and result.shape == ()


@pytest.mark.parametrize("value", [None, np.float32(2), np.zeros(3), "text"])
def test_wrong_values_are_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="output 0"):
        theano.function([x], Returns(value)(x), mode=REFERENCE)([1.0])


def test_intermediate_results_are_freed() -> None:
    alive: list[Any] = []

    class Watch(theano.Op):
        def make_node(self, a: Any) -> theano.Apply:
            return theano.Apply(self, [a], [a.type()])

        def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:
            import weakref

            output_storage[0][0] = inputs[0] + 1
            alive.append(weakref.ref(output_storage[0][0]))
            still = [r() is not None for r in alive]
            assert sum(still) <= 2

    z = x
    for _ in range(5):
        z = Watch()(z)
    assert theano.function([x], z, mode=REFERENCE)([0.0]).tolist() == [5]


def test_generic_values() -> None:
    s = theano.shared({"rate": 2.0}, "settings")

    class Rate(theano.Op):
        __props__ = ()

        def make_node(self, settings: Any) -> theano.Apply:
            return theano.Apply(self, [settings], [T.dscalar()])

        def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:
            output_storage[0][0] = np.asarray(inputs[0]["rate"])

    assert theano.function([x], Rate()(s) * x)([3.0]).tolist() == [6]
    anything = theano.generic("anything")
    assert theano.function([anything], anything)([1, "a"]) == [1, "a"]
